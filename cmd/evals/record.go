package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type recordCmd struct {
	where
	Shell bool `help:"Record the one-tool shell loop instead, for comparison."`
}

// Help is the long text of `evals record --help`.
func (*recordCmd) Help() string {
	return `Examples:
  evals record node-label-pattern`
}

// Run is `evals record`.
func (c *recordCmd) Run(ctx context.Context) error {
	fixtures, err := evals.All(c.Dir, c.Filter)
	if err != nil {
		return err
	}
	m, err := live()
	if err != nil {
		return err
	}
	box, err := box()
	if err != nil {
		return err
	}
	for _, f := range fixtures {
		fmt.Fprintf(os.Stderr, "recording %s\n", f.Name)
		var transcript strings.Builder
		if c.Shell {
			if err := recordShell(ctx, f, m, box, &transcript); err != nil {
				return err
			}
			continue
		}
		recorded, err := evals.Record(m.Model, m.Provider, f.Name, &transcript)
		if err != nil {
			return err
		}
		r, err := evals.Run(ctx, f, evals.Options{Model: recorded, Box: box, Update: true})
		if err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "  %s, %d steps, %d tokens\n", evals.Summary(r.Outcomes), r.Steps, r.Tokens)
		for _, p := range r.Problems {
			fmt.Fprintf(os.Stderr, "  %s\n", p)
		}
		if r.Steps == 0 {
			return fmt.Errorf("the model was not asked: there is nothing to record for %s", filepath.Base(f.Path))
		}
		if err := f.Set("model.jsonl", []byte(transcript.String())); err != nil {
			return err
		}
	}
	return nil
}

// recordShell keeps what the shell loop's model answered.
func recordShell(ctx context.Context, f *evals.Fixture, m *evals.Live, box sandbox.Box, transcript *strings.Builder) error {
	recorded, err := evals.Record(m.Model, m.Provider, f.Name+", the shell loop", transcript)
	if err != nil {
		return err
	}
	c, err := evals.RunShell(ctx, f, recorded, box)
	if err != nil {
		return err
	}
	fmt.Fprintf(os.Stderr, "  changed something: %t, resolved: %t, %d steps, %d tokens\n", c.Opened, c.Resolved, c.Steps, c.Tokens)
	return f.Set("shell.jsonl", []byte(transcript.String()))
}
