package daemon

import (
	"context"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Leases is a forge on which processes without a database keep each other from opening one issue at once.
type Leases interface {
	// Release gives back the lease under which an issue was opened.
	Release(ctx context.Context, i hotfix.Issue) error
}

// release gives back the lease of c's issue, which is in lists by now. One that stays is overdue soon, and goes with the next.
func (d *Daemon) release(ctx context.Context, forge Forge, c hotfix.Case) {
	leases, ok := forge.(Leases)
	if !ok || !d.cfg.Recall || c.Fingerprint == pageCase {
		return
	}
	if err := leases.Release(ctx, hotfix.Issue{Repo: c.Repo, Lease: string(c.Fingerprint)}); err != nil {
		d.cfg.Log.InfoContext(ctx, "lease not released", "case", c.Fingerprint, "err", err)
	}
}
