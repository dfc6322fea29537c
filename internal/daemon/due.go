package daemon

import (
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Due is when Watch may next find something to do for c if nothing but time passes, the zero time if never. It may be too
// early and never is too late.
func (d *Daemon) Due(c hotfix.Case) time.Time {
	if d.news(c) != nil || c.State == hotfix.Fixing {
		return time.Unix(0, 0) // there is something now, and again until it has been seen to
	}
	if c.Fingerprint == pageCase {
		return time.Time{}
	}
	times := []time.Time{c.SilentFrom()}
	switch {
	case c.State == hotfix.Snoozed && c.Snooze != nil:
		times = append(times, c.Snooze.Until)
	case c.State == hotfix.Escalating:
		times = append(times, c.Moved().Add(24*time.Hour))
	case c.State == hotfix.New || c.State == hotfix.Regressed:
		times = append(times, c.Moved().Add(freshFor))
	}
	if figuresLack(c) {
		times = append(times, c.Shown.At.Add(editEvery))
	}
	if unsure(c) {
		times = append(times, c.Shown.Made.Add(listed))
	}
	if c.Fix != nil && c.Fix.Commit != "" && c.State.Settled() {
		if at := c.Fix.Looked.Add(revertEvery); at.Before(c.Fix.At.Add(revertWatch)) {
			times = append(times, at)
		}
	}
	first := time.Time{}
	for _, t := range times {
		if !t.IsZero() && (first.IsZero() || t.Before(first)) {
			first = t
		}
	}
	return first
}
