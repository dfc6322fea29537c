// Package local is the story of a fix without a forge and without a case: a failure and a checkout go in, a proven
// patch or an honest refusal comes out.
package local

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/prompts"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// A Config is what one attempt works with. Logs, Price and the three watchers may be nil.
type Config struct {
	Model  agent.Model
	Box    sandbox.Box
	Tree   *sandbox.Tree
	Policy triage.Policy // its bounds on a patch; what it says of repositories and of attempts a day is not asked
	Budget agent.Budget
	Price  func(agent.Tokens) float64
	Logs   func(context.Context) (redact.Text, error)
	Hint   redact.Text
	Name   string                                  // of the repository, for a failure that names none
	Green  func(context.Context) ([]string, error) // commits whose checks passed; nil: nobody knows

	NoCommands bool // the model may not run commands of its own
	Now        func() time.Time

	Call     func(agent.Call) // before each call; calls that only read may come from several goroutines at once
	Step     func(agent.Step) // after each step
	Progress func(string)     // what goes on inside a call
}

// A Result is what came of an attempt.
type Result struct {
	Outcome hotfix.Outcome
	Reason  string      // in a word why there is no patch: what give-up was given, the rules that refused, or how the run ended; "" if there is one
	Draft   tools.Draft // what the model says of its patch, if there is one
	Run     *agent.Run
}

// Fix makes one attempt at a failure. The error means that the machinery failed or that ctx ended; what was done until
// then is in the Result.
func Fix(ctx context.Context, cfg Config, f hotfix.Failure) (Result, error) {
	var r Result
	bench := &tools.Bench{
		Logs: cfg.Logs, Box: cfg.Box, Commands: !cfg.NoCommands, Vet: cfg.Policy.Vet, Progress: cfg.Progress, Green: cfg.Green,
		Proof: sandbox.Prover{Reported: redact.Join([]redact.Text{f.Message, f.Stack}, "\n"), Origin: true},
		Clone: func(context.Context) (*sandbox.Tree, error) { return cfg.Tree, nil },
		Open: func(_ context.Context, d tools.Draft) (int, error) {
			r.Draft = d
			return 1, nil // there is no number: the patch is handed back
		},
	}
	task, err := cfg.task(ctx, bench, f)
	if err != nil {
		r.Outcome.Ending = hotfix.Broken
		return r, err
	}
	a := agent.Agent{Model: cfg.Model, Tools: tools.On(bench, tools.All), Budget: tools.Bounded(cfg.Budget), Price: cfg.Price, Now: cfg.Now,
		Before: cfg.Call, Watch: cfg.Step}
	r.Run, err = a.Run(ctx, task)
	if err == nil && r.Run.Stop != agent.Finished && r.Run.Stop != agent.GaveUp {
		err = submit(ctx, bench, f)
	}
	if err != nil {
		r.Outcome = hotfix.Outcome{Ending: hotfix.Broken, Says: redact.Scrub(err.Error())}
		return r, err
	}
	r.Outcome, r.Reason = outcome(r.Run, bench)
	return r, nil
}

// submit proposes what a run that ended early has left in the tree: the proof decides, not the manner of the ending.
func submit(ctx context.Context, b *tools.Bench, f hotfix.Failure) error {
	_, err := tools.Submit(ctx, b, tools.Draft{Title: redact.Scrub("fix: " + triage.Title(f)).Head(72).String(),
		Explanation: "The run ended before the model had explained its patch. The regression test shows what it is about."})
	if err != nil {
		return fmt.Errorf("propose what the run left: %w", err)
	}
	return nil
}

// task puts the failure into words for the model, with the likeliest places of the repository.
func (cfg Config) task(ctx context.Context, b *tools.Bench, f hotfix.Failure) (agent.Task, error) {
	if cfg.Model == nil || cfg.Box == nil || cfg.Tree == nil {
		return agent.Task{}, errors.New("fix: Model, Box and Tree are required")
	}
	prompt, err := prompts.Load("fix")
	if err != nil {
		return agent.Task{}, err
	}
	view, err := tools.Look(ctx, b, f, Frames(f))
	if err != nil {
		return agent.Task{}, err
	}
	fix := prompts.Fix{
		Plugin: cmp.Or(f.Plugin.ID, cfg.Name), Repo: cmp.Or(f.Plugin.Repo.String(), cfg.Name), Ref: f.Plugin.Ref, Status: f.Status,
		Trigger: f.Trigger.Event, Seen: 1, Message: f.Message, Stack: f.Stack, Logs: view.Log, WholeLog: view.WholeLog,
		Truncated: f.Truncated, CI: f.Run != nil, Repository: view.Repository, Wishes: view.Wishes, Hint: cfg.Hint,
		MaxFiles: cfg.Policy.MaxFiles, MaxLines: cfg.Policy.MaxLines, Commands: b.Commands,
	}
	system, user, err := prompt.Render(fix)
	if err != nil {
		return agent.Task{}, fmt.Errorf("prompt: %w", err)
	}
	return agent.Task{ID: "local-" + f.ID, System: system, Prompt: user, Temperature: prompt.Temperature}, nil
}

// Frames are the plugin's own places that the failure names.
func Frames(f hotfix.Failure) []tools.Frame {
	var out []tools.Frame
	for _, at := range triage.Frames(f) {
		out = append(out, tools.Frame{Path: at.File, Line: at.Line})
	}
	return out
}

// outcome reads off the bench what the run came to. What the model says of itself counts for nothing.
func outcome(run *agent.Run, b *tools.Bench) (hotfix.Outcome, string) {
	o := hotfix.Outcome{Ending: hotfix.NoFix, Patch: b.Patch, Evidence: b.Evidence, Refusals: b.Refused, Says: redact.Scrub(b.GaveUp)}
	reason := string(run.Stop)
	switch {
	case b.PR != 0:
		o.Ending, o.Refusals, reason = hotfix.DraftOpened, nil, ""
		return o, reason
	case b.GaveUp != "":
		reason = b.Obstacle
	case run.Stop == agent.OverBudget:
		o.Ending = hotfix.OverBudget
	case len(b.Refused) > 0:
		o.Ending, reason = hotfix.Refused, rules(b.Refused)
	}
	if o.Says.Empty() {
		o.Says = redact.Scrub(run.Because)
	}
	return o, reason
}

// rules names what refused a patch, each once.
func rules(reasons []hotfix.Reason) string {
	var names []string
	seen := map[string]bool{}
	for _, r := range reasons {
		if !seen[r.Rule] {
			seen[r.Rule] = true
			names = append(names, r.Rule)
		}
	}
	return strings.Join(names, ",")
}
