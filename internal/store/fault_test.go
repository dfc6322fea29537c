package store_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

func TestFull(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	dsn := "sqlite:" + filepath.Join(t.TempDir(), "store.db")
	s, err := store.Open(ctx, store.Config{DSN: dsn, MaxBytes: 1 << 20})
	require.NoError(t, err)

	var acknowledged []string
	for i := 0; err == nil; i++ {
		n := storetest.Notice(fmt.Sprintf("n%04d", i))
		n.Failure.Stack = redact.Scrub(strings.Repeat("at line of a stack\n", 500))
		if _, err = s.SaveNotice(ctx, n); err == nil {
			acknowledged = append(acknowledged, n.ID)
		}
	}
	require.ErrorIs(t, err, store.ErrFull)
	require.NotEmpty(t, acknowledged)
	wants, err := s.Wanted(ctx)
	require.NoError(t, err)
	require.Len(t, wants, len(acknowledged), "no half of a transaction")
	require.NoError(t, s.Close())

	s = open(t, store.Config{DSN: dsn})
	for _, id := range acknowledged {
		_, err := s.Notice(ctx, id)
		require.NoError(t, err)
	}
	fresh, err := s.SaveNotice(ctx, storetest.Notice("later"))
	require.NoError(t, err, "there is room again")
	require.True(t, fresh)
}

func TestFileGone(t *testing.T) {
	t.Parallel()
	ctx := t.Context()
	path := filepath.Join(t.TempDir(), "store.db")
	s := open(t, store.Config{DSN: "sqlite:" + path})
	_, err := s.SaveNotice(ctx, storetest.Notice("n1"))
	require.NoError(t, err)

	require.NoError(t, os.Rename(path, path+".away"))
	_, err = s.SaveNotice(ctx, storetest.Notice("n2"))
	require.ErrorIs(t, err, store.ErrFull, "it would be written to a file that nobody finds again")
	require.ErrorIs(t, s.Ready(ctx), store.ErrFull)

	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = s.SaveNotice(ctx, storetest.Notice("n2"))
	require.ErrorContains(t, err, "was replaced by another file")

	require.NoError(t, os.Rename(path+".away", path))
	fresh, err := s.SaveNotice(ctx, storetest.Notice("n2"))
	require.NoError(t, err)
	require.True(t, fresh)
}

func TestServerGone(t *testing.T) {
	t.Parallel()
	ctx, server := t.Context(), storetest.StartPostgres(t)
	dsn := server.Database(t)
	a, b := open(t, store.Config{DSN: dsn}), open(t, store.Config{DSN: dsn})
	require.NoError(t, a.SaveCase(ctx, storetest.Case("v1-a")))
	_, err := a.SaveNotice(ctx, storetest.Notice("n1"))
	require.NoError(t, err)
	kept, err := a.Exclusive(ctx, "kept")
	require.NoError(t, err)
	_, err = a.Exclusive(ctx, "lost")
	require.NoError(t, err)

	server.Stop()
	_, err = a.SaveNotice(ctx, storetest.Notice("n2"))
	require.ErrorIs(t, err, store.ErrFull)
	require.ErrorIs(t, a.Ready(ctx), store.ErrFull)
	_, err = a.Lock(ctx, "v1-a")
	require.ErrorIs(t, err, store.ErrFull)
	require.ErrorIs(t, a.Keep(ctx), store.ErrFull)

	require.NoError(t, server.Start())
	stolen, err := b.Exclusive(ctx, "lost")
	require.NoError(t, err, "the locks died with the server")
	require.ErrorContains(t, a.Keep(ctx), "1 locks were lost")
	free, err := b.Free(ctx, "kept")
	require.NoError(t, err)
	require.False(t, free, "a took it again")
	kept()
	stolen()
	require.NoError(t, a.Keep(ctx), "a has it again as soon as it is free")
	free, err = b.Free(ctx, "lost")
	require.NoError(t, err)
	require.False(t, free)
	free, err = a.Free(ctx, "kept")
	require.NoError(t, err)
	require.True(t, free)

	_, err = a.Notice(ctx, "n1")
	require.NoError(t, err, "what was acknowledged is there")
	fresh, err := a.SaveNotice(ctx, storetest.Notice("n2"))
	require.NoError(t, err)
	require.True(t, fresh)
}
