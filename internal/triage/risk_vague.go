package triage

import (
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskVague: a failure that says little can be met by many a test that means something else.
func riskVague(s Subject) (hotfix.Risk, string) {
	f := s.Case.Latest
	switch {
	case len(f.Message.String()) < 12:
		return hotfix.MediumRisk, "The failure says next to nothing, so a test can hardly show the same one."
	case f.Truncated:
		return hotfix.LowRisk, "The sender cut the failure's message."
	}
	return 0, ""
}
