package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// fixesOff: fixes are switched off or impossible.
func fixesOff(p Policy, _ hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	if p.NoFix == "" {
		return 0, ""
	}
	return hotfix.LowRisk, fmt.Sprintf("Fixes are off: %s.", p.NoFix)
}
