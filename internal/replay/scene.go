package replay

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/local"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/prompts"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// Hash names what a model is told.
func Hash(t agent.Task) string {
	sum := sha256.Sum256([]byte(t.System + "\x00" + t.Prompt))
	return "sha256:" + hex.EncodeToString(sum[:8])
}

// Prompt renders what the model was told once more, from the stored failure if it is still the one that the attempt was
// about, and with what today's tools find in the repository if b has one. It returns where that differs, nil if nowhere.
func Prompt(ctx context.Context, then agent.Task, scene prompts.Scene, f hotfix.Failure, b *tools.Bench) (*Divergence, error) {
	fix := scene.Fix
	if f.ID == scene.Failure {
		fix.Plugin, fix.Ref, fix.Status, fix.Trigger = f.Plugin.ID, f.Plugin.Ref, f.Status, f.Trigger.Event
		fix.Message, fix.Stack, fix.Truncated = f.Message, f.Stack, f.Truncated
	}
	if b.Clone != nil {
		view, err := tools.Look(ctx, b, f, local.Frames(f))
		if err != nil {
			return nil, fmt.Errorf("look through the repository: %w", err)
		}
		fix.Repository, fix.Wishes = view.Repository, view.Wishes
		if f.Run == nil { // a run's log has to be fetched from GitHub: the recorded one stands
			fix.Logs, fix.WholeLog = view.Log, view.WholeLog
		}
	}
	prompt, err := prompts.Load("fix")
	if err != nil {
		return nil, err
	}
	now := then
	if now.System, now.Prompt, err = prompt.Render(fix); err != nil {
		return nil, err
	}
	for _, part := range []struct{ name, was, is string }{{"system prompt", then.System, now.System}, {"prompt", then.Prompt, now.Prompt}} {
		if what := differ(part.was, part.is); what != "" {
			return &Divergence{AtPrompt, part.name, fmt.Sprintf("its hash was %s, is %s; %s", Hash(then), Hash(now), what)}, nil
		}
	}
	return nil, nil
}

// Bench lays out what the calls of a recorded run are made with: a tree of the commit that the run worked on, and a box,
// nil if there is none. Nothing is published: a draft that was opened is opened again on paper.
func Bench(then *agent.Run, scene prompts.Scene, f hotfix.Failure, t *sandbox.Tree, box sandbox.Box, pr int) *tools.Bench {
	t.Branch, t.Note = scene.Branch, scene.Note
	return &tools.Bench{Box: box, Commands: scene.Fix.Commands, Proof: sandbox.Prover{Reported: redact.Join([]redact.Text{f.Message, f.Stack}, "\n"), Origin: true},
		Clone: func(context.Context) (*sandbox.Tree, error) { return t, nil },
		Green: func(context.Context) ([]string, error) { return green(then), nil },
		Vet:   func(hotfix.Patch, hotfix.Evidence) []hotfix.Reason { return nil },
		Open:  func(context.Context, tools.Draft) (int, error) { return pr, nil },
		Logs:  func(context.Context) (redact.Text, error) { return redact.Join(f.Logs, "\n"), nil }}
}

var greenForm = regexp.MustCompile(`(?m)^([0-9a-f]{10}) .* \[green: its checks passed\]$`)

// green is the commit that the run was told had passed its checks; nobody is asked again.
func green(then *agent.Run) []string {
	for _, s := range then.Steps {
		for _, c := range s.Calls {
			if m := greenForm.FindStringSubmatch(c.Result); m != nil {
				return m[1:]
			}
		}
	}
	return nil
}

// Repeatable says which calls of a run can be made again with what Bench lays out. A log has to be fetched from GitHub,
// and what the operator's policy refused is known to that policy alone; boxed says whether there is a box.
func Repeatable(then *agent.Run, boxed bool) func(agent.Call) bool {
	known := green(then) != nil
	return func(c agent.Call) bool {
		switch {
		case c.Fault != "" || c.Result == "":
			return false
		case c.Tool == "fetch-logs":
			return false
		case c.Tool == "open-pr":
			return boxed && (c.Stop != "" || c.Err != "")
		case c.Tool == "run-tests" || c.Tool == "run-command" || c.Tool == "bisect":
			return boxed
		}
		return known || !strings.Contains(string(c.Args), `"green"`)
	}
}
