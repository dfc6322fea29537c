package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/replay"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/prompts"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// A replayedRun is how playing a run again went.
type replayedRun struct {
	ID       string   `json:"id"`
	Steps    int      `json:"steps"`
	Prompt   string   `json:"prompt,omitempty"` // hash of what the model was told; "" if it could not be rendered anew
	Again    int      `json:"again"`            // calls that were made anew
	Notes    []string `json:"notes,omitempty"`  // why not more was done anew
	Step     int      `json:"step,omitempty"`   // the first that diverges
	Field    string   `json:"field,omitempty"`  // of that step
	Diverges string   `json:"diverges,omitempty"`
	Cannot   string   `json:"cannot,omitempty"` // why it was not played
}

func (r *replayedRun) note(format string, args ...any) {
	r.Notes = append(r.Notes, fmt.Sprintf(format, args...))
}

func (r *replayedRun) diverged(d *replay.Divergence) {
	r.Step, r.Field, r.Diverges = d.Step, d.Field, d.String()
}

func (r *replayedRun) print(w io.Writer) {
	switch {
	case r.Cannot != "":
		fmt.Fprintf(w, "run %s: not played: %s\n", r.ID, r.Cannot)
	case r.Diverges != "":
		fmt.Fprintf(w, "run %s: diverges %s\n", r.ID, r.Diverges)
	default:
		fmt.Fprintf(w, "run %s: %s, %s made anew, the same as recorded\n", r.ID, count(r.Steps, "step", "steps"), count(r.Again, "call", "calls"))
	}
	if r.Prompt != "" {
		fmt.Fprintf(w, "    prompt rendered anew, recorded as %s\n", r.Prompt)
	}
	for _, n := range r.Notes {
		fmt.Fprintf(w, "    %s\n", n)
	}
}

// play plays each recorded attempt of a case.
func (c *replayCmd) play(ctx context.Context, s *store.SQL, found hotfix.Case, r *replayReport) error {
	for _, a := range found.Attempts {
		run, err := s.Run(ctx, a.RunID)
		if errors.Is(err, store.ErrNotFound) {
			r.Runs = append(r.Runs, replayedRun{ID: a.RunID, Cannot: "its transcript was not kept"})
			continue
		}
		if err != nil {
			return err
		}
		played := replayedRun{ID: a.RunID, Steps: len(run.Steps)}
		err = c.playOne(ctx, found, a, run, &played)
		if ctx.Err() != nil {
			return ctx.Err()
		}
		if err != nil {
			played.Cannot = err.Error()
		}
		r.Runs = append(r.Runs, played)
	}
	return nil
}

// playOne plays one attempt in a place of its own.
func (c *replayCmd) playOne(ctx context.Context, found hotfix.Case, a hotfix.Attempt, run *agent.Run, played *replayedRun) error {
	player := replay.Player{Tools: everyTool(nil, nil), Budget: tools.Bounded(agent.Budget{Steps: c.Budget.Steps, Tokens: c.Budget.Tokens, Money: c.Budget.Money})}
	if len(run.Task.From) == 0 {
		played.note("it does not say what its prompt was made of, so neither that nor its calls were made anew")
		return c.steps(ctx, player, run, played)
	}
	scene, err := prompts.ReadScene(run.Task.From)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "hotfix-replay-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	f := found.Latest
	if f.ID != scene.Failure {
		played.note("a later failure is stored than the one it was about, so its prompt is rendered from what it kept of that one")
	}
	bench := &tools.Bench{}
	player.Tools = everyTool(nil, scene.Tools)
	if tree := c.tree(ctx, found, scene, scratch, played); tree != nil {
		box, err := sandbox.Native(sandbox.Config{})
		if err != nil {
			box = nil
			played.note("this machine cannot run foreign code safely, so the record answers for commands and tests: %v", err)
		}
		bench = replay.Bench(run, scene, f, tree, box, a.Outcome.PR)
		player.Again = replay.Repeatable(run, box != nil)
		player.Tools = everyTool(bench, scene.Tools)
	}
	diverges, err := replay.Prompt(ctx, run.Task, scene, f, bench)
	if err != nil {
		return err
	}
	if played.Prompt = replay.Hash(run.Task); diverges != nil {
		played.diverged(diverges)
		return nil
	}
	return c.steps(ctx, player, run, played)
}

func (c *replayCmd) steps(ctx context.Context, player replay.Player, run *agent.Run, played *replayedRun) error {
	diverges, again, err := player.Run(ctx, run)
	if played.Again = again; diverges != nil {
		played.diverged(diverges)
	}
	return err
}

// tree checks out what an attempt worked on, or notes why that is not at hand.
func (c *replayCmd) tree(ctx context.Context, found hotfix.Case, scene prompts.Scene, scratch string, played *replayedRun) *sandbox.Tree {
	if scene.Base == "" {
		played.note("it checked nothing out")
		return nil
	}
	dir := c.Repo
	if dir == "" {
		data, err := (&serveCmd{Data: c.Data}).dataDir()
		if err == nil {
			dir = sandbox.Mirrored(filepath.Join(data, "mirrors"), strings.TrimRight(c.ServerURL, "/")+"/"+found.Repo.String()+".git")
		}
	}
	if dir == "" {
		played.note("the record answers for all tools: there is no copy of %s here; give one with --repo", found.Repo)
		return nil
	}
	at, err := checkOut(ctx, dir, scene.Base, scratch)
	if err != nil {
		played.note("the record answers for all tools: %v", err)
		return nil
	}
	if at.tree.Base != scene.Base {
		played.note("the repository at hand lacks the history of commit %s", short(scene.Base))
	}
	return at.tree
}

// everyTool is what the model had, by name; without names all that it can have had. Without a bench none is called: the
// record answers for them.
func everyTool(b *tools.Bench, names []string) []agent.Tool {
	known := &tools.Bench{Box: shut{}, Commands: true,
		Logs: func(context.Context) (redact.Text, error) { return redact.Text{}, errShut },
		Open: func(context.Context, tools.Draft) (int, error) { return 0, errShut }}
	usable := map[string]agent.Tool{}
	if b != nil {
		for _, t := range tools.On(b, tools.All) {
			usable[t.Definition().Name] = t
		}
	}
	var had []agent.Tool
	for _, t := range tools.On(known, tools.All) {
		name := t.Definition().Name
		if len(names) > 0 && !slices.Contains(names, name) {
			continue
		}
		if u, ok := usable[name]; ok {
			t = u
		}
		had = append(had, t)
	}
	return had
}

var errShut = errors.New("nothing is done in a replay")

// A shut is a box in which nothing runs.
type shut struct{}

// Run refuses.
func (shut) Run(context.Context, *sandbox.Tree, sandbox.Command) (sandbox.Result, error) {
	return sandbox.Result{}, errShut
}
