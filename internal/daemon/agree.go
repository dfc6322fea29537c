package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// Where the issue is the only store, two runs may be at it at once, and the one that writes last writes over what the
// other has counted. So each takes in what was written since it read, before it writes, and looks again a while after:
// what it brought and does not find there any more is written once more.

// agreeMax bounds how often a run looks again.
const agreeMax = 8

// catchUp takes in what others wrote into the issue of c since it was read.
func (d *Daemon) catchUp(ctx context.Context, forge Forge, c *hotfix.Case, s Settings) error {
	if !d.cfg.Recall || c.Issue == 0 || c.Fingerprint == pageCase {
		return nil
	}
	theirs, ok, err := d.written(ctx, forge, *c)
	if err != nil || !ok || !slices.ContainsFunc(theirs.Seen, func(n string) bool { return !slices.Contains(c.Seen, n) }) {
		return err
	}
	return d.join(ctx, c, theirs, s)
}

// agree looks whether the issue still says what this run brought, and writes it again if it does not.
func (d *Daemon) agree(ctx context.Context, forge Forge, c *hotfix.Case, s Settings) error {
	if !d.cfg.Recall || d.cfg.Settle <= 0 || c.Fingerprint == pageCase {
		return nil
	}
	for range agreeMax {
		select {
		case <-time.After(d.cfg.Settle):
		case <-ctx.Done():
			return context.Cause(ctx)
		}
		theirs, ok, err := d.written(ctx, forge, *c)
		if err != nil || !ok {
			return err
		}
		names, err := d.brought(ctx, *c)
		if err != nil || !lacks(theirs, *c, names) {
			return err
		}
		if err := d.join(ctx, c, theirs, s); err != nil {
			return err
		}
		if _, err := d.writeIssue(ctx, forge, c, s); err != nil {
			return fmt.Errorf("write the issue of case %s again: %w", c.Fingerprint, err)
		}
		d.cfg.Log.InfoContext(ctx, "another run wrote over the issue; it says both now", "case", c.Fingerprint, "issue", c.Issue, "count", c.Count)
	}
	return nil
}

// written is what the issue of c says now.
func (d *Daemon) written(ctx context.Context, forge Forge, c hotfix.Case) (hotfix.Case, bool, error) {
	found, err := forge.FindIssue(ctx, hotfix.Issue{Repo: c.Repo, Number: c.Issue, Marker: d.marker(c)})
	if err != nil {
		return hotfix.Case{}, false, fmt.Errorf("look at the issue of case %s again: %w", c.Fingerprint, err)
	}
	theirs, ok := d.readState(c.Repo, c.Fingerprint, found.Body.String())
	return theirs, ok, nil
}

// brought are the names of the failure that this run is about.
func (d *Daemon) brought(ctx context.Context, c hotfix.Case) ([]string, error) {
	n, err := d.cfg.Store.Notice(ctx, c.Via)
	if errors.Is(err, store.ErrNotFound) || err == nil && n.Failure == nil {
		return nil, nil
	}
	return append([]string{n.ID}, n.Also...), err
}

// lacks reports whether theirs does not know the failure with these names, or our latest attempt or command. Older ones
// may have left the state line, which is bounded.
func lacks(theirs, ours hotfix.Case, names []string) bool {
	return len(names) > 0 && !slices.ContainsFunc(names, func(n string) bool { return slices.Contains(theirs.Seen, n) }) ||
		slices.ContainsFunc(last(ours.Attempts, 1), func(a hotfix.Attempt) bool { return !attempted(theirs, a) }) ||
		slices.ContainsFunc(last(ours.Audit, 1), func(l hotfix.AuditLine) bool { return theirs.Noted(l.Comment) == nil })
}

func attempted(c hotfix.Case, a hotfix.Attempt) bool {
	return slices.ContainsFunc(c.Attempts, func(b hotfix.Attempt) bool { return b.RunID == a.RunID && b.Outcome.Ending == a.Outcome.Ending })
}

// join makes c what another run has written, with what only c knows added to it.
func (d *Daemon) join(ctx context.Context, c *hotfix.Case, theirs hotfix.Case, s Settings) error {
	ours := *c
	names, err := d.brought(ctx, ours)
	if err != nil {
		return err
	}
	theirs.Issue = ours.Issue
	if len(names) > 0 {
		sighting := hotfix.Sighting{Failure: ours.Latest, Names: names, Window: s.Window()}
		if sighting.Fixed, err = d.fixed(ctx, theirs, hotfix.Notice{Failure: &ours.Latest}); err != nil {
			return err
		}
		theirs.Observe(sighting) // a duplicate if they count it
	}
	for _, a := range ours.Attempts {
		if !attempted(theirs, a) {
			theirs.Attempts = append(slices.DeleteFunc(theirs.Attempts, func(b hotfix.Attempt) bool { return b.RunID == a.RunID }), a)
		}
	}
	for _, l := range ours.Audit {
		if theirs.Noted(l.Comment) == nil {
			theirs.Note(l)
		}
	}
	theirs.Issue, theirs.Via, theirs.Told, theirs.Shown = ours.Issue, ours.Via, ours.Told, ours.Shown
	theirs.Decision, theirs.Ask, theirs.Latest = ours.Decision, ours.Ask, ours.Latest
	*c = theirs
	return nil
}
