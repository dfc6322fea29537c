package queue_test

import (
	"context"
	"errors"
	"fmt"
	"os"
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
