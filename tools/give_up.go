package tools

import (
	"context"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

type giveUpArgs struct {
	Reason      string `json:"reason" enum:"not-reproducible,cause-unclear,not-in-this-repository,needs-a-decision,needs-access,setting-or-dependency,environment,too-risky,already-fixed" doc:"needs-a-decision: a person must choose the behaviour. setting-or-dependency: one must change. environment: a service, network or machine failed."`
	Explanation string `json:"explanation" doc:"For a maintainer, two to five sentences: what you found, with files and lines."`
	Needed      string `json:"needed,omitempty" doc:"What would make a fix possible."`
}

// obstacles are the reasons in words for a maintainer.
var obstacles = map[string]string{
	"not-reproducible":       "The failure could not be reproduced by a test.",
	"cause-unclear":          "The cause was not found.",
	"not-in-this-repository": "The cause lies outside this repository.",
	"needs-a-decision":       "A maintainer has to decide how it should behave.",
	"needs-access":           "It needs access to something that is not reachable from the sandbox.",
	"setting-or-dependency":  "A setting, a permission or a dependency is at fault, not the code; that is left to people.",
	"environment":            "The environment is at fault, not the code.",
	"too-risky":              "A fix would be too risky to make automatically.",
	"already-fixed":          "The code at hand does not fail in this way.",
}

var giveUp = define("give-up",
	"End without a fix.",
	func(_ context.Context, b *Bench, args giveUpArgs) (agent.Result, error) {
		if strings.TrimSpace(args.Explanation) == "" {
			return agent.Result{}, mistakef("explanation is empty: say what you found out")
		}
		says := obstacles[args.Reason] + " " + strings.TrimSpace(args.Explanation)
		if needed := strings.TrimSpace(args.Needed); needed != "" {
			says += " What would help: " + needed
		}
		b.GaveUp, b.Obstacle = clean(clip(says, 3000)), args.Reason
		return agent.Result{Text: "ended without a fix", Done: true, Stop: agent.GaveUp}, nil
	}).ending()
