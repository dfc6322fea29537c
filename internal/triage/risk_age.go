package triage

import (
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskAge: lines that stood for years have users who rely on them as they are.
func riskAge(s Subject) (hotfix.Risk, string) {
	const year = 365 * 24 * time.Hour
	for _, c := range s.source() {
		if age := s.Terrain.Age[c.path()]; age >= year {
			return hotfix.LowRisk, fmt.Sprintf("The lines that it changes in %s are more than %d years old.", quoted(c.path()), age/year)
		}
	}
	return 0, ""
}
