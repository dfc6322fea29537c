package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

func names(t *testing.T, s Store) {
	ctx := t.Context()
	of, err := s.Own(ctx, "v1-a", "suite:1", "run:1")
	require.NoError(t, err)
	require.Equal(t, hotfix.Fingerprint("v1-a"), of)
	of, err = s.Own(ctx, "v1-b", "suite:1", "check:7")
	require.NoError(t, err)
	require.Equal(t, hotfix.Fingerprint("v1-a"), of, "one of them was taken")
	of, err = s.Owner(ctx, "check:7")
	require.NoError(t, err)
	require.Equal(t, hotfix.Fingerprint("v1-a"), of, "so the others went there as well")
	_, err = s.Owner(ctx, "suite:2")
	require.ErrorIs(t, err, store.ErrNotFound)

	var group sync.WaitGroup
	owners := make([]hotfix.Fingerprint, 20)
	errs := make([]error, len(owners))
	for i := range owners { // at once, and in two orders
		list := []string{"x", "y"}
		if i%2 == 1 {
			list = []string{"y", "x"}
		}
		group.Go(func() { owners[i], errs[i] = s.Own(ctx, hotfix.Fingerprint(fmt.Sprintf("v1-%d", i)), list...) })
	}
	group.Wait()
	for i := range owners {
		require.NoError(t, errs[i])
		require.Equal(t, owners[0], owners[i])
	}
}

func opened(t *testing.T, s Store) {
	ctx := t.Context()
	for i := range 3 {
		fp := hotfix.Fingerprint(fmt.Sprintf("v1-%d", i))
		unlock, err := s.Lock(ctx, fp)
		require.NoError(t, err)
		c := Case(fp)
		c.Opened = At.Add(time.Duration(i) * time.Hour)
		if i == 2 {
			c.Repo = hotfix.Repo{Owner: "other", Name: "plugin"}
		}
		require.NoError(t, s.SaveCase(ctx, c))
		unlock()
	}
	for _, tt := range []struct {
		repo  hotfix.Repo
		since time.Duration
		want  int
	}{{hotfix.Repo{}, -time.Hour, 3}, {hotfix.Repo{}, 0, 2}, {hotfix.Repo{Owner: "OWNER", Name: "plugin"}, -time.Hour, 2}, {hotfix.Repo{}, 3 * time.Hour, 0}} {
		n, err := s.Opened(ctx, tt.repo, At.Add(tt.since))
		require.NoError(t, err)
		require.Equal(t, tt.want, n)
	}
}

func drops(t *testing.T, s Store) {
	ctx := t.Context()
	repo := hotfix.Repo{Owner: "Acme", Name: "app"}
	why := hotfix.Reason{Rule: "own-failure", Because: "It is the daemon's own."}
	for _, id := range []string{"a", "a", "b"} { // one is told twice
		require.NoError(t, s.SaveDrop(ctx, store.DropOf(hotfix.Notice{ID: id, Event: "kernel.plugin_error"}, repo, why)))
	}
	require.NoError(t, s.SaveDrop(ctx, store.DropOf(hotfix.Notice{ID: "c", Event: "workflow_run.completed"}, hotfix.Repo{}, why)))
	list, err := s.Drops(ctx)
	require.NoError(t, err)
	require.Len(t, list, 2)
	counts := map[string]int{}
	for _, d := range list {
		require.Equal(t, "own-failure", d.Rule)
		require.Equal(t, why.Because, d.Because)
		counts[d.Event+" "+d.Repo+" "+d.Notice] = d.N
	}
	require.Equal(t, map[string]int{"kernel.plugin_error acme/app b": 2, "workflow_run.completed  c": 1}, counts)
}
