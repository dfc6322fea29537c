package daemon

import (
	"context"
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A fix that is taken back is taken back soon, or for a reason that has nothing to do with it.
const (
	revertWatch = 30 * 24 * time.Hour
	revertEvery = 6 * time.Hour
)

// revertible reports whether it is time to see whether the fix that was merged for c is still there.
func (d *Daemon) revertible(c hotfix.Case) bool {
	now := d.cfg.Now()
	return c.Fix != nil && c.Fix.Commit != "" && c.State.Settled() && now.Sub(c.Fix.At) < revertWatch && now.Sub(c.Fix.Looked) >= revertEvery
}

// reverted looks for a commit that takes the fix of c back. Its message is the lesson for the next attempt.
func (d *Daemon) reverted(ctx context.Context, c *hotfix.Case) ([]hotfix.Occasion, error) {
	forge, _, err := d.forge(ctx, *c)
	if err != nil {
		return nil, err
	}
	r, err := forge.Reverted(ctx, c.Repo, *c.Fix)
	if err != nil {
		return nil, fmt.Errorf("see whether the fix of case %s is still there: %w", c.Fingerprint, err)
	}
	if r == nil {
		c.Fix.Looked = d.cfg.Now()
		return nil, nil
	}
	fate(c, c.Fix.PR, "reverted", redact.Cut(r.Says, lessonMax))
	return []hotfix.Occasion{{On: hotfix.Reverted, By: r.By, At: r.At, Evidence: "commit " + r.Commit,
		Because: fmt.Sprintf("The fix that was merged with #%d was taken back.", c.Fix.PR)}}, nil
}
