package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// quietHours: those who review asked not to be disturbed.
func quietHours(p Policy, _ hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	if !p.Quiet.Holds(p.At) {
		return 0, ""
	}
	return hotfix.HighRisk, fmt.Sprintf("These are quiet hours here: %s.", p.Quiet)
}
