package triage

import (
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Publication is how far a proven and vetted patch goes.
type Publication int

// The publications, in order.
const (
	IssueOnly Publication = iota // the issue says that there is a fix and why it is not proposed
	DraftPull
	ReadyPull // GitHub merges it when its own checks have passed; the daemon never does
)

// Publish says how far a patch goes that was assessed so. Reasons are why it goes no further than the issue.
func (p Policy) Publish(a hotfix.Assessment) (Publication, []hotfix.Reason) {
	switch {
	case a.Tier >= hotfix.HighRisk:
		return IssueOnly, held(a)
	case a.Tier == hotfix.LowRisk && p.AutoMerge:
		return ReadyPull, nil
	}
	return DraftPull, nil
}

// held are the reasons for holding back: the firm signals of high level, or else what spoke loudest and which tests would help. No
// figure is told: it would invite to add whatever lowers it.
func held(a hotfix.Assessment) []hotfix.Reason {
	var out []hotfix.Reason
	for _, s := range a.Signals {
		if s.Firm && s.Level == hotfix.HighRisk {
			out = append(out, hotfix.Reason{Rule: s.Rule, Because: s.Because})
		}
	}
	if len(out) > 0 {
		return out
	}
	because := "Too much speaks against this fix for it to be proposed."
	for _, s := range a.Signals {
		if s.Level > hotfix.LowRisk {
			because += " " + s.Because
		}
	}
	because += " What helps is a smaller change, or tests of what else runs through the changed lines: nothing, one, several, and what was right before, each with its exact result."
	return []hotfix.Reason{{Rule: "risk-high", Because: because}}
}
