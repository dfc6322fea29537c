package queue_test

import (
	"database/sql"
	"os"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// restore puts a dump into an empty database.
func restore(t *testing.T, dsn, file string) {
	t.Helper()
	dump, err := os.ReadFile(file)
	require.NoError(t, err)
	if path, ok := strings.CutPrefix(dsn, "sqlite:"); ok {
		db, err := sql.Open("sqlite", path)
		require.NoError(t, err)
		_, err = db.ExecContext(t.Context(), string(dump))
		require.NoError(t, err)
		require.NoError(t, db.Close())
		return
	}
	cfg, err := pgx.ParseConfig(strings.TrimSuffix(dsn, "&pool_max_conns=8"))
	require.NoError(t, err)
	cfg.DefaultQueryExecMode = pgx.QueryExecModeSimpleProtocol // many statements at once
	conn, err := pgx.ConnectConfig(t.Context(), cfg)
	require.NoError(t, err)
	_, err = conn.Exec(t.Context(), string(dump))
	require.NoError(t, err)
	require.NoError(t, conn.Close(t.Context()))
}

// TestUpgrade opens a store of the first release, with all its rows, and goes on with the work that was left in it.
func TestUpgrade(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			ctx, dsn := t.Context(), db.address(t)
			restore(t, dsn, "../store/testdata/first."+db.name+".sql")
			h := newHouse(t, dsn)
			health, err := h.store.Check(ctx)
			require.NoError(t, err)
			require.Empty(t, health.Problems)
			require.Equal(t, []int{2, 1, 1, 3}, []int{health.Notices, health.Cases, health.Runs, health.Wants})
			n, err := h.store.Notice(ctx, "n1")
			require.NoError(t, err)
			require.Equal(t, "TypeError: x is not a function", n.Failure.Message.String())
			c, err := h.store.Case(ctx, "v1-a")
			require.NoError(t, err)
			require.Equal(t, 2, c.Count)
			require.Equal(t, "v1-a-1", c.Running().RunID)
			fp, err := h.store.Find(ctx, hotfix.Repo{Owner: "owner", Name: "plugin"}, 7)
			require.NoError(t, err)
			require.Equal(t, c.Fingerprint, fp)
			run, err := h.store.Run(ctx, "v1-a-1")
			require.NoError(t, err)
			require.Equal(t, "1: x", run.Steps[0].Calls[0].Result)
			parked, err := h.store.Parked(ctx)
			require.NoError(t, err)
			require.Equal(t, "GitHub answered 410: it is gone", parked[0].Reason)

			h.start(h.config(h.work()))
			h.idle()
			require.ElementsMatch(t, []string{"triage n2", "fix v1-a"}, h.noted(), "what was waiting, and what a worker of long ago had begun")
			require.NoError(t, h.store.Release(ctx, store.Report, "v1-a"))
			h.idle()
			require.Contains(t, h.noted(), "report v1-a")
		})
	}
}
