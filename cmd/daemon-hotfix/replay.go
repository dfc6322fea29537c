package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/replay"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// A replayCmd shows again what the daemon makes of a failure.
type replayCmd struct {
	storeFlags `embed:""`

	What   string      `arg:"" help:"A capsule, an event in a file, or a case in the store: owner/name#12, or enough of its fingerprint." placeholder:"CAPSULE|EVENT|CASE"`
	JSON   bool        `help:"Print one JSON object."`
	Budget budgetFlags `embed:"" prefix:"budget-"`
}

// Help is the long text of `replay --help`.
func (*replayCmd) Help() string {
	return `Nothing is written anywhere, no model is asked and no command is run. Printed is which problem the failure is, and what would be
decided if it were seen for the first time in a repository that is allowed. Of a case, each recorded attempt is played again as
well: the model's replies, the tools' results and the clock come from the record, and the first step at which today's loop
does something else is named. The exit status is 4 if there is one. Give the budget that the daemon had when it recorded.

For an attempt at the failure itself, with a live model: daemon-hotfix fix --signal EVENT --repo DIR.

Examples:
  daemon-hotfix replay greeter-12.json
  daemon-hotfix replay acme/greeter#12`
}

// exitDiverges is the exit status when a recorded run comes to something else.
const exitDiverges = 4

// A replayReport is what --json prints.
type replayReport struct {
	Title       string             `json:"title"`
	Class       hotfix.Class       `json:"class"`
	Fingerprint hotfix.Fingerprint `json:"fingerprint"`
	Recorded    hotfix.Fingerprint `json:"recorded,omitempty"` // what it was when it was recorded, if that is known
	Decision    hotfix.Decision    `json:"decision"`
	Runs        []replayedRun      `json:"runs,omitempty"`
}

// A replayedRun is how playing a run again went.
type replayedRun struct {
	ID       string `json:"id"`
	Steps    int    `json:"steps"`
	Diverges string `json:"diverges,omitempty"`
	Cannot   string `json:"cannot,omitempty"` // why it was not played
}

// Run shows it.
func (c *replayCmd) Run(ctx context.Context, std streams) error {
	report, err := c.report(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(std.Out)
		enc.SetEscapeHTML(false)
		err = enc.Encode(report)
	} else {
		report.print(std.Out)
	}
	for _, r := range report.Runs {
		if r.Diverges != "" {
			return errors.Join(err, exit(exitDiverges))
		}
	}
	return err
}

func (c *replayCmd) report(ctx context.Context) (replayReport, error) {
	data, err := os.ReadFile(c.What)
	if errors.Is(err, os.ErrNotExist) {
		return c.stored(ctx)
	}
	if err != nil {
		return replayReport{}, err
	}
	var shape struct {
		Version     int    `json:"version"`
		Fingerprint string `json:"fingerprint"`
	}
	if json.Unmarshal(data, &shape) == nil && shape.Version != 0 && shape.Fingerprint != "" {
		made, err := capsule.Read(bytes.NewReader(data))
		if err != nil {
			return replayReport{}, err
		}
		return triaged(made.Failure, made.Fingerprint), nil
	}
	f, err := readSignal(data, time.Now())
	if err != nil {
		return replayReport{}, err
	}
	return triaged(f, ""), nil
}

// triaged says what is made of a failure that is seen for the first time.
func triaged(f hotfix.Failure, recorded hotfix.Fingerprint) replayReport {
	r := replayReport{Title: triage.Title(f), Class: triage.Classify(f), Fingerprint: triage.Fingerprint(f), Recorded: recorded}
	fresh := hotfix.Case{Fingerprint: r.Fingerprint, Repo: f.Plugin.Repo}
	change := fresh.Observe(hotfix.Sighting{Failure: f, Names: []string{f.ID}})
	policy := triage.Policy{Allow: []hotfix.Repo{f.Plugin.Repo}, MaxFixesPerDay: 1, MaxAttempts: 1, MaxFiles: 1, MaxLines: 1}
	r.Decision = policy.Decide(fresh, change)
	return r
}

// stored shows a case's latest failure, and plays its attempts.
func (c *replayCmd) stored(ctx context.Context) (replayReport, error) {
	s, err := c.open(ctx)
	if err != nil {
		return replayReport{}, err
	}
	defer s.Close()
	found, err := findCase(ctx, s, c.What)
	if err != nil {
		return replayReport{}, err
	}
	r := triaged(found.Latest, found.Fingerprint)
	budget := agent.Budget{Steps: c.Budget.Steps, Tokens: c.Budget.Tokens, Money: c.Budget.Money}
	for _, a := range found.Attempts {
		run, err := s.Run(ctx, a.RunID)
		if errors.Is(err, store.ErrNotFound) {
			r.Runs = append(r.Runs, replayedRun{ID: a.RunID, Cannot: "its transcript was not kept"})
			continue
		}
		if err != nil {
			return r, err
		}
		played := replayedRun{ID: a.RunID, Steps: len(run.Steps)}
		diverges, err := replay.Run(ctx, run, everyTool(), budget)
		switch {
		case ctx.Err() != nil:
			return r, ctx.Err()
		case err != nil:
			played.Cannot = err.Error()
		case diverges != nil:
			played.Diverges = diverges.String()
		}
		r.Runs = append(r.Runs, played)
	}
	return r, nil
}

// everyTool is all that the model can have had. None is called: the record answers for them.
func everyTool() []agent.Tool {
	return tools.On(&tools.Bench{Box: shut{}, Commands: true,
		Logs: func(context.Context) (redact.Text, error) { return redact.Text{}, errShut },
		Open: func(context.Context, tools.Draft) (int, error) { return 0, errShut }}, tools.All)
}

var errShut = errors.New("nothing is done in a replay")

// A shut is a box in which nothing runs.
type shut struct{}

// Run refuses.
func (shut) Run(context.Context, *sandbox.Tree, sandbox.Command) (sandbox.Result, error) {
	return sandbox.Result{}, errShut
}

func (r replayReport) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n  kind         %s\n  fingerprint  %s\n", r.Title, r.Class, r.Fingerprint)
	if r.Recorded != "" && r.Recorded != r.Fingerprint {
		fmt.Fprintf(w, "  recorded as  %s\n", r.Recorded)
	}
	fmt.Fprintf(w, "  decision     %s, risk %s\n", r.Decision.Action, r.Decision.Risk)
	for _, why := range r.Decision.Reasons {
		fmt.Fprintf(w, "               %s (%s)\n", why.Because, why.Rule)
	}
	for _, run := range r.Runs {
		switch {
		case run.Cannot != "":
			fmt.Fprintf(w, "run %s: not played: %s\n", run.ID, run.Cannot)
		case run.Diverges != "":
			fmt.Fprintf(w, "run %s: diverges %s\n", run.ID, run.Diverges)
		default:
			fmt.Fprintf(w, "run %s: %d steps, the same as recorded\n", run.ID, run.Steps)
		}
	}
}
