package store_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

// damage runs a statement that the store itself never would.
func damage(t *testing.T, s *store.SQL, query string) {
	require.NoError(t, s.Write(t.Context(), func(tx store.Tx) error {
		if tx.PG != nil {
			_, err := tx.PG.Exec(t.Context(), query)
			return err
		}
		_, err := tx.Lite.ExecContext(t.Context(), query)
		return err
	}))
}

func TestCheck(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			ctx := t.Context()
			s := open(t, store.Config{DSN: db.address(t)})
			_, err := s.SaveNotice(ctx, storetest.Notice("n1"))
			require.NoError(t, err)
			require.NoError(t, s.SaveCase(ctx, storetest.Case("v1-a"), hotfix.NextFix))
			h, err := s.Check(ctx)
			require.NoError(t, err)
			require.Empty(t, h.Problems)
			require.Equal(t, []int{1, 1, 0, 2}, []int{h.Notices, h.Cases, h.Runs, h.Wants})
			require.Positive(t, h.Bytes)

			damage(t, s, "UPDATE cases SET body = '{' WHERE fingerprint = 'v1-a'")
			damage(t, s, "DELETE FROM notices")
			h, err = s.Check(ctx)
			require.NoError(t, err)
			require.Equal(t, []string{"case v1-a cannot be read: unexpected end of JSON input",
				"triage is wanted of n1, which is not there"}, h.Problems)
		})
	}
}

func TestCheckDamagedFile(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(t.Context(), store.Config{DSN: "sqlite:" + path})
	require.NoError(t, err)
	for _, id := range []string{"n1", "n2", "n3"} {
		_, err := s.SaveNotice(t.Context(), storetest.Notice(id))
		require.NoError(t, err)
	}
	require.NoError(t, s.Close())
	raw, err := os.ReadFile(path)
	require.NoError(t, err)
	at := bytes.LastIndex(raw, []byte("kernel.plugin_error"))
	require.Positive(t, at)
	page := at / 4096 * 4096
	copy(raw[page:], bytes.Repeat([]byte{0xff}, 200)) // the head of a page of rows
	require.NoError(t, os.WriteFile(path, raw, 0o600))

	s = open(t, store.Config{DSN: "sqlite:" + path})
	h, err := s.Check(t.Context())
	require.True(t, err != nil || len(h.Problems) > 0, "%+v", h)
}

func TestBackup(t *testing.T) {
	t.Parallel()
	ctx, dir := t.Context(), t.TempDir()
	s := open(t, store.Config{DSN: "sqlite:" + filepath.Join(dir, "store.db")})
	require.NoError(t, s.SaveCase(ctx, storetest.Case("v1-a"), hotfix.NextFix))
	path := filepath.Join(dir, "it's a backup.db")
	require.NoError(t, s.Backup(ctx, path))
	require.EqualError(t, s.Backup(ctx, path), "back up store: "+path+" exists already: name a new file")
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode().Perm())

	copied := open(t, store.Config{DSN: "sqlite:" + path})
	got, err := copied.Case(ctx, "v1-a")
	require.NoError(t, err)
	require.Equal(t, storetest.Case("v1-a"), got)
	wants, err := copied.Wanted(ctx)
	require.NoError(t, err)
	require.Len(t, wants, 1)

	pg := open(t, store.Config{DSN: storetest.Postgres(t)})
	require.ErrorIs(t, pg.Backup(ctx, filepath.Join(dir, "pg")), store.ErrNoBackup)
}
