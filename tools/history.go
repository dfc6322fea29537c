package tools

import (
	"context"
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

type historyArgs struct {
	Count int `json:"count,omitempty" doc:"How many commits, 1 to 50. Empty is 15."`
}

var history = define("history",
	"List the latest commits up to the one that failed, newest first.",
	func(ctx context.Context, b *Bench, args historyArgs) (agent.Result, error) {
		if args.Count < 0 || args.Count > 50 {
			return agent.Result{}, mistakef("count must be 1 to 50")
		}
		if args.Count == 0 {
			args.Count = 15
		}
		t, err := b.tree(ctx)
		if err != nil {
			return agent.Result{}, err
		}
		commits, err := t.History(args.Count)
		if err != nil {
			return agent.Result{}, err
		}
		var out strings.Builder
		var facts []string
		for _, c := range commits {
			subject, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
			fmt.Fprintf(&out, "%.10s %s %s: %s\n", c.Hash, c.When.UTC().Format("2006-01-02"), clip(c.Author, 40), clip(subject, 160))
			facts = append(facts, c.Hash)
		}
		if len(commits) < args.Count {
			out.WriteString("[no older commits are at hand]\n")
		}
		return agent.Result{Text: out.String(), Facts: facts}, nil
	}).reading()
