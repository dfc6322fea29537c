package triage

import (
	"fmt"
	"path"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskSpread: one fault seldom has many places.
func riskSpread(s Subject) (hotfix.Risk, string) {
	dirs := map[string]bool{}
	for _, c := range s.source() {
		dirs[path.Dir(c.path())] = true
	}
	n := len(s.source())
	says := fmt.Sprintf("It changes %d files in %d directories outside of tests.", n, len(dirs))
	switch {
	case n <= 1:
		return 0, ""
	case n <= 3 && len(dirs) == 1:
		return hotfix.LowRisk, says
	case n <= 5:
		return hotfix.MediumRisk, says
	}
	return hotfix.HighRisk, says
}
