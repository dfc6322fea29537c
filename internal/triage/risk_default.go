package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var (
	defaulting = regexp.MustCompile(`\?\?|\?\.|\|\|\s*(?:["'\x60\[{(]|\d|null|undefined)|\?\s*[^:]+:\s*(?:["'\x60\[{]|\d|null|undefined|0n)`)
	constant   = regexp.MustCompile(`^\s*return\s*(?:\[\]|\{\}|null|undefined|true|false|-?\d+n?|""|''|nil)?\s*;?\s*$|^\s*(?:continue|break);?\s*$`)
)

// riskDefault: a constant in place of an answer is right for some input and hides the fault for other.
func riskDefault(s Subject) (hotfix.Risk, string) {
	for _, c := range s.source() {
		for _, line := range fresh(c) {
			if constant.MatchString(line) {
				return hotfix.MediumRisk, "It leaves early with a constant, or passes over something, in " + quoted(c.path()) + "."
			}
			if defaulting.MatchString(line) && !comment(line) {
				return hotfix.LowRisk, "It puts a default where something is missing, in " + quoted(c.path()) + "."
			}
		}
	}
	return 0, ""
}
