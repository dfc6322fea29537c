package triage

import (
	"fmt"
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// thick is how many things an added test should check: the fault, and what is next to it.
const thick = 3

// loop is the head of a loop over cases.
var loop = regexp.MustCompile(`^\s*(?:for|while)\b|\.(?:forEach|each|map)\b|\bparametrize\b`)

// riskThin: a test that checks one thing is passed by many a fix that is right only there. What is checked in a loop is
// checked of several things.
func riskThin(s Subject) (hotfix.Risk, string) {
	n := 0
	for _, c := range s.tests() {
		times := 1
		for _, line := range fresh(c) {
			if loop.MatchString(line) {
				times = thick
			}
			if assertion.MatchString(line) && !imports.MatchString(line) && !comment(line) {
				n += times
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
