package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var exported = regexp.MustCompile(`^\s*(?:export\s+(?:default\s+)?(?:async\s+)?(?:function\*?|class|const|let|var|interface|type|enum)\s+(\w+)|module\.exports|exports\.\w+|func\s+(?:\([^)]*\)\s*)?[A-Z]\w*\(|type\s+[A-Z]\w*\b)`)

// riskAPI: what others call is not ours alone to change.
func riskAPI(s Subject) (hotfix.Risk, string) {
	for _, c := range s.source() {
		for _, line := range gone(c) {
			if exported.MatchString(line) {
				return hotfix.MediumRisk, "It changes or removes what " + quoted(c.path()) + " offers to other code."
			}
		}
		for _, line := range fresh(c) {
			if exported.MatchString(line) && !c.IsNew {
				return hotfix.LowRisk, "It adds to what " + quoted(c.path()) + " offers to other code."
			}
		}
	}
	return 0, ""
}
