package main

import (
	"os"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
)

type costCmd struct {
	where
}

// Help is the long text of `cost --help`.
func (*costCmd) Help() string {
	return `Reads the transcripts that the fixtures hold and prints, in Markdown, what each solved fixture took: turns, and tokens summed
over them, beside those of a loop with one shell tool where that was recorded. Nothing is run.

Examples:
  evals cost node-`
}

// Run is `evals cost`.
func (c *costCmd) Run() error {
	fixtures, err := evals.All(c.Dir, c.Filter)
	if err != nil {
		return err
	}
	rows, err := evals.Costs(fixtures)
	if err != nil {
		return err
	}
	return evals.PrintCosts(os.Stdout, rows)
}
