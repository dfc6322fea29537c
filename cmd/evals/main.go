// Command evals runs the daemon against fixtures, offline, and says how well it did.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type cli struct {
	Run    runCmd    `cmd:"" help:"Run fixtures and compare what comes of them with what they want."`
	Record recordCmd `cmd:"" help:"Run fixtures with a live model and keep the transcripts in them."`
}

// where the fixtures are.
type where struct {
	Dir    string `help:"Directory with fixtures." default:"evals/fixtures"`
	Filter string `arg:"" optional:"" help:"Only fixtures whose name contains this."`
}

type runCmd struct {
	where
	JSON   bool `help:"Print JSON."`
	Update bool `help:"Rewrite the golden texts in the fixtures."`
	Live   bool `help:"Ask the configured model instead of replaying transcripts."`
}

type recordCmd struct {
	where
}

func main() {
	sandbox.Reexec()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	k := kong.Parse(&c, kong.Name("evals"), kong.Description("Runs the daemon against fixtures."), kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)))
	k.FatalIfErrorf(k.Run())
}

// Run is `evals run`.
func (c *runCmd) Run(ctx context.Context) error {
	fixtures, err := evals.All(c.Dir, c.Filter)
	if err != nil {
		return err
	}
	o := evals.Options{Update: c.Update}
	if o.Box, err = sandbox.Native(sandbox.Config{}); err != nil {
		return fmt.Errorf("this machine cannot run foreign code safely: %w", err)
	}
	if c.Live {
		m, err := live()
		if err != nil {
			return err
		}
		o.Model = m.Model
	}
	var results []*evals.Result
	for i, f := range fixtures {
		fmt.Fprintf(os.Stderr, "%d/%d %s\n", i+1, len(fixtures), f.Name)
		r, err := evals.Run(ctx, f, o)
		if err != nil {
			return err
		}
		results = append(results, r)
	}
	s := evals.Sum(results)
	if c.JSON {
		err = json.NewEncoder(os.Stdout).Encode(struct {
			evals.Score
			Results []*evals.Result `json:"results"`
		}{s, results})
	} else {
		err = table(os.Stdout, results, s)
	}
	if err == nil && s.Passed < s.Cases {
		err = fmt.Errorf("%d of %d fixtures did not end as they should", s.Cases-s.Passed, s.Cases)
	}
	return err
}

func live() (*evals.Live, error) {
	cfg, err := model.FromEnv(os.Getenv)
	if err != nil {
		return nil, err
	}
	m, err := model.New(cfg)
	if err != nil {
		return nil, err
	}
	return &evals.Live{Model: m, Provider: cfg.Provider}, nil
}

func table(out io.Writer, results []*evals.Result, s evals.Score) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "fixture\tresult\toutcome\tsteps\ttokens\ttime")
	for _, r := range results {
		result := "pass"
		if !r.Passed {
			result = "FAIL"
		}
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%d\t%s\n", r.Name, result, r.Outcome, r.Steps, r.Tokens, r.Took.Round(100*time.Millisecond))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	for _, r := range results {
		for _, p := range r.Problems {
			fmt.Fprintf(out, "\n%s: %s\n", r.Name, p)
		}
	}
	_, err := fmt.Fprintf(out, "\n%d of %d as wanted; wrong pull requests: %d; duplicate issues: %d; leaks: %d; effects outside: %d; %d tokens; %.1f s\n",
		s.Passed, s.Cases, s.WrongPRs, s.Twins, s.Leaks, s.Outside, s.Tokens, s.Seconds)
	return err
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
	box, err := sandbox.Native(sandbox.Config{})
	if err != nil {
		return fmt.Errorf("this machine cannot run foreign code safely: %w", err)
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
		fmt.Fprintf(os.Stderr, "  %s, %d steps, %d tokens\n", r.Outcome, r.Steps, r.Tokens)
		for _, p := range r.Problems {
			fmt.Fprintf(os.Stderr, "  %s\n", p)
		}
		if r.Steps == 0 {
			return errors.New("the model was not asked: there is nothing to record for " + filepath.Base(f.Path))
		}
		if err := f.Set("model.jsonl", []byte(transcript.String())); err != nil {
			return err
		}
	}
	return nil
}
