package queue_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if dsn := os.Getenv(childDSN); dsn != "" {
		os.Exit(child(dsn, os.Getenv(childDir), os.Getenv(childName)))
	}
	os.Exit(storetest.Main(m))
}

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

func TestQueue(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		run  func(t *testing.T, h *house)
	}{
		{"a notice is triaged once", triagedOnce},
		{"what was asked for often is done once", collapses},
		{"what is asked for while it runs is done again", again},
		{"a save that fails wants nothing", nothingOfAConflict},
		{"what fails is tried again and then parked", parked},
		{"what fails for the last time but was asked for again goes on", parkedTooSoon},
		{"a parked want is released or dropped", released},
		{"a panic is a failure", panics},
		{"throttled work waits and loses no attempt", throttled},
		{"work that takes too long is cut off and says so", cutOff},
		{"a stopping queue hands work back", handedBack},
		{"a stopping queue lets work finish", finishes},
		{"one fix per repository", perRepo},
		{"the watch comes round", watches},
		{"what was stored without a queue is found", found},
		{"a job that vanished is made again", vanished},
		{"what kills its process each time is parked", deadly},
		{"a worker that lives keeps its work", keeps},
		{"two queues share the work", shared},
		{"the clock is set forward a day", jumps(24 * time.Hour)},
		{"the clock is set back an hour", jumps(-time.Hour)},
		{"failures and deaths are counted apart", apart},
		{"what arrives together is worked on together", together},
		{"triage gives way to deliveries, but not for ever", givesWay},
	}
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			for _, tt := range tests {
				t.Run(tt.name, func(t *testing.T) {
					t.Parallel()
					tt.run(t, newHouse(t, db.address(t)))
				})
			}
		})
	}
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

// together: of notices that share a job one fails, one panics and one is parked; the others hear nothing of it.
func together(t *testing.T, h *house) {
	cfg := h.config(h.work())
	_, err := queue.New(t.Context(), cfg)
	require.NoError(t, err)
	var mates []string // of one job
	sent := 0
	for ; len(mates) < 4 && sent < 10_000; sent += 100 { // how many share a transaction is left to chance
		h.arrive(sent, 100)
		wants, err := h.store.Wanted(t.Context())
		require.NoError(t, err)
		require.Len(t, wants, sent+100)
		jobs := map[int64][]string{}
		for _, w := range wants {
			if jobs[w.Job()] = append(jobs[w.Job()], w.Name); len(jobs[w.Job()]) > len(mates) {
				mates = jobs[w.Job()]
			}
		}
	}
	require.GreaterOrEqual(t, len(mates), 4, "deliveries that arrive at once share a job")
	failed := map[string]int{}
	cfg.Work.Triage = func(_ context.Context, id string) error {
		h.note("triage %s", id)
		h.mu.Lock()
		failed[id]++
		again := failed[id] == 1
		h.mu.Unlock()
		switch {
		case id == mates[0] && again:
			return errors.New("not yet")
		case id == mates[1] && again:
			panic("oh")
		case id == mates[2]:
			return errors.New("never")
		}
		return nil
	}
	h.start(cfg)
	h.until(func() bool {
		counts, err := h.store.Counts(t.Context())
		return err == nil && counts[store.Triage] == store.Count{Parked: 1}
	})
	seen := map[string]int{}
	for _, call := range h.noted() {
		seen[call]++
	}
	require.Len(t, seen, sent)
	require.Equal(t, []int{2, 2, cfg.Triage.Attempts}, []int{seen["triage "+mates[0]], seen["triage "+mates[1]], seen["triage "+mates[2]]})
	require.Len(t, h.noted(), sent-3+2+2+cfg.Triage.Attempts)
	parked, err := h.store.Parked(t.Context())
	require.NoError(t, err)
	require.Equal(t, mates[2], parked[0].Name)
	require.Equal(t, "never", parked[0].Reason)
}

// givesWay: the door is never idle, and what it took in is triaged all the same.
func givesWay(t *testing.T, h *house) {
	cfg := h.config(h.work())
	asked := make(chan struct{})
	once := sync.OnceFunc(func() { close(asked) })
	cfg.Busy = func() bool { once(); return true }
	h.start(cfg)
	h.arrive(0, 3)
	<-asked
	h.idle()
	require.ElementsMatch(t, []string{"triage n0", "triage n1", "triage n2"}, h.noted())
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

func triagedOnce(t *testing.T, h *house) {
	h.start(h.config(h.work()))
	for range 3 {
		_, err := h.store.SaveNotice(t.Context(), storetest.Notice("n1"))
		require.NoError(t, err)
	}
	h.until(func() bool { return len(h.noted()) > 0 })
	h.idle()
	_, err := h.store.SaveNotice(t.Context(), storetest.Notice("n1"))
	require.NoError(t, err, "it may come again when it has been dealt with")
	h.idle()
	require.Equal(t, []string{"triage n1"}, h.noted())
}

func collapses(t *testing.T, h *house) {
	cfg := h.config(h.work())
	_, err := queue.New(t.Context(), cfg) // makes jobs, but does none
	require.NoError(t, err)
	h.want("v1-a", hotfix.NextReport, hotfix.NextFix)
	for range 5 {
		h.ask("v1-a", hotfix.NextReport)
	}
	h.start(cfg)
	h.idle()
	require.ElementsMatch(t, []string{"report v1-a", "fix v1-a"}, h.noted())
}

func again(t *testing.T, h *house) {
	started, goOn := make(chan struct{}), make(chan struct{})
	work := h.work()
	work.Report = func(ctx context.Context, fp hotfix.Fingerprint) error {
		c, err := h.store.Case(ctx, fp)
		h.note("report %d", c.Count)
		if c.Count == 1 {
			close(started)
			<-goOn
		}
		return err
	}
	h.start(h.config(work))
	h.want("v1-a", hotfix.NextReport)
	<-started
	for range 3 {
		h.ask("v1-a", hotfix.NextReport)
	}
	require.Equal(t, []string{"report 1"}, h.noted(), "not beside the one that runs")
	close(goOn)
	h.idle()
	require.Equal(t, []string{"report 1", "report 4"}, h.noted())
}

func nothingOfAConflict(t *testing.T, h *house) {
	_, err := queue.New(t.Context(), h.config(h.work()))
	require.NoError(t, err)
	h.want("v1-a")
	require.ErrorIs(t, h.store.SaveCase(t.Context(), storetest.Case("v1-a"), hotfix.NextFix), store.ErrConflict)
	wants, err := h.store.Wanted(t.Context())
	require.NoError(t, err)
	require.Empty(t, wants)
}

// failing returns work whose fix fails as long as fails says so.
func (h *house) failing(fails func(n int) error) queue.Work {
	work, n := h.work(), 0
	work.Fix = func(context.Context, hotfix.Fingerprint) error {
		h.mu.Lock()
		n++
		now := n
		h.mu.Unlock()
		h.note("fix")
		return fails(now)
	}
	return work
}

func (h *house) parked() (list []store.Want) {
	h.t.Helper()
	h.until(func() bool {
		var err error
		list, err = h.store.Parked(h.t.Context())
		require.NoError(h.t, err)
		return len(list) > 0
	})
	return list
}

func parked(t *testing.T, h *house) {
	h.start(h.config(h.failing(func(n int) error {
		if n <= 3 {
			return fmt.Errorf("the forge said no, %d", n)
		}
		return nil
	})))
	h.want("v1-a", hotfix.NextFix)
	list := h.parked()
	require.Len(t, list, 1)
	require.Equal(t, "the forge said no, 3", list[0].Reason)
	require.Equal(t, 3, list[0].Attempts)
	require.Len(t, h.noted(), 3)

	h.ask("v1-a", hotfix.NextFix) // the case changed: that is worth another try
	h.until(func() bool { return len(h.noted()) == 4 })
	h.idle()
	list, err := h.store.Parked(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
}

func parkedTooSoon(t *testing.T, h *house) {
	h.start(h.config(h.failing(func(n int) error {
		if n == 3 {
			h.ask("v1-a", hotfix.NextFix)
		}
		if n <= 3 {
			return errors.New("not yet")
		}
		return nil
	})))
	h.want("v1-a", hotfix.NextFix)
	h.until(func() bool { return len(h.noted()) == 4 })
	h.idle()
	list, err := h.store.Parked(t.Context())
	require.NoError(t, err)
	require.Empty(t, list)
}

func released(t *testing.T, h *house) {
	ctx := t.Context()
	var mu sync.Mutex
	broken := true
	work := h.work()
	work.Fix = func(_ context.Context, fp hotfix.Fingerprint) error {
		mu.Lock()
		defer mu.Unlock()
		if broken {
			return errors.New("no")
		}
		h.note("fix %s", fp)
		return nil
	}
	h.start(h.config(work))
	h.want("v1-a", hotfix.NextFix)
	h.want("v1-b", hotfix.NextFix)
	h.until(func() bool { return len(h.parked()) == 2 })
	mu.Lock()
	broken = false
	mu.Unlock()

	cli := h.open() // another process, which has no queue
	require.NoError(t, cli.Drop(ctx, store.Fix, "v1-b"))
	require.NoError(t, cli.Release(ctx, store.Fix, "v1-a"))
	require.ErrorIs(t, cli.Release(ctx, store.Fix, "v1-a"), store.ErrNotFound)
	require.ErrorIs(t, cli.Drop(ctx, store.Fix, "v1-b"), store.ErrNotFound)
	h.idle()
	require.Equal(t, []string{"fix v1-a"}, h.noted())
}

func panics(t *testing.T, h *house) {
	h.start(h.config(h.failing(func(int) error { panic("out of cheese") })))
	h.want("v1-a", hotfix.NextFix)
	require.Equal(t, "panic: out of cheese", h.parked()[0].Reason)
}

// throttle is an error as the forge returns it.
type throttle struct{ until time.Time }

func (e *throttle) Error() string      { return "come back later" }
func (e *throttle) RetryAt() time.Time { return e.until }

func throttled(t *testing.T, h *house) {
	began := time.Now()
	cfg := h.config(h.failing(func(n int) error {
		if n <= 2 {
			return fmt.Errorf("open pull request: %w", &throttle{time.Now()})
		}
		return nil
	}))
	cfg.Fix.Attempts = 1
	h.start(cfg)
	h.want("v1-a", hotfix.NextFix)
	h.until(func() bool { return len(h.noted()) == 1 })
	h.until(func() bool {
		wants, err := h.store.Wanted(t.Context())
		require.NoError(t, err)
		return len(wants) == 1 && wants[0].Reason == "open pull request: come back later" && wants[0].Attempts == 0
	})
	h.idle()
	require.Len(t, h.noted(), 3)
	require.Greater(t, time.Since(began), 2*time.Second, "each wait is a second at least")
}

func cutOff(t *testing.T, h *house) {
	work := h.work()
	work.Fix = func(ctx context.Context, _ hotfix.Fingerprint) error {
		<-ctx.Done()
		return fmt.Errorf("step 7: %w", ctx.Err())
	}
	cfg := h.config(work)
	cfg.Fix.Attempts, cfg.Fix.Timeout = 1, 50*time.Millisecond
	h.start(cfg)
	h.want("v1-a", hotfix.NextFix)
	require.Equal(t, "one fix may take 50ms, and that was over: step 7: context deadline exceeded", h.parked()[0].Reason)
}

func handedBack(t *testing.T, h *house) {
	started := make(chan struct{})
	work := h.work()
	work.Fix = func(ctx context.Context, _ hotfix.Fingerprint) error {
		close(started)
		<-ctx.Done()
		return fmt.Errorf("step 7: %w", ctx.Err())
	}
	stop := h.start(h.config(work))
	h.want("v1-a", hotfix.NextFix)
	<-started
	stop()
	wants, err := h.store.Wanted(t.Context())
	require.NoError(t, err)
	require.Len(t, wants, 1)
	require.Empty(t, wants[0].Worker)
	require.Zero(t, wants[0].Attempts)

	h.start(h.config(h.work()))
	h.idle()
	require.Equal(t, []string{"fix v1-a"}, h.noted())
}

func finishes(t *testing.T, h *house) {
	started, stopping := make(chan struct{}), make(chan struct{})
	work := h.work()
	work.Fix = func(ctx context.Context, _ hotfix.Fingerprint) error {
		close(started)
		<-stopping
		h.note("finished")
		return ctx.Err()
	}
	cfg := h.config(work)
	cfg.Grace = patience
	stop := h.start(cfg)
	h.want("v1-a", hotfix.NextFix)
	<-started
	time.AfterFunc(20*time.Millisecond, func() { close(stopping) })
	stop()
	require.Equal(t, []string{"finished"}, h.noted())
	wants, err := h.store.Wanted(t.Context())
	require.NoError(t, err)
	require.Empty(t, wants)
}

func perRepo(t *testing.T, h *house) {
	var mu sync.Mutex
	running, most := map[string]int{}, map[string]int{}
	began, begin := map[string]chan struct{}{}, map[string]func(){}
	for _, repo := range []string{"a", "b"} {
		c := make(chan struct{})
		began[repo], begin[repo] = c, sync.OnceFunc(func() { close(c) })
	}
	work := h.work()
	work.Fix = func(ctx context.Context, fp hotfix.Fingerprint) error {
		c, err := h.store.Case(ctx, fp)
		repo := c.Repo.Name
		mu.Lock()
		running[repo]++
		most[repo] = max(most[repo], running[repo])
		mu.Unlock()
		begin[repo]()
		for _, other := range began { // another repository does not wait, so both begin
			select {
			case <-other:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		mu.Lock()
		running[repo]--
		mu.Unlock()
		return err
	}
	cfg := h.config(work)
	cfg.Fix.PerRepo = 1
	for i, fp := range []hotfix.Fingerprint{"v1-b0", "v1-a0", "v1-a1", "v1-a2"} {
		c := storetest.Case(fp)
		c.Repo.Name = "a"
		if i == 0 {
			c.Repo.Name = "b"
		}
		require.NoError(t, h.store.SaveCase(t.Context(), c, hotfix.NextFix))
	}
	h.start(cfg)
	h.idle()
	require.Equal(t, map[string]int{"a": 1, "b": 1}, most)
}

func watches(t *testing.T, h *house) {
	seen := make(chan struct{}, 100)
	work := h.work()
	work.Watch = func(context.Context) error {
		seen <- struct{}{}
		return errors.New("one failure ends nothing")
	}
	cfg := h.config(work)
	cfg.WatchEvery, cfg.KeepNotices = time.Second, time.Nanosecond
	_, err := h.store.SaveNotice(t.Context(), storetest.Notice("n1"))
	require.NoError(t, err)
	h.start(cfg)
	<-seen
	<-seen
	<-seen
	h.until(func() bool { // what has been triaged and is old goes
		_, err := h.store.Notice(t.Context(), "n1")
		return errors.Is(err, store.ErrNotFound)
	})
}

func found(t *testing.T, h *house) {
	_, err := h.store.SaveNotice(t.Context(), storetest.Notice("n1"))
	require.NoError(t, err)
	h.want("v1-a", hotfix.NextReport)
	h.start(h.config(h.work()))
	h.idle()
	require.ElementsMatch(t, []string{"triage n1", "report v1-a"}, h.noted())
}

func vanished(t *testing.T, h *house) {
	_, err := queue.New(t.Context(), h.config(h.work()))
	require.NoError(t, err)
	h.want("v1-a", hotfix.NextReport)
	h.loseJobs()
	h.start(h.config(h.work()))
	h.idle()
	require.Equal(t, []string{"report v1-a"}, h.noted())
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

func deadly(t *testing.T, h *house) {
	ctx := t.Context()
	_, err := queue.New(ctx, h.config(h.work()))
	require.NoError(t, err)
	h.want("v1-a", hotfix.NextFix)
	wants, err := h.store.Wanted(ctx)
	require.NoError(t, err)
	_, err = h.store.Claim(ctx, store.Fix, []string{"v1-a"}, wants[0].Job(), "somebody who died of it", 0)
	require.NoError(t, err)
	h.loseJobs() // so that only the sweep can find it

	cfg := h.config(h.work())
	cfg.Fix.Deaths = 1
	h.start(cfg)
	list := h.parked()
	require.Equal(t, "the process that was at it died", list[0].Reason)
	require.Empty(t, h.noted(), "it is not tried once more")
}

func keeps(t *testing.T, h *house) {
	started, goOn := make(chan struct{}, 10), make(chan struct{})
	work := h.work()
	work.Fix = func(_ context.Context, fp hotfix.Fingerprint) error {
		h.note("fix %s", fp)
		started <- struct{}{}
		<-goOn
		return nil
	}
	h.start(h.config(work))
	h.want("v1-a", hotfix.NextFix)
	<-started

	h.store = h.open()
	looked := h.config(h.work())
	looked.Work.Report = func(_ context.Context, fp hotfix.Fingerprint) error { h.note("other %s", fp); return nil }
	h.start(looked)
	for n, other := 0, false; !other; n++ { // what only the other's sweep can have found came after v1-a, which it left alone
		name := fmt.Sprint("v1-b", n)
		h.want(hotfix.Fingerprint(name), hotfix.NextReport)
		h.loseJobs()
		h.until(func() bool {
			noted := h.noted()
			other = slices.Contains(noted, "other "+name)
			return other || slices.Contains(noted, "report "+name)
		})
	}
	require.NotContains(t, h.noted()[1:], "fix v1-a")
	close(goOn)
	h.idle()
	require.NotContains(t, h.noted()[1:], "fix v1-a")
}

func shared(t *testing.T, h *house) {
	const notices = 60
	var want []string
	first := h.store
	h.start(h.config(h.work()))
	h.store = h.open()
	h.start(h.config(h.work()))
	var wg sync.WaitGroup
	for i := range notices {
		id := fmt.Sprintf("n%02d", i)
		want = append(want, "triage "+id)
		wg.Go(func() {
			for _, s := range []*store.SQL{first, h.store} {
				if _, err := s.SaveNotice(t.Context(), storetest.Notice(id)); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	h.idle()
	require.ElementsMatch(t, want, h.noted())
}
