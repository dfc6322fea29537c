package triage

import (
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskCategory: outside of code that throws, a change of code seldom is the answer.
func riskCategory(s Subject) (hotfix.Risk, string) {
	if level, because := notCode(Policy{}, s.Case, ""); because != "" {
		return level, because
	}
	return 0, ""
}
