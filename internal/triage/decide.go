package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A weight is what a signal that fires does.
type weight int

const (
	soft weight = iota // no attempt, unless the policy takes the risk or a person asked
	firm               // no attempt, whoever asks
	stop               // nothing is written at all
)

// A signal is one rule that may speak against going further. check returns a sentence, "" if it stays silent.
type signal struct {
	rule   string
	weight weight
	check  func(Policy, hotfix.Case, hotfix.Change) (hotfix.Risk, string)
}

// signals are all rules, in the order in which people read them.
func signals() []signal {
	return []signal{
		{"duplicate", stop, duplicate},
		{"switched-off", stop, switchedOff},
		{"repository-not-allowed", stop, repositoryNotAllowed},
		{"muted", stop, muted},
		{"own-repository", firm, ownRepository},
		{"kernel", firm, kernelFailure},
		{"fixes-off", firm, fixesOff},
		{"attempt-under-way", firm, attemptUnderWay},
		{"proposal-open", firm, proposalOpen},
		{"daily-limit", firm, dailyLimit},
		{"too-many-open", firm, tooManyOpen},
		{"quiet-hours", soft, quietHours},
		{"spread", soft, spread},
		{"transient", soft, transient},
		{"not-code", soft, notCode},
		{"pull-request", soft, pullRequest},
		{"too-soon", soft, tooSoon},
		{"too-many-attempts", soft, tooManyAttempts},
	}
}

// Decide says how far to go with a case, before any token is spent. A failure in an allowed repository is always
// reported. An attempt at a fix follows when no firm signal fires and every soft one is waived: by a person who
// asked, or by p.MaxRisk. Risk is the highest of the signals that fired.
func (p Policy) Decide(c hotfix.Case, change hotfix.Change) hotfix.Decision {
	d := hotfix.Decision{Action: hotfix.Fix}
	for _, s := range signals() {
		risk, because := s.check(p, c, change)
		if because == "" {
			continue
		}
		waived := s.weight == soft && (change == hotfix.Asked || risk <= min(p.MaxRisk, hotfix.MediumRisk))
		switch {
		case s.weight == stop:
			d.Action = hotfix.Ignore
		case !waived:
			d.Action = min(d.Action, hotfix.Report)
		}
		d.Risk = max(d.Risk, risk)
		d.Reasons = append(d.Reasons, hotfix.Reason{Rule: s.rule, Because: because, Soft: s.weight == soft})
		if s.weight == stop {
			return d // what else holds does not matter
		}
	}
	if d.Action == hotfix.Fix {
		d.Reasons = append([]hotfix.Reason{goAhead(c, change)}, d.Reasons...)
	}
	return d
}

// goAhead is why an attempt is made.
func goAhead(c hotfix.Case, change hotfix.Change) hotfix.Reason {
	if change == hotfix.Asked {
		by := "A maintainer"
		if c.Ask != nil && c.Ask.By != "" {
			by = c.Ask.By
		}
		return hotfix.Reason{Rule: "asked", Because: by + " asked for an attempt."}
	}
	return hotfix.Reason{Rule: "no-objection", Because: "The repository is allowed, fixes are on, and nothing that is known of this failure speaks against an attempt."}
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return fmt.Sprintf("%d times", n)
}
