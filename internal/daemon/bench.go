package daemon

import (
	"context"
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// bench lays out what one attempt may touch. Repository, branch and draft state are fixed here: no argument of
// a tool can change them.
func (d *Daemon) bench(w *work) *tools.Bench {
	settings, _ := ParseSettings(w.n.Settings)
	policy := settings.Narrow(d.cfg.Policy)
	return &tools.Bench{
		Logs: w.logs,
		Clone: func(ctx context.Context) (*sandbox.Tree, error) {
			t, err := d.clone(ctx, w)
			if err == nil {
				t.Commands = sandbox.Commands(settings.Commands)
			}
			return t, err
		},
		Green:    d.green(w),
		Box:      d.cfg.Box,
		Proof:    prover(w, policy),
		Commands: !d.cfg.NoCommands,
		Vet:      func(p hotfix.Patch, e hotfix.Evidence) []hotfix.Reason { return d.vet(w, policy, p, e) },
		Open:     func(ctx context.Context, draft tools.Draft) (int, error) { return d.open(ctx, w, draft) },
		Progress: func(note string) { d.cfg.Watch(Event{Fingerprint: w.c.Fingerprint, Note: note}) },
	}
}

// tools are what the model may do on b.
func (d *Daemon) tools(b *tools.Bench) []agent.Tool {
	list := tools.On(b, tools.All)
	for i := range list {
		list[i] = d.cfg.Tool(list[i])
	}
	return list
}

// logs is the log of the failure; that of a run is read once.
func (w *work) logs(ctx context.Context) (redact.Text, error) {
	if !w.log.Empty() {
		return w.log, nil
	}
	return w.forge.Logs(ctx, w.c.Latest)
}

// green asks the forge for the commits whose checks passed, if it can tell.
func (d *Daemon) green(w *work) func(context.Context) ([]string, error) {
	forge, ok := w.forge.(interface {
		Green(ctx context.Context, repo hotfix.Repo, branch string) ([]string, error)
	})
	if !ok {
		return nil
	}
	return func(ctx context.Context) ([]string, error) { return forge.Green(ctx, w.c.Repo, w.bench.Tree.Branch) }
}

// branch is where the draft of this attempt goes. What an earlier attempt proposed stays where it is.
func branch(c hotfix.Case) string {
	name := "hotfix/" + string(c.Fingerprint)
	if c.PR() == 0 {
		return name
	}
	return fmt.Sprintf("%s-%d", name, len(c.Attempts))
}

// wrap makes the model's explanation fit for a commit message: paragraphs of short lines without mentions or references.
func wrap(s string) string {
	var out []string
	for par := range strings.SplitSeq(redact.Scrub(s).String(), "\n\n") {
		var b strings.Builder
		width := 0
		for word := range strings.FieldsSeq(line(par, 1500)) {
			if width > 0 && width+1+len(word) > 72 {
				b.WriteByte('\n')
				width = 0
			} else if width > 0 {
				b.WriteByte(' ')
				width++
			}
			b.WriteString(word)
			width += len(word)
		}
		if b.Len() > 0 {
			out = append(out, b.String())
		}
	}
	return strings.Join(out, "\n\n")
}
