package triage

import (
	"fmt"

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

// held are the reasons for holding back: the firm signals of high level, or else the probability with what spoke loudest.
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
	because := fmt.Sprintf("The probability that this fix is wrong is %.0f%%, and from %.0f%% on none is proposed.", a.Wrong*100, weights.HighAt*100)
	for _, s := range a.Signals {
		if s.Level > hotfix.LowRisk {
			because += " " + s.Because
		}
	}
	because += " A smaller change, or tests that also run the cases beside the reported one, make it less likely."
	return []hotfix.Reason{{Rule: "risk-high", Because: because}}
}
