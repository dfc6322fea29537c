package triage

import (
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskOpinion: a second model that disagrees raises the tier. One that agrees changes nothing.
func riskOpinion(s Subject) (hotfix.Risk, string) {
	if s.Opinion == nil || s.Opinion.Level == hotfix.LowRisk {
		return 0, ""
	}
	return s.Opinion.Level, "A second opinion disagrees: " + s.Opinion.Because.String()
}
