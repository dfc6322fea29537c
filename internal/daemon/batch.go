package daemon

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// TriageAll takes in the notices with these ids and returns what went wrong with each, in their order. Failures of one case
// are counted in one go: the case is read and saved once for all of them, and ends as if they had been counted one by one. Those
// of two cases, one of which is a duplicate of the other, may be counted in another order, as they are on two machines.
func (d *Daemon) TriageAll(ctx context.Context, ids []string) []error {
	errs := make([]error, len(ids))
	groups, order := map[hotfix.Fingerprint][]arrived{}, []hotfix.Fingerprint(nil)
	for i, id := range ids {
		n, err := d.cfg.Store.Notice(ctx, id)
		if err != nil {
			errs[i] = fmt.Errorf("load notice %s: %w", id, err)
			continue
		}
		if n.Ignored != nil || n.Failure == nil {
			_, _, errs[i] = d.triage(ctx, n)
			continue
		}
		n, fp, err := d.recognise(ctx, n)
		if errs[i] = err; err != nil || fp == "" {
			continue
		}
		if groups[fp] == nil {
			order = append(order, fp)
		}
		groups[fp] = append(groups[fp], arrived{n, &errs[i]})
	}
	for _, fp := range order {
		d.countAll(ctx, fp, groups[fp])
	}
	return errs
}

// An arrived notice is a failure that is about to be counted, and where to say what went wrong with it.
type arrived struct {
	hotfix.Notice
	err *error
}

// countAll counts failures of one case: in one go those that only make it count, one by one where more than that case or
// the forge has a say in it.
func (d *Daemon) countAll(ctx context.Context, fp hotfix.Fingerprint, all []arrived) {
	for tries := 2; len(all) > 0; { // the second for what the first failure opens the case of
		hour := hourOf(all[0])
		n := 1 // charts count by the hour
		for n < len(all) && hourOf(all[n]).Equal(hour) {
			n++
		}
		if n > 1 && tries > 0 {
			if d.countTogether(ctx, fp, all[:n]) {
				all = all[n:]
				continue
			}
			tries--
		}
		_, _, *all[0].err = d.countIn(ctx, fp, all[0].Notice)
		all = all[1:]
	}
}

func hourOf(a arrived) time.Time { return a.Failure.When().UTC().Truncate(time.Hour) }

// countTogether counts failures in one go, or reports that it cannot, and then nothing has changed.
func (d *Daemon) countTogether(ctx context.Context, fp hotfix.Fingerprint, all []arrived) bool {
	c, unlock, err := d.locked(ctx, fp)
	if err != nil || !countsOnly(c) {
		if err == nil {
			unlock()
		}
		return false
	}
	defer unlock()
	policies := map[string]triage.Policy{} // the same for all that share settings and class: counting changes none of it
	var next []hotfix.Next
	for _, a := range all {
		more, ok := d.countOne(ctx, &c, a.Notice, policies)
		if !ok || !countsOnly(c) {
			return false
		}
		next = append(next, more...)
	}
	if len(c.Counts) == 0 {
		return true
	}
	slices.Sort(next)
	if err := d.saveCounted(ctx, c, slices.Compact(next)); err != nil {
		for _, a := range all {
			*a.err = err
		}
	}
	return true
}

// countsOnly reports whether a failure of c concerns no other case and opens no issue.
func countsOnly(c hotfix.Case) bool {
	return c.DupOf == "" && !c.Outage && len(c.Splits) == 0 && !c.Opened.IsZero()
}

// countOne takes one of several failures into a case that is saved later. It is not ok if that failure has to be counted
// alone.
func (d *Daemon) countOne(ctx context.Context, c *hotfix.Case, n hotfix.Notice, policies map[string]triage.Policy) (next []hotfix.Next, ok bool) {
	old := c.Latest
	change, err := d.observe(ctx, c, n)
	if err != nil {
		return nil, false
	}
	if change == hotfix.Duplicate {
		d.cfg.Log.InfoContext(ctx, "duplicate delivery", "notice", n.ID, "case", c.Fingerprint)
		return nil, !richer(*n.Failure, old)
	}
	key := fmt.Sprintf("%s %s", triage.Classify(*n.Failure), n.Settings)
	policy, known := policies[key]
	if !known {
		if policy, err = d.policy(ctx, c.Repo, n); err != nil {
			return nil, false
		}
		policies[key] = policy
	}
	if next, err = d.judgeBy(ctx, policy, c, change, n); err != nil {
		return nil, false
	}
	c.Counts = append(c.Counts, n.ID)
	return next, true
}

// observe adds a failure to the case.
func (d *Daemon) observe(ctx context.Context, c *hotfix.Case, n hotfix.Notice) (hotfix.Change, error) {
	settings, _ := ParseSettings(n.Settings)
	s := hotfix.Sighting{Failure: *n.Failure, Names: append([]string{n.ID}, n.Also...), Counted: n.Counted, Window: settings.Window()}
	var err error
	if s.Fixed, err = d.fixed(ctx, *c, n); err != nil {
		return "", err
	}
	change := c.Observe(s)
	if change == hotfix.Duplicate {
		return change, nil
	}
	return change, d.outageOver(ctx, c, n)
}

// saveCounted saves a case that failures were counted in.
func (d *Daemon) saveCounted(ctx context.Context, c hotfix.Case, next []hotfix.Next) error {
	if err := d.cfg.Store.SaveCase(ctx, c, next...); err != nil {
		return fmt.Errorf("save case %s: %w", c.Fingerprint, err)
	}
	d.cfg.Log.InfoContext(ctx, "case decided", "notice", c.Via, "case", c.Fingerprint, "repo", c.Repo, "failures", len(c.Counts), "count", c.Count,
		"action", c.Decision.Action, "risk", c.Decision.Risk)
	d.cfg.Watch(Event{Fingerprint: c.Fingerprint, Case: &c})
	return nil
}
