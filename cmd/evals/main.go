// Command evals runs the daemon against fixtures, offline, and says how well it did.
package main

import (
	"context"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	"github.com/alecthomas/kong"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type cli struct {
	Run       runCmd       `cmd:"" help:"Run fixtures and compare what comes of them with what they want."`
	Compare   compareCmd   `cmd:"" help:"Say what differs between two reports. Exits with 1 if the second is worse."`
	Record    recordCmd    `cmd:"" help:"Run fixtures with a live model and keep the transcripts in them."`
	Import    importCmd    `cmd:"" help:"Make fixtures of a SWE-bench style dataset."`
	Predict   predictCmd   `cmd:"" help:"Write the patches of a report as predictions, for an evaluator of that ecosystem."`
	Judge     judgeCmd     `cmd:"" help:"Run the hidden tests of fixtures on predictions, ours or anybody's."`
	Export    exportCmd    `cmd:"" help:"Make a fixture of a capsule, which is a real failure in a file."`
	Report    reportCmd    `cmd:"" help:"Write a report as HTML, Markdown or JUnit XML."`
	Cost      costCmd      `cmd:"" help:"Say what solved fixtures took in turns and tokens, beside the shell loop."`
	Risk      riskCmd      `cmd:"" help:"Judge labelled patches, and say how often the risk classifier is right."`
	Injection injectionCmd `cmd:"" help:"Let a model that obeys every word from outside loose on the daemon, and write down what happened."`
}

// where the fixtures are.
type where struct {
	Dir    string `help:"Directory with fixtures." default:"evals/fixtures"`
	Filter string `arg:"" optional:"" help:"Only fixtures whose name contains this, or one of these words with commas between them."`
}

func main() {
	if programs, err := filepath.Abs(".tools/bin"); err == nil { // where .ci/setup puts Bun and Deno
		_ = os.Setenv("PATH", programs+":"+os.Getenv("PATH")) // fails for names that are no names only
	}
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var c cli
	k := kong.Parse(&c, kong.Name("evals"), kong.Description("Runs the daemon against fixtures. See docs/evals.md."), kong.UsageOnError(), kong.BindTo(ctx, (*context.Context)(nil)))
	k.FatalIfErrorf(k.Run())
}

// box is where foreign code runs.
func box() (sandbox.Box, error) {
	b, err := sandbox.Native(sandbox.Config{})
	if err != nil {
		return nil, fmt.Errorf("this machine cannot run foreign code safely: %w", err)
	}
	return b, nil
}

// live is the model that the environment configures.
func live() (*evals.Live, error) {
	cfg, err := model.FromEnv(os.Getenv)
	if err != nil {
		return nil, err
	}
	m, err := model.New(cfg)
	if err != nil {
		return nil, err
	}
	return &evals.Live{Model: m, Provider: cfg.Provider, Name: cfg.Name, Price: model.Pricer(cfg.Name)}, nil
}
