package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskChurn: what changes all the time is not understood yet.
func riskChurn(s Subject) (hotfix.Risk, string) {
	for _, c := range s.source() {
		if n := s.Terrain.Changes[c.path()]; n >= 10 {
			return hotfix.MediumRisk, fmt.Sprintf("%s was changed in %d of the latest commits.", quoted(c.path()), n)
		}
	}
	return 0, ""
}
