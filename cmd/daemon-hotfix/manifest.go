package main

import (
	"context"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
)

// A manifestCmd prints the manifest that the kernel reads.
type manifestCmd struct {
	ShortName string `help:"owner/repo@ref that the daemon runs as." default:"ubiquity-os-marketplace/daemon-hotfix@main"`
	Homepage  string `help:"Public address, if it is served over HTTP." placeholder:"URL"`
}

// Help is the long text of `manifest --help`.
func (*manifestCmd) Help() string {
	return `manifest.json at the root of the repository is this command's output.

Examples:
  daemon-hotfix manifest > manifest.json
  daemon-hotfix manifest --short-name acme/daemon-hotfix@main --homepage https://hotfix.acme.example`
}

// Run prints the manifest.
func (c *manifestCmd) Run(_ context.Context, std streams) error {
	_, err := std.Out.Write(daemon.NewManifest(c.ShortName, c.Homepage).JSON())
	return err
}
