package daemon

import (
	"context"
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// Report makes the one issue of a case match the case. Doing it twice is doing it once.
func (d *Daemon) Report(ctx context.Context, fp hotfix.Fingerprint) error {
	unlock, err := d.cfg.Store.Lock(ctx, fp)
	if err != nil {
		return fmt.Errorf("lock case %s: %w", fp, err)
	}
	defer unlock()
	c, err := d.cfg.Store.Case(ctx, fp)
	if err != nil {
		return fmt.Errorf("load case %s: %w", fp, err)
	}
	forge, n, err := d.forge(ctx, c)
	if err != nil {
		return err
	}
	return d.report(ctx, forge, &c, n)
}

// report saves the issue and remembers its number. The caller holds the lock of the case.
func (d *Daemon) report(ctx context.Context, forge Forge, c *hotfix.Case, n hotfix.Notice) error {
	settings, _ := ParseSettings(n.Settings)
	found, err := d.saveIssue(ctx, forge, c, settings)
	if err != nil && d.denied(c, err) {
		found, err = d.saveIssue(ctx, forge, c, settings)
	}
	if err != nil {
		return fmt.Errorf("save issue in %s: %w", c.Repo, err)
	}
	d.cfg.Log.Info("issue saved", "case", c.Fingerprint, "repo", c.Repo, "issue", found.Number, "state", found.State)
	again := c.Count > c.Told || c.Running() != nil
	was := *c
	c.Issue, c.Told = found.Number, c.Count
	switch {
	case found.State != "closed":
	case found.StateReason == "not_planned" && c.Running() == nil:
		c.State = hotfix.Ignored
	case again:
		if err := forge.SetState(ctx, c.Repo, c.Issue, "open", "reopened"); err != nil {
			return fmt.Errorf("reopen issue of case %s: %w", c.Fingerprint, err)
		}
	default:
		c.State = hotfix.Closed
	}
	if c.Issue != was.Issue || c.Told != was.Told || c.State != was.State {
		if err := d.cfg.Store.SaveCase(ctx, *c); err != nil {
			return fmt.Errorf("save case %s: %w", c.Fingerprint, err)
		}
	}
	d.cfg.Watch(Event{Fingerprint: c.Fingerprint, Case: c})
	return nil
}

// saveIssue renders the case and makes its issue say so.
func (d *Daemon) saveIssue(ctx context.Context, forge Forge, c *hotfix.Case, s Settings) (hotfix.Issue, error) {
	if err := d.remember(ctx, forge, c); err != nil {
		return hotfix.Issue{}, err
	}
	body, err := d.issueBody(*c, s)
	if err != nil {
		return hotfix.Issue{}, err
	}
	return forge.SaveIssue(ctx, hotfix.Issue{Repo: c.Repo, Number: c.Issue, Marker: d.marker(*c), Also: oldMarkers(c.Latest),
		Title: triage.Title(c.Latest), Body: body, Labels: s.IssueLabels})
}
