package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// outageWithin is how close to each other failures of several plugins are one outage.
const outageWithin = 10 * time.Minute

// Rules of failures that wait for what is seen next.
const (
	ruleOutage      = "outage"
	ruleUnconfirmed = "unconfirmed"
)

func outageReason() *hotfix.Reason {
	return &hotfix.Reason{Rule: ruleOutage, Because: "Another plugin failed in the same way at the same time, so this is taken for one outage and counted on its issue. If it still fails afterwards it gets an issue of its own."}
}

// joinOutage counts a case that has no issue yet on the one of another plugin that the same outage hit first.
func (d *Daemon) joinOutage(ctx context.Context, c *hotfix.Case, n hotfix.Notice) (joined bool, err error) {
	f := n.Failure
	if f == nil || c.Issue != 0 || !c.Opened.IsZero() {
		return false, nil
	}
	key := triage.Upstream(*f)
	if key == "" {
		return false, nil
	}
	slot := f.When().Unix() / int64(outageWithin.Seconds())
	name := func(slot int64) string { return fmt.Sprintf("outage:%s:%d", key, slot) }
	of, err := d.cfg.Ledger.Owner(ctx, name(slot-1))
	if errors.Is(err, store.ErrNotFound) {
		of, err = d.cfg.Ledger.Own(ctx, c.Fingerprint, name(slot))
	} else if err == nil { // so that a long outage stays one
		_, err = d.cfg.Ledger.Own(ctx, of, name(slot))
	}
	if err != nil || of == c.Fingerprint {
		return false, err
	}
	first, err := d.cfg.Store.Case(ctx, of)
	if errors.Is(err, store.ErrNotFound) || err == nil && (first.DupOf != "" || !first.State.Open()) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("load case %s of an outage: %w", of, err)
	}
	c.DupOf, c.Outage = of, true
	return c.Take(hotfix.Occasion{On: hotfix.Joined, By: hotfix.ByDaemon, At: d.cfg.Now(), Because: "Another plugin fails in the same way at the same time.",
		Evidence: fmt.Sprintf("case %s", of)}), nil
}

// outageOver lets a case stand on its own again if it fails although the plugins that it shared an outage with have
// not failed for a while.
func (d *Daemon) outageOver(ctx context.Context, c *hotfix.Case, n hotfix.Notice) error {
	if !c.Outage || n.Failure == nil {
		return nil
	}
	first, err := d.cfg.Store.Case(ctx, c.DupOf)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("load case %s of an outage: %w", c.DupOf, err)
	}
	for _, p := range first.Places {
		if p.Plugin != n.Failure.Plugin.ID && n.Failure.When().Sub(p.Last) < 2*outageWithin {
			return nil
		}
	}
	c.DupOf, c.Outage = "", false
	c.Take(hotfix.Occasion{On: hotfix.Parted, By: hotfix.ByDaemon, At: d.cfg.Now(), Because: "The outage is over for the other plugins, and this one still fails.",
		Evidence: "failure " + n.Failure.ID})
	return nil
}

// spanned names the plugins that fail as this case does, all within the time of one outage.
func (d *Daemon) spanned(c hotfix.Case) []string {
	var names []string
	for _, p := range c.Places {
		if c.Last.Sub(p.Last) < 2*outageWithin && d.cfg.Now().Sub(p.Last) < newsFresh && !slices.Contains(names, p.Plugin) {
			names = append(names, p.Plugin)
		}
	}
	return names
}

// unconfirmed says that a failure that may pass by itself is waited for, if the installation wants that.
func (d *Daemon) unconfirmed(c *hotfix.Case, n hotfix.Notice) *hotfix.Reason {
	settings, _ := ParseSettings(n.Settings)
	within := time.Duration(settings.ConfirmMinutes) * time.Minute
	if within <= 0 || c.Issue != 0 || !c.Opened.IsZero() || !triage.Transient(c.Latest) || c.Latest.When().Sub(c.First) >= within {
		return nil
	}
	return &hotfix.Reason{Rule: ruleUnconfirmed, Because: fmt.Sprintf(
		"It may pass by itself; an issue is opened if it still fails %s after the first time.", span(within))}
}
