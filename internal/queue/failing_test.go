package queue_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

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
