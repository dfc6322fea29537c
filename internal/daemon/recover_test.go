package daemon_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
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
