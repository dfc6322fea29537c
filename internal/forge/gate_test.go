package forge_test

import (
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A hands is a clock that a test moves.
type hands struct {
	mu  sync.Mutex
	now time.Time
}

func (h *hands) Now() time.Time {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.now
}

func (h *hands) move(by time.Duration) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.now = h.now.Add(by)
}

// A clock that is hours off does not make the daemon wait for hours, or not at all: GitHub's own clock counts.
func TestThrottledByGitHubsClock(t *testing.T) {
	t.Parallel()
	for _, off := range []time.Duration{-26 * time.Hour, -time.Minute, 40 * time.Minute, 26 * time.Hour} {
		gh := start(t)
		now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
		gh.Now = func() time.Time { return now }
		c := connect(t, gh, func(cfg *forge.Config) { cfg.Now = func() time.Time { return now.Add(off) } })
		gh.FailNext(forgetest.Fault{Status: 403, Primary: true})
		_, err := c.CanWrite(ctx, greeter, "mona")
		var limit *forge.Throttled
		require.ErrorAs(t, err, &limit)
		require.Equal(t, time.Hour+time.Second, limit.Until.Sub(now.Add(off)), "off by %s", off)
	}
}

// Retry-After may also be a date.
func TestThrottledUntilADate(t *testing.T) {
	t.Parallel()
	gh := start(t)
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	gh.Now = func() time.Time { return now }
	proxy := roundTripper(func(req *http.Request) (*http.Response, error) {
		resp, err := http.DefaultTransport.RoundTrip(req)
		if err == nil && resp.StatusCode == http.StatusTooManyRequests {
			resp.Header.Set("Retry-After", now.Add(7*time.Minute).Format(http.TimeFormat))
		}
		return resp, err
	})
	c := connect(t, gh, func(cfg *forge.Config) { cfg.HTTP, cfg.Now = &http.Client{Transport: proxy}, gh.Now })
	gh.FailNext(forgetest.Fault{Status: 429})
	_, err := c.CanWrite(ctx, greeter, "mona")
	var limit *forge.Throttled
	require.ErrorAs(t, err, &limit)
	require.Equal(t, 7*time.Minute, limit.Until.Sub(now))
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// The last call of an hour is answered; the next one is not even sent.
func TestTheLastCallOfTheHour(t *testing.T) {
	t.Parallel()
	gh := start(t)
	clock := &hands{now: time.Now()}
	gh.Now = clock.Now
	use := func(cfg *forge.Config) { cfg.Now = clock.Now }
	_, err := connect(t, gh, use).CanWrite(ctx, greeter, "mona")
	require.NoError(t, err)
	gh.Limit(len(gh.Calls()))
	c := connect(t, gh, use)
	_, err = c.CanWrite(ctx, greeter, "mona")
	require.NoError(t, err)
	calls := len(gh.Calls())
	_, err = c.SaveIssue(ctx, issue("x"))
	var limit *forge.Throttled
	require.ErrorAs(t, err, &limit)
	require.Len(t, gh.Calls(), calls)
}

// All who write with one credential share its bound, whatever they write. Reads are free of it.
func TestWritesAreSpread(t *testing.T) {
	t.Parallel()
	gh := start(t)
	clock := &hands{now: time.Now()}
	c := connect(t, gh, func(cfg *forge.Config) { cfg.Now, cfg.WritesPerMinute = clock.Now, 3 })
	_, err := c.SaveIssue(ctx, issue("x"))
	require.NoError(t, err)
	say := func(key string) error { // each delivery has a client of its own
		return c.With(gh.AddToken(forgetest.Access{Login: "x[bot]"})).CommentOnce(ctx, greeter, 1, key, redact.Scrub("a comment\n"))
	}
	require.NoError(t, say("a"))
	require.NoError(t, say("b"))
	var limit *forge.Throttled
	require.ErrorAs(t, say("c"), &limit)
	require.Equal(t, time.Minute, limit.Until.Sub(clock.Now()))
	require.Len(t, gh.Writes(), 3)
	_, err = c.CanWrite(ctx, greeter, "mona")
	require.NoError(t, err)
	clock.move(time.Minute)
	require.NoError(t, say("c"))
	require.Len(t, gh.Writes(), 4)
}
