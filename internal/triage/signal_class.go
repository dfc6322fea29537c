package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// notCode: a configuration, a permission or a workflow file is to be changed, and those are left to people.
func notCode(_ Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	switch Classify(c.Latest) {
	case hotfix.ClassDispatch:
		return hotfix.MediumRisk, "GitHub refused to start the plugin's workflow; its workflow file or configuration is to be changed, which is left to people."
	case hotfix.ClassHTTP4xx:
		if c.Latest.Status == 429 { // transient speaks
			return 0, ""
		}
		return hotfix.MediumRisk, fmt.Sprintf("%s usually means a wrong address, permission or setting, not a bug in the plugin's code.", refusal(c.Latest.Status))
	}
	return 0, ""
}

func refusal(status int) string {
	if status == 0 {
		return "A refused request"
	}
	return fmt.Sprintf("Status %d", status)
}
