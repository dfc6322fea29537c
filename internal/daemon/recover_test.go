package daemon_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// The disk is lost; the issue brings the case back.
func TestALostCaseComesBackFromItsIssue(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, nil), context.Background()
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "one")))
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "two")))
	w.watch(t, time.Hour)

	again := &world{forge: w.forge, store: store.Memory(), clock: w.clock}
	cfg := w.config
	cfg.Store, cfg.Ledger = again.store, again.store
	var err error
	again.daemon, err = daemon.New(cfg)
	require.NoError(t, err)
	n := again.notice(t, "three")
	require.NoError(t, again.daemon.Handle(ctx, n))
	require.Len(t, w.forge.Issues(repo), 1)
	require.Equal(t, 3, again.theCase(t, n).Count)
	require.Contains(t, w.forge.Issues(repo)[0].Body, "3 times")
}

// A case that an older version opened goes on when the rules of fingerprints have changed: with a store under its old name, from
// its issue under the new one.
func TestACaseOutlivesItsFingerprint(t *testing.T) {
	t.Parallel()
	for _, recall := range []bool{false, true} {
		t.Run(fmt.Sprint("from its issue ", recall), func(t *testing.T) {
			t.Parallel()
			w, ctx := newWorld(t, nil), context.Background()
			n := w.notice(t, "by the old version")
			keys := triage.Aliases(*n.Failure)
			former := keys[slices.IndexFunc(keys, func(fp hotfix.Fingerprint) bool { return strings.HasPrefix(string(fp), "v1-") })]
			require.NotEqual(t, triage.Fingerprint(*n.Failure), former)
			old := hotfix.Case{Fingerprint: former, Repo: repo, Via: n.ID}
			old.Observe(hotfix.Sighting{Failure: *n.Failure, Names: []string{n.ID}})
			require.NoError(t, w.store.SaveCase(ctx, old))
			require.NoError(t, w.daemon.Report(ctx, former))
			require.Contains(t, w.forge.Issues(repo)[0].Body, string(former))

			again := w
			if recall {
				again = &world{forge: w.forge, store: store.Memory(), clock: w.clock}
				cfg := w.config
				cfg.Store, cfg.Ledger, cfg.Recall = again.store, again.store, true
				var err error
				again.daemon, err = daemon.New(cfg)
				require.NoError(t, err)
			}
			w.clock.pass(time.Hour)
			next := again.notice(t, "after the upgrade")
			require.NoError(t, again.daemon.Handle(ctx, next))
			issues := w.forge.Issues(repo)
			require.Equal(t, 1, len(issues), "a second issue")
			require.Contains(t, issues[0].Body, "| Seen | 2 times")
		})
	}
}

// A process dies, and others count far more than a case remembers by name before its work is done again.
func TestWorkThatIsDoneAgainCountsOnce(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, nil), t.Context()
	first := w.notice(t, "first")
	for i := range 20 {
		require.NoError(t, w.daemon.Triage(ctx, w.notice(t, fmt.Sprint("early-", i)).ID))
	}
	require.NoError(t, w.daemon.Triage(ctx, first.ID)) // and it dies before the queue knows
	fp := w.theCase(t, first).Fingerprint
	require.NoError(t, w.daemon.Report(ctx, fp)) // and it dies before the issue's number is saved
	unlock, err := w.store.Lock(ctx, fp)
	require.NoError(t, err)
	c, err := w.store.Case(ctx, fp)
	require.NoError(t, err)
	c.Issue, c.Told, c.Shown = 0, 0, hotfix.Shown{}
	require.NoError(t, w.store.SaveCase(ctx, c))
	unlock()
	for i := range 300 {
		require.NoError(t, w.daemon.Triage(ctx, w.notice(t, fmt.Sprint("late-", i)).ID))
	}
	require.NoError(t, w.daemon.Triage(ctx, first.ID))
	require.NoError(t, w.daemon.Report(ctx, fp))
	require.Equal(t, 321, w.theCase(t, first).Count)
	require.Len(t, w.forge.Issues(repo), 1)
}

func TestAFloodOfProblemsIsBroken(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Breaker = daemon.Breaker{PerHour: 3, PerDay: 10, Overall: 5} })
	for _, what := range []string{"alpha is not a function", "beta is not iterable", "gamma is undefined", "delta is null", "epsilon is missing"} {
		n := w.notice(t, what)
		n.Failure.Message = redact.Scrub(what)
		require.NoError(t, w.daemon.Handle(context.Background(), n))
	}
	titles := []string{}
	for _, i := range w.forge.Issues(repo) {
		titles = append(titles, i.Title)
	}
	require.Len(t, titles, 3, strings.Join(titles, "; "))
}
