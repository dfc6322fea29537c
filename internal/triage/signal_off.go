package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// switchedOff: somebody switched the daemon off.
func switchedOff(p Policy, _ hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	if p.Off == "" {
		return 0, ""
	}
	return hotfix.LowRisk, fmt.Sprintf("The daemon is switched off here: %s.", p.Off)
}
