package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// togetherMin is how many other repositories must fail alike before what they share is suspected.
const togetherMin = 3

// spread: what fails in many places at once is seldom the fault of one of them.
func spread(p Policy, _ hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	if p.Together < togetherMin {
		return 0, ""
	}
	return hotfix.MediumRisk, fmt.Sprintf("%d other repositories failed in the same way within ten minutes; that points to what they share.", p.Together)
}
