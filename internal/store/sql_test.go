package store_test

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

// A clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func TestSQLOnly(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(t *testing.T, dsn string)
	}{
		{"it is all there after it was opened again", reopened},
		{"a token expires", tokenExpires},
		{"a token needs its key", tokenKey},
		{"pruning keeps what is wanted", prunes},
		{"a payload is forgotten before its notice", forgetsPayloads},
		{"lists for people", lists},
		{"lists of cases", caseLists},
		{"views", views},
		{"counts over time", countsOverTime},
		{"lists of attempts", attemptLists},
		{"a lost update is an error even when the lock was lost", lostLock},
		{"a lock excludes other processes until they end", lockedElsewhere},
		{"opened by many at once", openedAtOnce},
		{"an impatient caller does not fail the others", impatient},
	}
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					tt.run(t, db.address(t))
				})
			}
		})
	}
}

func reopened(t *testing.T, dsn string) {
	ctx := t.Context()
	s, err := store.Open(ctx, store.Config{DSN: dsn})
	require.NoError(t, err)
	_, err = s.SaveNotice(ctx, storetest.Notice("n1"))
	require.NoError(t, err)
	require.NoError(t, s.SaveCase(ctx, storetest.Case("v1-a"), hotfix.NextFix))
	require.NoError(t, s.Close())

	s = open(t, store.Config{DSN: dsn})
	require.NoError(t, s.Ready(ctx))
	_, err = s.Notice(ctx, "n1")
	require.NoError(t, err)
	c, err := s.Case(ctx, "v1-a")
	require.NoError(t, err)
	require.Equal(t, storetest.Case("v1-a"), c)
	wants, err := s.Wanted(ctx)
	require.NoError(t, err)
	require.Len(t, wants, 2)
}

func tokenExpires(t *testing.T, dsn string) {
	ctx, c := t.Context(), &clock{at: storetest.At}
	s := open(t, store.Config{DSN: dsn, Now: c.now})
	n := storetest.Notice("n1")
	n.Token = redact.NewSecret("ghs_" + strings.Repeat("b", 36))
	for _, id := range []string{"n1", "n2"} {
		n.ID = id
		_, err := s.SaveNotice(ctx, n)
		require.NoError(t, err)
	}
	token := func(id string) string {
		got, err := s.Notice(ctx, id)
		require.NoError(t, err)
		return got.Token.Reveal()
	}
	require.NoError(t, s.DropToken(ctx, "n2"))
	require.Empty(t, token("n2"))
	c.move(59 * time.Minute)
	require.Equal(t, n.Token.Reveal(), token("n1"))
	c.move(time.Minute)
	require.Empty(t, token("n1"))

	require.NoError(t, s.Prune(ctx, 0, 0))
	c.move(-time.Minute)
	require.Empty(t, token("n1"), "it is erased, not only hidden")
}

func tokenKey(t *testing.T, dsn string) {
	ctx := t.Context()
	key := bytes.Repeat([]byte{7}, 32)
	first := open(t, store.Config{DSN: dsn, Key: key})
	n := storetest.Notice("n1")
	n.Token = redact.NewSecret("ghs_" + strings.Repeat("c", 36))
	_, err := first.SaveNotice(ctx, n)
	require.NoError(t, err)

	got, err := open(t, store.Config{DSN: dsn, Key: key}).Notice(ctx, "n1")
	require.NoError(t, err)
	require.Equal(t, n.Token.Reveal(), got.Token.Reveal())
	got, err = open(t, store.Config{DSN: dsn}).Notice(ctx, "n1")
	require.NoError(t, err, "the notice itself is still worth handling")
	require.Empty(t, got.Token.Reveal())

	_, err = store.Open(ctx, store.Config{DSN: dsn, Key: []byte("short")})
	require.EqualError(t, err, "the store's key has 5 bytes: give at least 16")

	if path, lite := strings.CutPrefix(dsn, "sqlite:"); lite {
		for _, file := range []string{path, path + "-wal"} {
			raw, err := os.ReadFile(file)
			require.NoError(t, err)
			require.NotContains(t, string(raw), n.Token.Reveal())
			info, err := os.Stat(file)
			require.NoError(t, err)
			require.Equal(t, os.FileMode(0o600), info.Mode().Perm(), file)
		}
	}
}

// forgetsPayloads: a payload is kept for a time of its own, which may be shorter than that of its notice.
func forgetsPayloads(t *testing.T, dsn string) {
	ctx, c := t.Context(), &clock{at: storetest.At}
	s := open(t, store.Config{DSN: dsn, Now: c.now})
	for id, days := range map[string]int{"short": 1, "long": 7} {
		n := storetest.Notice(id)
		n.Raw, n.RawUntil = []byte(`{"all":"of it"}`), storetest.At.AddDate(0, 0, days)
		_, err := s.SaveNotice(ctx, n)
		require.NoError(t, err)
	}
	kept := func(id string) bool {
		n, err := s.Notice(ctx, id)
		require.NoError(t, err)
		require.NotNil(t, n.Failure, "the notice itself stays")
		return len(n.Raw) > 0
	}
	require.NoError(t, s.Prune(ctx, 0, 0))
	require.Equal(t, []bool{true, true}, []bool{kept("short"), kept("long")})
	c.move(25 * time.Hour)
	require.NoError(t, s.Prune(ctx, 0, 0))
	require.Equal(t, []bool{false, true}, []bool{kept("short"), kept("long")})
}

func prunes(t *testing.T, dsn string) {
	ctx, c := t.Context(), &clock{at: storetest.At}
	s := open(t, store.Config{DSN: dsn, Now: c.now})
	for _, id := range []string{"waiting", "done"} {
		_, err := s.SaveNotice(ctx, storetest.Notice(id))
		require.NoError(t, err)
	}
	require.NoError(t, s.SaveRun(ctx, "r1", &agent.Run{Stop: agent.Finished}))
	finish(t, s, store.Triage, "done")
	c.move(48 * time.Hour)
	require.NoError(t, s.Prune(ctx, 72*time.Hour, 72*time.Hour))
	rows, err := s.Notices(ctx, 10)
	require.NoError(t, err)
	require.Len(t, rows, 2)
	require.NoError(t, s.Prune(ctx, 24*time.Hour, 24*time.Hour))
	rows, err = s.Notices(ctx, 10)
	require.NoError(t, err)
	require.Len(t, rows, 1)
	require.Equal(t, "waiting", rows[0].Notice.ID)
	require.True(t, rows[0].Waiting)
	_, err = s.Run(ctx, "r1")
	require.ErrorIs(t, err, store.ErrNotFound)
}

// finish does a want that has no job, as a queue would.
func finish(t *testing.T, s *store.SQL, kind store.Kind, name string) {
	claims, err := s.Claim(t.Context(), kind, []string{name}, 0, "me", 0)
	require.NoError(t, err)
	again, err := s.Finish(t.Context(), claims, []store.End{{}})
	require.NoError(t, err)
	require.False(t, again)
}

func lists(t *testing.T, dsn string) {
	ctx, c := t.Context(), &clock{at: storetest.At}
	s := open(t, store.Config{DSN: dsn, Now: c.now})
	for i := range 3 {
		require.NoError(t, s.SaveRun(ctx, fmt.Sprintf("r%d", i), &agent.Run{Stop: agent.Quiet, Steps: make([]agent.Step, i)}))
		_, err := s.SaveNotice(ctx, storetest.Notice(fmt.Sprintf("n%d", i)))
		require.NoError(t, err)
		c.move(time.Minute)
	}
	runs, err := s.Runs(ctx, 2)
	require.NoError(t, err)
	require.Equal(t, []store.RunRow{{ID: "r2", Saved: storetest.At.Add(2 * time.Minute), Stop: agent.Quiet, Steps: 2},
		{ID: "r1", Saved: storetest.At.Add(time.Minute), Stop: agent.Quiet, Steps: 1}}, runs)

	require.NoError(t, s.SaveCase(ctx, storetest.Case("v1-a"), hotfix.NextFix))
	_, err = s.Claim(ctx, store.Fix, []string{"v1-a"}, 0, "me", 0)
	require.NoError(t, err)
	claims, err := s.Claim(ctx, store.Triage, []string{"n0"}, 0, "me", 0)
	require.NoError(t, err)
	again, err := s.Finish(ctx, claims, []store.End{{Failed: "no", Park: true}})
	require.NoError(t, err)
	require.False(t, again)
	counts, err := s.Counts(ctx)
	require.NoError(t, err)
	require.Equal(t, map[store.Kind]store.Count{
		store.Triage: {Waiting: 2, Parked: 1, Oldest: storetest.At.Add(time.Minute)},
		store.Fix:    {Running: 1, Oldest: storetest.At.Add(3 * time.Minute)}}, counts)
}

func lostLock(t *testing.T, dsn string) {
	ctx := t.Context()
	a, b := open(t, store.Config{DSN: dsn}), open(t, store.Config{DSN: dsn})
	require.NoError(t, a.SaveCase(ctx, storetest.Case("v1-a")))
	unlock, err := a.Lock(ctx, "v1-a")
	require.NoError(t, err)
	defer unlock()
	c, err := a.Case(ctx, "v1-a")
	require.NoError(t, err)

	// Somebody writes without regard for the lock, as if it had been lost.
	require.NoError(t, b.Write(ctx, func(tx store.Tx) error {
		const q = "UPDATE cases SET version = version + 1"
		if tx.PG != nil {
			_, err := tx.PG.Exec(ctx, q)
			return err
		}
		_, err := tx.Lite.ExecContext(ctx, q)
		return err
	}))
	_, err = a.Case(ctx, "v1-a")
	require.NoError(t, err, "a page reads it, which must not hide that")
	require.ErrorIs(t, a.SaveCase(ctx, c), store.ErrConflict)
}

func lockedElsewhere(t *testing.T, dsn string) {
	ctx := t.Context()
	a, err := store.Open(ctx, store.Config{DSN: dsn})
	require.NoError(t, err)
	b := open(t, store.Config{DSN: dsn})
	_, err = a.Lock(ctx, "v1-a")
	require.NoError(t, err)
	short, cancel := context.WithTimeout(ctx, 50*time.Millisecond)
	defer cancel()
	_, err = b.Lock(short, "v1-a")
	require.ErrorIs(t, err, context.DeadlineExceeded)
	unlock, err := b.Lock(ctx, "v1-b")
	require.NoError(t, err, "another case is not locked")
	unlock()

	require.NoError(t, a.Close()) // as if it had died
	unlock, err = b.Lock(ctx, "v1-a")
	require.NoError(t, err)
	unlock()
}

func openedAtOnce(t *testing.T, dsn string) {
	var wg sync.WaitGroup
	for range 6 {
		wg.Go(func() {
			s, err := store.Open(t.Context(), store.Config{DSN: dsn})
			if err != nil {
				t.Error(err)
				return
			}
			if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
}

func impatient(t *testing.T, dsn string) {
	s := open(t, store.Config{DSN: dsn})
	for round := range 10 {
		var wg sync.WaitGroup
		for i := range 60 {
			wg.Go(func() {
				ctx := t.Context()
				if i%3 > 0 { // it leaves before, while or after its notice is stored
					short, cancel := context.WithTimeout(ctx, time.Duration(i)*100*time.Microsecond)
					defer cancel()
					ctx = short
				}
				_, err := s.SaveNotice(ctx, storetest.Notice(fmt.Sprintf("n%d-%d", round, i)))
				if err != nil && i%3 == 0 {
					t.Errorf("notice %d: %v", i, err)
				}
			})
		}
		wg.Wait()
	}
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
	defer cancel()
	_, err := s.SaveNotice(ctx, storetest.Notice("last"))
	require.NoError(t, err, "somebody leads")
}

func TestOpenRefuses(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, dsn, want string }{
		{"nothing", "", `no store is called "": write sqlite:PATH or postgres://user@host/database`},
		{"another database", "mysql://x", `no store is called "mysql": write sqlite:PATH or postgres://user@host/database`},
		{"no path", "sqlite:", "sqlite: names no file: write sqlite:PATH"},
		{"memory", "sqlite::memory:", "sqlite::memory: names no file: write sqlite:PATH"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := store.Open(t.Context(), store.Config{DSN: tt.dsn})
			require.EqualError(t, err, tt.want)
		})
	}
	t.Run("a file that is no database", func(t *testing.T) {
		t.Parallel()
		path := filepath.Join(t.TempDir(), "notes.txt")
		require.NoError(t, os.WriteFile(path, bytes.Repeat([]byte("not a database "), 100), 0o600))
		_, err := store.Open(t.Context(), store.Config{DSN: "sqlite:" + path})
		require.ErrorIs(t, err, store.ErrFull)
		require.ErrorContains(t, err, "not a database")
	})
	t.Run("a server that is not there", func(t *testing.T) {
		t.Parallel()
		_, err := store.Open(t.Context(), store.Config{DSN: "postgres:///x?host=" + t.TempDir()})
		require.ErrorIs(t, err, store.ErrFull)
	})
	t.Run("the password stays secret", func(t *testing.T) {
		t.Parallel()
		secret := strings.Repeat("p", 12)
		_, err := store.Open(t.Context(), store.Config{DSN: "postgres://user:" + secret + "@host:notaport/db"})
		require.Error(t, err)
		require.NotContains(t, err.Error(), secret)
	})
}
