package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// thick is how many things an added test should check: the fault, and what is next to it.
const thick = 3

// riskThin: a test that checks one thing is passed by many a fix that is right only there.
func riskThin(s Subject) (hotfix.Risk, string) {
	n := 0
	for _, c := range s.tests() {
		for _, line := range fresh(c) {
			if assertion.MatchString(line) && !imports.MatchString(line) && !comment(line) {
				n++
			}
		}
	}
	if n >= thick {
		return 0, ""
	}
	return hotfix.MediumRisk, fmt.Sprintf("The added test checks %s, so little is known of what is next to the fault.", things(n))
}

func things(n int) string {
	if n == 1 {
		return "one thing"
	}
	return fmt.Sprintf("%d things", n)
}
