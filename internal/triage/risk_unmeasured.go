package triage

import (
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskUnmeasured: where nobody can tell which lines the added test runs, a person has to look.
func riskUnmeasured(s Subject) (hotfix.Risk, string) {
	if s.Evidence.Lines != nil {
		return 0, ""
	}
	return hotfix.MediumRisk, "The project's test runner does not tell which of the changed lines the added test runs."
}
