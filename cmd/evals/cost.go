package main

import (
	"os"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
)

type costCmd struct {
	Dir []string `help:"Directories with fixtures." default:"evals/fixtures,evals/large"`
}

// Help is the long text of `cost --help`.
func (*costCmd) Help() string {
	return `Reads the transcripts that the fixtures hold and prints, in Markdown, what each solved fixture took: turns, and tokens summed
over them, beside those of a loop with one shell tool where that was recorded. Nothing is run.

Examples:
  evals cost
  evals cost --dir evals/large`
}

// Run is `evals cost`.
func (c *costCmd) Run() error {
	var fixtures []*evals.Fixture
	for _, dir := range c.Dir {
		found, err := evals.All(dir, "")
		if err != nil {
			return err
		}
		fixtures = append(fixtures, found...)
	}
	rows, err := evals.Costs(fixtures)
	if err != nil {
		return err
	}
	return evals.PrintCosts(os.Stdout, rows)
}
