package daemon

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A Breaker bounds how many new issues are opened. A zero bound is none.
type Breaker struct {
	PerHour int           // in one repository
	PerDay  int           // in one repository
	Overall int           // in all repositories within Within; then one page is sent, and there is silence
	Within  time.Duration // default 10 minutes
	Silence time.Duration // default one hour
	Notify  []string      // logins that the page mentions, besides those of the installation's settings
}

// Rules of the breaker.
const (
	ruleBreakerHour = "breaker-hour"
	ruleBreakerDay  = "breaker-day"
	ruleBreakerAll  = "breaker-all"
)

// pageCase is the case that a page is kept under. Its First is when the breaker went off.
const pageCase hotfix.Fingerprint = "page"

// breaker says why no new issue is opened for c. When it agrees, the issue is counted at once, so that many
// deciding at the same moment stay within the bounds together.
func (d *Daemon) breaker(ctx context.Context, c *hotfix.Case, n hotfix.Notice) (*hotfix.Reason, error) {
	b, now := d.cfg.Breaker, d.cfg.Now()
	if c.Issue != 0 || !c.Opened.IsZero() {
		return nil, nil
	}
	if b.PerHour <= 0 && b.PerDay <= 0 && b.Overall <= 0 {
		c.Opened = now
		return nil, d.suggest(ctx, c)
	}
	silent, err := d.silent(ctx)
	if silent || err != nil {
		return allSilent(b), err
	}
	for _, bound := range []struct {
		rule   string
		max    int
		repo   hotfix.Repo
		within time.Duration
	}{
		{ruleBreakerHour, b.PerHour, c.Repo, time.Hour},
		{ruleBreakerDay, b.PerDay, c.Repo, 24 * time.Hour},
		{ruleBreakerAll, b.Overall, hotfix.Repo{}, b.within()},
	} {
		if bound.max <= 0 {
			continue
		}
		opened, err := d.cfg.Ledger.Opened(ctx, bound.repo, now.Add(-bound.within))
		if err != nil {
			return nil, err
		}
		switch {
		case opened < bound.max:
		case bound.rule == ruleBreakerAll:
			return allSilent(b), d.page(ctx, c, n, opened)
		default:
			return &hotfix.Reason{Rule: bound.rule, Because: fmt.Sprintf(
				"%d new issues were opened in %s within %s and %d is the limit; this problem is counted until there is room.", opened, c.Repo, span(bound.within), bound.max)}, nil
		}
	}
	c.Opened = now
	return nil, d.suggest(ctx, c)
}

// Two issues that read this much alike may be about the same, and so many are named.
const (
	alike    = 0.75
	likeMax  = 2
	likeSeen = 200 // of the latest cases are compared
)

// suggest names issues in the same repository that may be about the same as c, for people to decide.
func (d *Daemon) suggest(ctx context.Context, c *hotfix.Case) error {
	others, err := d.cfg.Store.Cases(ctx, store.CaseFilter{Repo: c.Repo, Limit: likeSeen})
	if err != nil {
		return err
	}
	for _, o := range others {
		if len(c.Like) < likeMax && o.Issue != 0 && o.Fingerprint != c.Fingerprint && o.Fingerprint != pageCase && o.DupOf == "" && triage.Similar(o.Latest, c.Latest) >= alike {
			c.Like = append(c.Like, o.Issue)
		}
	}
	return nil
}

func allSilent(b Breaker) *hotfix.Reason {
	return &hotfix.Reason{Rule: ruleBreakerAll, Because: fmt.Sprintf(
		"%d new issues were opened within %s over all, so no more are opened for %s; this problem is counted meanwhile.", b.Overall, span(b.within()), span(b.silence()))}
}

func (b Breaker) within() time.Duration {
	if b.Within <= 0 {
		return 10 * time.Minute
	}
	return b.Within
}

func (b Breaker) silence() time.Duration {
	if b.Silence <= 0 {
		return time.Hour
	}
	return b.Silence
}

// span is a duration in words.
func span(t time.Duration) string {
	for _, unit := range []struct {
		is   time.Duration
		name string
	}{{24 * time.Hour, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if t >= unit.is && t%unit.is == 0 {
			if t == unit.is {
				return "one " + unit.name
			}
			return fmt.Sprintf("%d %ss", t/unit.is, unit.name)
		}
	}
	return t.String()
}

// silent reports whether the breaker went off a short while ago.
func (d *Daemon) silent(ctx context.Context) (bool, error) {
	page, err := d.cfg.Store.Case(ctx, pageCase)
	if errors.Is(err, store.ErrNotFound) {
		return false, nil
	}
	return err == nil && d.cfg.Now().Before(page.First.Add(d.cfg.Breaker.silence())), err
}

// page begins the silence and has one issue written about it. The caller holds the breaker's lock, so that there
// is one page however many cases run into the bound.
func (d *Daemon) page(ctx context.Context, c *hotfix.Case, n hotfix.Notice, opened int) error {
	unlock, err := d.cfg.Store.Lock(ctx, pageCase)
	if err != nil {
		return fmt.Errorf("lock page: %w", err)
	}
	defer unlock()
	page, err := d.cfg.Store.Case(ctx, pageCase)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return fmt.Errorf("load page: %w", err)
	}
	now, repo := d.cfg.Now(), d.cfg.Sources.Fallback
	if repo.IsZero() {
		repo = c.Repo
	}
	says := fmt.Sprintf("%d new problems within %s", opened+1, span(d.cfg.Breaker.within()))
	page = hotfix.Case{Fingerprint: pageCase, Repo: repo, State: hotfix.New, Count: page.Count + 1, First: now, Last: now, Via: n.ID,
		Latest:   hotfix.Failure{ID: "page", Plugin: hotfix.Plugin{ID: "daemon-hotfix", Kind: "page", Repo: repo}, Message: redact.Scrub(says), At: now},
		Decision: hotfix.Decision{Action: hotfix.Report, Reasons: []hotfix.Reason{*allSilent(d.cfg.Breaker)}}}
	if err := d.cfg.Store.SaveCase(ctx, page, hotfix.NextReport); err != nil {
		return fmt.Errorf("save page: %w", err)
	}
	d.cfg.Log.WarnContext(ctx, "too many new issues: silence", "opened", opened, "for", d.cfg.Breaker.silence())
	return nil
}
