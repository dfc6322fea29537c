package queue_test

import (
	"context"
	"errors"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

// jumps sets the clock while one thing is under way and another one waits: nothing is lost or done twice.
func jumps(by time.Duration) func(*testing.T, *house) {
	return func(t *testing.T, h *house) {
		var ahead atomic.Int64
		now := func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
		h.store = h.openAt(now)
		started, goOn, failed := make(chan struct{}), make(chan struct{}), atomic.Bool{}
		work := h.work()
		work.Fix = func(_ context.Context, fp hotfix.Fingerprint) error {
			h.note("fix %s", fp)
			close(started)
			<-goOn
			return nil
		}
		work.Report = func(_ context.Context, fp hotfix.Fingerprint) error {
			h.note("report %s", fp)
			if failed.CompareAndSwap(false, true) {
				return errors.New("not yet")
			}
			return nil
		}
		cfg := h.config(work)
		cfg.Now, cfg.Report.Backoff, cfg.Report.Longest = now, 8*time.Second, 8*time.Second // longer than a sweep, shorter than any patience
		h.start(cfg)
		h.want("v1-a", hotfix.NextFix)
		<-started
		h.want("v1-b", hotfix.NextReport)
		h.until(func() bool { return failed.Load() })
		h.until(func() bool {
			wants, err := h.store.Wanted(t.Context())
			return err == nil && slices.ContainsFunc(wants, func(w store.Want) bool { return w.Attempts == 1 && w.Worker == "" })
		})
		ahead.Store(int64(by))
		h.until(func() bool { return slices.Equal(h.noted(), []string{"fix v1-a", "report v1-b", "report v1-b"}) })
		fresh, err := h.store.SaveNotice(t.Context(), storetest.Notice("n1"))
		require.NoError(t, err)
		require.True(t, fresh)
		close(goOn)
		h.idle()
		require.Equal(t, []string{"fix v1-a", "report v1-b", "report v1-b", "triage n1"}, h.noted())
		fresh, err = h.store.SaveNotice(t.Context(), storetest.Notice("n1"))
		require.NoError(t, err)
		require.False(t, fresh, "it is still known")
	}
}

func apart(t *testing.T, h *house) {
	ctx := t.Context()
	_, err := queue.New(ctx, h.config(h.work()))
	require.NoError(t, err)
	h.want("v1-a", hotfix.NextFix)
	only := func() store.Want {
		wants, err := h.store.Wanted(ctx)
		require.NoError(t, err)
		require.Len(t, wants, 1)
		return wants[0]
	}
	claim := func() []store.Claim {
		c, err := h.store.Claim(ctx, store.Fix, []string{"v1-a"}, only().Job(), "somebody", 0)
		require.NoError(t, err)
		return c
	}
	_, err = h.store.Finish(ctx, claim(), []store.End{{Failed: "it failed"}})
	require.NoError(t, err)
	claim()
	require.NoError(t, h.store.Reassign(ctx, only()))
	_, err = h.store.Finish(ctx, claim(), []store.End{{Failed: "it failed again"}})
	require.NoError(t, err)
	w := only()
	require.Equal(t, []any{2, 1, "it failed again"}, []any{w.Attempts, w.Deaths, w.Reason})

	_, err = h.store.Finish(ctx, claim(), []store.End{{Failed: "enough", Park: true}})
	require.NoError(t, err)
	require.NoError(t, h.store.Release(ctx, store.Fix, "v1-a"))
	w = only()
	require.Zero(t, w.Attempts+w.Deaths, "what was released begins anew")
}
