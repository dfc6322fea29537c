package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var guard = regexp.MustCompile(`\bthrow\b|\bif\s*\(|\bassert\w*\(|\bvalidate\w*\(|\bif\s+err\b|\breturn\s+(?:nil,\s*)?(?:err|fmt\.Errorf|errors\.New)`)

// riskRemoval: a check that is taken out stops complaining, which is not the same as being right.
func riskRemoval(s Subject) (hotfix.Risk, string) {
	for _, c := range s.source() {
		removed, added := 0, 0
		for _, line := range gone(c) {
			if guard.MatchString(line) {
				removed++
			}
		}
		for _, line := range fresh(c) {
			if guard.MatchString(line) {
				added++
			}
		}
		if removed > added {
			return hotfix.MediumRisk, "It takes out a check, in " + quoted(c.path()) + "."
		}
	}
	return 0, ""
}
