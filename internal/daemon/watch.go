package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// freshFor is how long a case is new, regressed or escalating when nothing else happens.
const freshFor = 7 * 24 * time.Hour

// Watch looks at everything that changes by itself: drafts that people merged or closed, silence that says something,
// snoozes that are over, figures that were held back. One case that cannot be looked at does not stop the others.
func (d *Daemon) Watch(ctx context.Context) error {
	errs := []error{d.weekly(ctx)}
	for _, repo := range d.cfg.Status {
		errs = append(errs, d.status(ctx, repo))
	}
	err := d.cfg.Ledger.Due(ctx, d.cfg.Now(), func(c hotfix.Case) {
		if d.due(c) {
			errs = append(errs, d.look(ctx, c.Fingerprint))
		}
		errs = append(errs, d.notify(ctx, c))
	})
	return errors.Join(append(errs, err)...)
}

// due reports whether a look at c may change something.
func (d *Daemon) due(c hotfix.Case) bool {
	if c.Fingerprint == pageCase {
		return false
	}
	return c.State == hotfix.Fixing || d.revertible(c) || d.doubtful(c) || d.figuresDue(c) || len(d.passed(c)) > 0
}

// figuresDue reports whether the issue of c lacks figures that were held back.
func (d *Daemon) figuresDue(c hotfix.Case) bool {
	return figuresLack(c) && !d.cfg.Now().Before(c.Shown.At.Add(editEvery))
}

func figuresLack(c hotfix.Case) bool {
	return c.Issue != 0 && c.Told < c.Count && c.Decision.Action >= hotfix.Report
}

// passed is what the passing of time means to c.
func (d *Daemon) passed(c hotfix.Case) []hotfix.Occasion {
	now := d.cfg.Now()
	o := hotfix.Occasion{By: hotfix.ByDaemon, At: now}
	if because, silent := c.Silent(now); silent {
		o.On, o.Because = hotfix.FellSilent, because
		return []hotfix.Occasion{o}
	}
	_, surging := c.Surging(now)
	switch {
	case c.State == hotfix.Snoozed && c.Snooze != nil && !c.Snooze.Until.IsZero() && !now.Before(c.Snooze.Until):
		o.On, o.Because = hotfix.Woke, "The time to be quiet is over."
	case c.State == hotfix.Escalating && !surging && now.Sub(c.Moved()) > 24*time.Hour:
		o.On, o.Because = hotfix.SettledDown, "It fails as often as before again."
	case (c.State == hotfix.New || c.State == hotfix.Regressed) && now.Sub(c.Moved()) > freshFor:
		o.On, o.Because = hotfix.SettledDown, "A week has passed."
	default:
		return nil
	}
	return []hotfix.Occasion{o}
}

// look brings one case up to date with the time and with its draft.
func (d *Daemon) look(ctx context.Context, fp hotfix.Fingerprint) error {
	c, unlock, err := d.locked(ctx, fp)
	if err != nil {
		return err
	}
	defer unlock()
	happened := d.passed(c)
	if c.State == hotfix.Fixing {
		news, err := d.draft(ctx, &c)
		if err != nil {
			return err
		}
		happened = append(happened, news...)
	}
	looked := d.revertible(c)
	if looked {
		news, err := d.reverted(ctx, &c)
		if err != nil {
			return err
		}
		happened = append(happened, news...)
	}
	moved := false
	for _, o := range happened {
		if c.Take(o) {
			moved = true
			d.cfg.Log.InfoContext(ctx, "case moved", "case", fp, "to", c.State, "on", o.On, "because", o.Because)
		}
		if o.On == hotfix.Woke {
			c.Snooze = nil
		}
	}
	if !moved && !looked && !d.figuresDue(c) && !d.doubtful(c) && c.Ask == nil {
		return nil
	}
	var next []hotfix.Next
	if c.Issue != 0 {
		next = append(next, hotfix.NextReport)
	}
	if c.Ask != nil {
		next = append(next, hotfix.NextFix)
	}
	if err := d.cfg.Store.SaveCase(ctx, c, next...); err != nil {
		return fmt.Errorf("save case %s: %w", fp, err)
	}
	return nil
}

// draft says what became of the draft that a case waits for.
func (d *Daemon) draft(ctx context.Context, c *hotfix.Case) ([]hotfix.Occasion, error) {
	number := c.PR()
	if number == 0 {
		return nil, nil
	}
	forge, _, err := d.forge(ctx, *c)
	if err != nil {
		return nil, err
	}
	pull, err := forge.PullState(ctx, c.Repo, number)
	if err != nil {
		return nil, fmt.Errorf("look at the draft of case %s: %w", c.Fingerprint, err)
	}
	if pull.State == "open" {
		return d.feedback(ctx, forge, c, pull)
	}
	happened := settled(c, pull, d.cfg.Now())
	for i := range happened {
		if o := &happened[i]; o.By == somebody {
			if o.By, err = who(ctx, forge, c.Repo, number, "closed"); err != nil {
				return nil, err
			}
		}
	}
	return happened, d.learn(ctx, forge, c, pull)
}

// settled is what the state of its draft means to a case.
func settled(c *hotfix.Case, pull hotfix.Pull, now time.Time) []hotfix.Occasion {
	o := hotfix.Occasion{By: somebody, At: now, Evidence: fmt.Sprintf("#%d", pull.Number)}
	switch pull.State {
	case "merged":
		if pull.MergedBy != "" {
			o.By = pull.MergedBy
		}
		if !pull.MergedAt.IsZero() {
			o.At = pull.MergedAt
		}
		o.On, o.Because = hotfix.Merged, fmt.Sprintf("The fix was merged with #%d.", pull.Number)
		o.Evidence += ", commit " + pull.MergeSHA
		c.Fix = &hotfix.Merge{PR: pull.Number, Commit: pull.MergeSHA, At: o.At, Count: c.Count, Last: c.Last}
	case "closed":
		o.On, o.Because = hotfix.Rejected, fmt.Sprintf("#%d was closed without being merged.", pull.Number)
	default:
		return nil
	}
	return []hotfix.Occasion{o}
}
