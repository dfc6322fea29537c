package queue_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// databases names every kind of database; address returns that of an empty one.
var databases = []struct {
	name    string
	address func(t testing.TB) string
}{
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "store.db") }},
	{"postgres", storetest.Postgres},
}

// arrive saves n notices at once, the first of which has a number.
func (h *house) arrive(first, n int) {
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			_, err := h.store.SaveNotice(h.t.Context(), storetest.Notice(fmt.Sprintf("n%d", first+i)))
			require.NoError(h.t, err)
		})
	}
	wg.Wait()
}

// A house is a store with whatever queues a test starts on it.
type house struct {
	t     *testing.T
	dsn   string
	store *store.SQL

	mu    sync.Mutex
	calls []string // what was done, in order
}

func newHouse(t *testing.T, dsn string) *house {
	h := &house{t: t, dsn: dsn}
	h.store = h.open()
	return h
}

func (h *house) open() *store.SQL { return h.openAt(nil) }

// openAt opens the store with a clock of its own.
func (h *house) openAt(now func() time.Time) *store.SQL {
	s, err := store.Open(h.t.Context(), store.Config{DSN: h.dsn, Now: now})
	require.NoError(h.t, err)
	h.t.Cleanup(func() { require.NoError(h.t, s.Close()) })
	return s
}

func (h *house) note(format string, args ...any) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.calls = append(h.calls, fmt.Sprintf(format, args...))
}

func (h *house) noted() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return append([]string{}, h.calls...)
}

// work notes every call and succeeds.
func (h *house) work() queue.Work {
	return queue.Work{
		Triage: func(_ context.Context, id string) error { h.note("triage %s", id); return nil },
		Report: func(_ context.Context, fp hotfix.Fingerprint) error { h.note("report %s", fp); return nil },
		Fix:    func(_ context.Context, fp hotfix.Fingerprint) error { h.note("fix %s", fp); return nil },
		Watch:  func(context.Context) error { return nil },
	}
}

// config is quick about everything.
func (h *house) config(work queue.Work) queue.Config {
	quick := queue.Limits{AtOnce: 4, Attempts: 3, Backoff: 10 * time.Millisecond, Longest: 40 * time.Millisecond, Timeout: patience}
	return queue.Config{Store: h.store, Work: work, Triage: quick, Report: quick, Fix: quick, Sweep: 100 * time.Millisecond,
		WatchEvery: time.Hour, Grace: 50 * time.Millisecond, Absence: 300 * time.Millisecond}
}

func (h *house) start(cfg queue.Config) (stop func()) {
	q, err := queue.New(h.t.Context(), cfg)
	require.NoError(h.t, err)
	require.NoError(h.t, q.Start(h.t.Context()))
	stop = sync.OnceFunc(func() {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		require.NoError(h.t, q.Stop(ctx))
	})
	h.t.Cleanup(stop)
	return stop
}

// idle waits until nothing is wanted.
func (h *house) idle() {
	h.t.Helper()
	var wants []store.Want
	for end := time.Now().Add(patience); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		var err error
		wants, err = h.store.Wanted(h.t.Context())
		require.NoError(h.t, err)
		if len(wants) == 0 {
			return
		}
	}
	require.Failf(h.t, "work is left", "%d wants, the oldest is %+v", len(wants), wants[0])
}

func (h *house) until(f func() bool) {
	h.t.Helper()
	require.Eventually(h.t, f, patience, 5*time.Millisecond)
}

// want saves a new case of its own repository, for which next is wanted.
func (h *house) want(fp hotfix.Fingerprint, next ...hotfix.Next) {
	c := storetest.Case(fp)
	c.Repo.Name = string(fp)
	require.NoError(h.t, h.store.SaveCase(h.t.Context(), c, next...))
}

// ask wants next of a case that exists.
func (h *house) ask(fp hotfix.Fingerprint, next ...hotfix.Next) {
	require.NoError(h.t, storetest.Count(h.t.Context(), h.store, fp, next...))
}

// loseJobs removes River's jobs, but not what is wanted.
func (h *house) loseJobs() {
	require.NoError(h.t, h.store.Write(h.t.Context(), func(tx store.Tx) error {
		const gone = "DELETE FROM river_job WHERE state <> 'running'" // SQLite would give its number to another
		if tx.PG != nil {
			_, err := tx.PG.Exec(h.t.Context(), gone)
			return err
		}
		_, err := tx.Lite.ExecContext(h.t.Context(), gone)
		return err
	}))
}
