package triage

import (
	"slices"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// muted: people do not want to hear of this case. Closing its issue as not planned is final until one of them asks.
func muted(p Policy, c hotfix.Case, change hotfix.Change) (hotfix.Risk, string) {
	if c.State == hotfix.Ignored && change != hotfix.Asked {
		return hotfix.LowRisk, "A person closed the issue as not planned; failures are counted and nothing else."
	}
	if !slices.Contains(p.Muted, c.Fingerprint) {
		return 0, ""
	}
	return hotfix.LowRisk, "This problem is muted; it is counted and nothing else."
}
