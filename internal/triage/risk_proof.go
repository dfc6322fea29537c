package triage

import (
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskProof: a proof can be complete and thin.
func riskProof(s Subject) (hotfix.Risk, string) {
	e := s.Evidence
	switch {
	case e.Suite != nil && len(e.Suite.Tests) == 0:
		return hotfix.MediumRisk, "The project's runner gives no result by test, only one for all of them."
	case e.Base != nil && !e.Base.Passed:
		return hotfix.MediumRisk, "Some of the project's tests fail with and without the patch, so they show nothing."
	case len(e.Flaky) > 0:
		return hotfix.LowRisk, "Tests that differ from run to run were left out of the comparison: " + names(e.Flaky) + "."
	}
	return 0, ""
}

// names lists some names as part of a sentence.
func names(list []string) string {
	var out []string
	for _, n := range list {
		out = append(out, quoted(n))
	}
	if more := len(out) - 5; more > 0 {
		out = append(out[:5], fmt.Sprintf("%d more", more))
	}
	return strings.Join(out, ", ")
}
