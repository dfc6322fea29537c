package triage

import (
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// pullRequest: a run of somebody's unfinished work is theirs to mend.
func pullRequest(_ Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	f := c.Latest
	if f.Plugin.Kind != "ci" || f.Trigger.Number == 0 && !strings.HasPrefix(f.Trigger.Event, "pull_request") {
		return 0, ""
	}
	which := "a pull request"
	if f.Trigger.Number != 0 {
		which = fmt.Sprintf("pull request #%d", f.Trigger.Number)
	}
	return hotfix.MediumRisk, fmt.Sprintf("The run belongs to %s, whose author is still at work.", which)
}
