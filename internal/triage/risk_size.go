package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskSize: a large change hides more than a small one.
func riskSize(s Subject) (hotfix.Risk, string) {
	n := 0
	for _, c := range s.source() {
		n += len(c.added) + len(c.removed)
	}
	says := fmt.Sprintf("It changes %d lines outside of tests.", n)
	switch {
	case n <= 12:
		return 0, ""
	case n <= 40:
		return hotfix.LowRisk, says
	case n <= 150:
		return hotfix.MediumRisk, says
	}
	return hotfix.HighRisk, says
}
