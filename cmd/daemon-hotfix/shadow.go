package main

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// shadowed keeps every write from GitHub: the connection refuses it, and the daemon pretends that it was made.
func shadowed(connect func(redact.Secret) daemon.Forge) func(redact.Secret) daemon.Forge {
	return func(token redact.Secret) daemon.Forge { return daemon.Shadow(connect(token)) }
}

// A shadowCmd sums up what `serve --shadow` has decided.
type shadowCmd struct {
	storeFlags `embed:""`
	Since      time.Duration `help:"How far back to look." default:"168h"`
	JSON       bool          `help:"Print JSON."`
}

// Help is the long text of `shadow --help`.
func (*shadowCmd) Help() string {
	return `Reads the store that serve --shadow keeps: issues and drafts that would have been opened, drafts by risk, and which
rule kept the others back.

Examples:
  daemon-hotfix shadow --since 24h`
}

// Run prints the report.
func (c *shadowCmd) Run(ctx context.Context, std streams) (err error) {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	w, err := daemon.WouldHave(ctx, s, time.Now().Add(-c.Since))
	if err != nil {
		return err
	}
	if c.JSON {
		return json.NewEncoder(std.Out).Encode(w)
	}
	return w.Print(std.Out)
}
