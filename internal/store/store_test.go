package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

func TestMain(m *testing.M) { os.Exit(storetest.Main(m)) }

func TestMemory(t *testing.T) {
	t.Parallel()
	storetest.Suite(t, func(*testing.T) storetest.Store { return store.Memory() })
}

// databases names every kind of database; address returns that of an empty one.
var databases = []struct {
	name    string
	address func(t testing.TB) string
}{
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "a?b #c%.db") }},
	{"postgres", storetest.Postgres},
}

func open(t testing.TB, cfg store.Config) *store.SQL {
	s, err := store.Open(t.Context(), cfg)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	return s
}

func TestSQL(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			storetest.Suite(t, func(t *testing.T) storetest.Store { return open(t, store.Config{DSN: db.address(t)}) })
		})
	}
}
