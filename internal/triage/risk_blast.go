package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskBlast: what many files import breaks in many places.
func riskBlast(s Subject) (hotfix.Risk, string) {
	most, where := 0, ""
	for _, c := range s.source() {
		if n := s.Terrain.Importers[c.path()]; n > most {
			most, where = n, c.path()
		}
	}
	says := fmt.Sprintf("%d files import %s.", most, quoted(where))
	switch {
	case most < 4:
		return 0, ""
	case most < 12:
		return hotfix.LowRisk, says
	}
	return hotfix.MediumRisk, says
}
