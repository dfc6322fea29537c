package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals/risk"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type riskCmd struct {
	JSON    bool   `help:"Print JSON."`
	Make    bool   `help:"Make the records anew: vary the seeds and fixtures, prove every variant and have the judge label it. Takes minutes."`
	Train   bool   `help:"Train the weights on the records that are not held out, and write them for review."`
	Records string `help:"File with the records." default:"evals/risk/records.jsonl"`
	Weights string `help:"File with the weights." default:"internal/triage/risk_weights.json"`
	Seeds   string `help:"Directory with the seeds." default:"evals/risk/seeds"`
	Dir     string `help:"Directory with fixtures." default:"evals/fixtures"`
}

// Help is the long text of `evals risk --help`.
func (*riskCmd) Help() string {
	return `Examples:
  evals risk --json
  evals risk --make && evals risk --train`
}

// Run is `evals risk`.
func (c *riskCmd) Run(ctx context.Context) error {
	if c.Make {
		if err := c.make(ctx); err != nil {
			return err
		}
	}
	f, err := os.Open(c.Records)
	if err != nil {
		return err
	}
	defer f.Close()
	records, err := risk.Read(f)
	if err != nil {
		return err
	}
	if c.Train {
		if err := c.train(records); err != nil {
			return err
		}
	}
	data, err := os.ReadFile(c.Weights)
	if err != nil {
		return err
	}
	w, err := triage.ParseWeights(data)
	if err != nil {
		return err
	}
	rep := risk.Evaluate(w, records)
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(rep)
	}
	return rep.Print(os.Stdout)
}

func (c *riskCmd) make(ctx context.Context) error {
	seeds, err := risk.Seeds(c.Seeds, c.Dir)
	if err != nil {
		return err
	}
	box, err := sandbox.Native(sandbox.Config{})
	if err != nil {
		return fmt.Errorf("this machine cannot run foreign code safely: %w", err)
	}
	dir, err := os.MkdirTemp("", "hotfix-risk-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	made := make([][]risk.Record, len(seeds))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(2)
	for i, s := range seeds {
		g.Go(func() (err error) {
			m := risk.Maker{Box: box, Dir: filepath.Join(dir, s.Name)}
			made[i], err = m.Make(ctx, s, func(r risk.Record) { fmt.Fprintf(os.Stderr, "%-60s wrong: %t\n", r.Name, r.Wrong) })
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return err
	}
	var out bytes.Buffer
	if err := risk.Write(&out, slices.Concat(made...)); err != nil {
		return err
	}
	return os.WriteFile(c.Records, out.Bytes(), 0o644)
}

func (c *riskCmd) train(records []risk.Record) error {
	w := risk.Train(records)
	w.Note = "Written by `go run ./cmd/evals risk --train`. Review a change of it like code: what did become less of a warning, and why?"
	data, err := json.MarshalIndent(w, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(c.Weights, append(data, '\n'), 0o644)
}
