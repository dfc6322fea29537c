package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
)

type recordCmd struct {
	where
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
