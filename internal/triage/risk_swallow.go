package triage

import (
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var (
	hides = regexp.MustCompile(`\bcatch\s*(?:\(\s*\w*\s*\))?\s*\{|\.catch\s*\(|\brecover\(\)|\bexcept\b`)
	tells = regexp.MustCompile(`\bthrow\b|\breject\(|\bpanic\(|\breturn\b.*\b(?:err|error|e)\b|\b(?:log|logger|console)\.\w+\(|\bErrorf?\(`)
)

// riskSwallow: an error that nobody hears of is not repaired.
func riskSwallow(s Subject) (hotfix.Risk, string) {
	for _, c := range s.source() {
		added := fresh(c)
		for i, line := range added {
			if !hides.MatchString(line) || comment(line) {
				continue
			}
			near := strings.Join(added[i:min(i+4, len(added))], "\n")
			if !tells.MatchString(near) {
				return hotfix.HighRisk, "It catches an error and goes on without telling anybody, in " + quoted(c.path()) + "."
			}
			return hotfix.MediumRisk, "It catches an error, in " + quoted(c.path()) + "."
		}
	}
	return 0, ""
}
