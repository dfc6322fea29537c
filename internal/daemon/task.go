package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"unicode"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
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
	view, err := tools.Look(ctx, w.bench, w.c.Latest, frames(w.c.Latest))
	if err != nil {
		return agent.Task{}, err
	}
	similar, err := d.similar(ctx, w.c)
	if err != nil {
		return agent.Task{}, err
	}
	f := w.c.Latest
	fix := prompts.Fix{
		Plugin: f.Plugin.ID, Repo: w.c.Repo.String(), Ref: f.Plugin.Ref, Status: f.Status,
		Trigger: f.Trigger.Event, Seen: w.c.Count, Message: f.Message, Stack: f.Stack, Logs: view.Log, WholeLog: view.WholeLog,
		Truncated: f.Truncated, CI: f.Plugin.Kind == "ci", Repository: view.Repository, Wishes: view.Wishes, Similar: similar, Hint: redact.Scrub(w.hint), Attempts: earlier(w.c),
		MaxFiles: d.cfg.Policy.MaxFiles, MaxLines: d.cfg.Policy.MaxLines, Commands: w.bench.Commands,
	}
	system, user, err := prompt.Render(fix)
	if err != nil {
		return agent.Task{}, fmt.Errorf("prompt for run %s: %w", w.id, err)
	}
	scene := prompts.Scene{Failure: f.ID, Fix: fix}
	if t := w.bench.Tree; t != nil {
		scene.Base, scene.Branch, scene.Note = t.Base, t.Branch, t.Note
	}
	for _, t := range d.tools(w.bench) {
		scene.Tools = append(scene.Tools, t.Definition().Name)
	}
	from, err := scene.JSON()
	return agent.Task{ID: w.id, System: system, Prompt: user, Temperature: prompt.Temperature, From: from}, err
}

const (
	similarMax  = 2    // accepted fixes that the model hears of
	similarDiff = 1500 // characters of one of them
)

// similar finds accepted fixes of failures like that of c in its repository: cases whose draft was merged, the more alike
// the messages the sooner.
func (d *Daemon) similar(ctx context.Context, c hotfix.Case) ([]prompts.Similar, error) {
	cases, err := d.cfg.Store.Cases(ctx, store.CaseFilter{Repo: c.Repo})
	if err != nil {
		return nil, fmt.Errorf("look for similar cases: %w", err)
	}
	type candidate struct {
		fix   *hotfix.Patch
		of    hotfix.Case
		alike int
	}
	var found []candidate
	words := longWords(c.Latest)
	for _, other := range cases {
		if n := len(other.Attempts); n > 0 && (other.State == hotfix.FixMerged || other.State == hotfix.Verified) {
			if last := other.Attempts[n-1].Outcome; last.Ending == hotfix.DraftOpened && last.Patch != nil {
				found = append(found, candidate{last.Patch, other, shared(words, longWords(other.Latest))})
			}
		}
	}
	slices.SortStableFunc(found, func(a, b candidate) int { return b.alike - a.alike })
	var out []prompts.Similar
	for _, f := range found[:min(len(found), similarMax)] {
		if f.alike > 0 {
			out = append(out, prompts.Similar{Failure: f.of.Latest.Message.Head(300), Diff: redact.Cut(redact.Scrub(f.fix.Diff), similarDiff)})
		}
	}
	return out, nil
}

// longWords are the words of a failure's template that say something, in lower case.
func longWords(f hotfix.Failure) map[string]bool {
	out := map[string]bool{}
	for _, w := range strings.FieldsFunc(strings.ToLower(triage.Template(f)), func(r rune) bool { return !unicode.IsLetter(r) }) {
		if len(w) > 3 {
			out[w] = true
		}
	}
	return out
}

func shared(a, b map[string]bool) int {
	n := 0
	for w := range a {
		if b[w] {
			n++
		}
	}
	return n
}

// frames are the plugin's own places that the failure names.
func frames(f hotfix.Failure) []tools.Frame {
	var out []tools.Frame
	for _, at := range triage.Frames(f) {
		out = append(out, tools.Frame{Path: at.File, Line: at.Line})
	}
	return out
}

// Bounds of what the model hears of earlier attempts.
const (
	earlierMax    = 3
	earlierDiff   = 4000 // characters of what one of them had changed
	earlierLesson = 2000 // characters of what maintainers said of it
)

// earlier tells of the attempts before the one under way.
func earlier(c hotfix.Case) []prompts.Attempt {
	var out []prompts.Attempt
	for _, a := range c.Attempts {
		if a.Outcome.Ending == "" || a.Outcome.Ending.Blameless() {
			continue
		}
		said := prompts.Attempt{Ending: string(a.Outcome.Ending), Fate: a.Outcome.Fate, Says: a.Outcome.Says, Lesson: redact.Cut(a.Outcome.Lesson, earlierLesson)}
		if p := a.Outcome.Patch; p != nil {
			said.Diff = redact.Cut(redact.Scrub(p.Diff), earlierDiff)
		}
		out = append(out, said)
	}
	return out[max(0, len(out)-earlierMax):]
}
