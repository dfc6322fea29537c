package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
)

type runCmd struct {
	where
	JSON     bool   `help:"Print the whole report as JSON."`
	Update   bool   `help:"Rewrite the golden texts that the fixtures have."`
	Live     bool   `help:"Ask the configured model instead of replaying transcripts."`
	Tries    int    `short:"k" help:"How often each fixture is run, with --live." default:"1"`
	AtOnce   int    `short:"j" name:"jobs" help:"How many fixtures run side by side. 0 is one for each core."`
	Shell    bool   `help:"With --live, let the one-tool shell loop work on the same fixtures, for comparison."`
	Out      string `help:"Folder for the results, report.html, report.md and junit.xml. Nothing is kept without it." type:"path"`
	Resume   bool   `help:"Results that are in the folder already count, if their fixture is still the same."`
	Baseline string `help:"A file with the results to hold against; what has become worse is named and makes the run fail." type:"path"`
	Accept   bool   `help:"Make this run the baseline, if every fixture passes that is not known to fail."`
	Quiet    bool   `short:"q" help:"No line for each fixture as it ends."`
}

// Help is the long text of `evals run --help`.
func (*runCmd) Help() string {
	return `Examples:
  evals run
  evals run node- --json > before.json
  evals run --live -k 5 --out out/live --resume`
}

// Run is `evals run`.
func (c *runCmd) Run(ctx context.Context) error {
	fixtures, err := evals.All(c.Dir, c.Filter)
	if err != nil {
		return err
	}
	s := evals.Suite{Fixtures: fixtures, AtOnce: c.AtOnce, Folder: c.Out, Resume: c.Resume, Options: evals.Options{Update: c.Update, Live: c.Live}}
	if s.AtOnce <= 0 {
		s.AtOnce = runtime.NumCPU()
	}
	if s.Box, err = box(); err != nil {
		return err
	}
	name := ""
	if c.Live {
		m, err := live()
		if err != nil {
			return err
		}
		s.Model, s.Price, s.Shell, s.Tries, name = m.Model, m.Price, c.Shell, max(1, c.Tries), m.Name
	}
	if !c.Quiet {
		s.Ended = progress
	}
	report, err := s.Run(ctx)
	if err != nil {
		return err
	}
	report.Model = name
	if err := c.show(report); err != nil {
		return err
	}
	return c.verdict(report)
}

// progress is one line on standard error.
func progress(p evals.Progress) {
	left := ""
	if p.Done < p.Of && p.Left > 0 {
		left = fmt.Sprintf(", %s left", p.Left.Round(time.Second))
	}
	switch r := p.Result; {
	case p.Kept:
		fmt.Fprintf(os.Stderr, "kept  %s\n", r.Title())
	case r.Passed:
		fmt.Fprintf(os.Stderr, "%d/%d ok    %s, %s%s\n", p.Done, p.Of, r.Title(), r.Took.Round(10*time.Millisecond), left)
	default:
		fmt.Fprintf(os.Stderr, "%d/%d FAIL  %s, %s%s\n", p.Done, p.Of, r.Title(), r.Took.Round(10*time.Millisecond), left)
	}
}

// show prints the report and writes it into the folder.
func (c *runCmd) show(r *evals.Report) error {
	if c.Out != "" {
		if err := writeReports(c.Out, r); err != nil {
			return err
		}
		fmt.Fprintf(os.Stderr, "report: %s\n", filepath.Join(c.Out, "report.html"))
	}
	if c.JSON {
		return json.NewEncoder(os.Stdout).Encode(r)
	}
	return table(os.Stdout, r)
}

// verdict is an error if the run is worse than it should be.
func (c *runCmd) verdict(r *evals.Report) error {
	if c.Baseline != "" {
		base, err := evals.ReadBaseline(c.Baseline)
		if err != nil {
			return err
		}
		if c.Accept {
			if base, err = evals.NewBaseline(r, base); err != nil {
				return err
			}
			if err := base.Write(c.Baseline); err != nil {
				return err
			}
		}
		if others := base.Otherwise(r); len(others) > 0 {
			fmt.Fprintf(os.Stderr, "%d fixtures pass and decide or write otherwise than in the baseline: %s\n", len(others), strings.Join(others, ", "))
		}
		if worse := base.Worse(r, c.Filter); len(worse) > 0 {
			for _, w := range worse {
				fmt.Fprintln(os.Stderr, "worse than the baseline: "+w)
			}
			return fmt.Errorf("%d things have become worse", len(worse))
		}
		return nil
	}
	if r.Passed < r.Cases {
		return fmt.Errorf("%d of %d fixtures did not end as they should", r.Cases-r.Passed, r.Cases)
	}
	return nil
}

func table(out io.Writer, report *evals.Report) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fixture\tresult\toutcome\tsteps\ttokens\ttime")
	for _, r := range report.Results {
		result := "pass"
		if !r.Passed {
			result = "FAIL"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", r.Title(), result, evals.Summary(r.Outcomes), r.Steps, r.Tokens, r.Took.Round(100*time.Millisecond))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range report.Results {
		for _, p := range r.Problems {
			fmt.Fprintf(out, "\n%s: %s\n", r.Title(), p)
		}
	}
	for _, name := range report.Stale {
		fmt.Fprintf(out, "\nrecord again: go run ./cmd/evals record %s\n", name)
	}
	_, err := fmt.Fprintf(out, "\n%s\n", report.Line())
	return err
}
