package daemon

import (
	"context"
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/prompts"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// task puts the failure into words for the model. The tree is checked out first, so that the likeliest places
// stand in the first prompt.
func (d *Daemon) task(ctx context.Context, w *work) (agent.Task, error) {
	prompt, err := prompts.Load("fix")
	if err != nil {
		return agent.Task{}, err
	}
	found, err := tools.Localise(ctx, w.bench, w.c.Latest, frames(w.c.Latest))
	if err != nil {
		return agent.Task{}, err
	}
	f := w.c.Latest
	fix := prompts.Fix{
		Plugin: f.Plugin.ID, Repo: w.c.Repo.String(), Ref: f.Plugin.Ref, Category: f.Category, Status: f.Status,
		Trigger: f.Trigger.Event, Seen: w.c.Count, Message: f.Message, Stack: f.Stack, Logs: redact.Join(f.Logs, "\n"),
		Truncated: f.Truncated, Repository: redact.Scrub(found), Hint: redact.Scrub(w.hint), Attempts: earlier(w.c),
		MaxFiles: d.cfg.Policy.MaxFiles, MaxLines: d.cfg.Policy.MaxLines, Commands: w.bench.Commands,
	}
	system, user, err := prompt.Render(fix)
	if err != nil {
		return agent.Task{}, fmt.Errorf("prompt for run %s: %w", w.id, err)
	}
	return agent.Task{ID: w.id, System: system, Prompt: user}, nil
}

// frames are the plugin's own places that the failure names.
func frames(f hotfix.Failure) []tools.Frame {
	var out []tools.Frame
	for _, at := range triage.Frames(f) {
		out = append(out, tools.Frame{Path: at.File, Line: at.Line})
	}
	return out
}

// earlierMax bounds how many earlier attempts the model hears of.
const earlierMax = 3

// earlier tells of the attempts before the one under way.
func earlier(c hotfix.Case) []prompts.Attempt {
	var out []prompts.Attempt
	for _, a := range c.Attempts {
		if a.Outcome.Ending == "" || a.Outcome.Ending == hotfix.Broken {
			continue
		}
		said := prompts.Attempt{Ending: string(a.Outcome.Ending), Says: a.Outcome.Says}
		if p := a.Outcome.Patch; p != nil {
			said.Diff = redact.Cut(redact.Scrub(p.Diff), 4000)
		}
		out = append(out, said)
	}
	return out[max(0, len(out)-earlierMax):]
}
