package forge

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

const (
	retries      = 2                      // of a read that met a broken gateway
	firstPause   = 200 * time.Millisecond // before the first of them
	unsaidPause  = time.Minute            // when GitHub limits us without saying for how long
	longestPause = 2 * time.Hour          // whatever GitHub says: its limits are those of an hour
)

// A gate is the way of one credential to the API. It refuses calls while a rate limit holds instead of waiting,
// spreads writes before GitHub's secondary limit does, asks again only for what has changed, and repeats reads that met
// a broken gateway.
type gate struct {
	next      http.RoundTripper
	now       func() time.Time
	perMinute int // writes; 0 is no bound

	kept pages

	mu     sync.Mutex
	until  time.Time
	writes []time.Time // of the last minute
}

func newGate(cfg Config, next http.RoundTripper) *gate {
	return &gate{next: next, now: cfg.Now, perMinute: cfg.WritesPerMinute, kept: pages{by: map[string]*page{}}}
}

// enter returns until when req must wait, zero if it may go.
func (g *gate) enter(req *http.Request) time.Time {
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.now()
	if now.Before(g.until) {
		return g.until
	}
	if g.perMinute <= 0 || req.Method == http.MethodGet || strings.HasSuffix(req.URL.Path, "/graphql") { // where we only ask
		return time.Time{}
	}
	g.writes = slices.DeleteFunc(g.writes, func(t time.Time) bool { return now.Sub(t) >= time.Minute })
	if len(g.writes) >= g.perMinute {
		return g.writes[0].Add(time.Minute)
	}
	g.writes = append(g.writes, now)
	return time.Time{}
}

// close lets no call through before until.
func (g *gate) close(until time.Time) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
}

// RoundTrip sends req, or returns *Throttled without sending it.
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	if until := g.enter(req); !until.IsZero() {
		if req.Body != nil {
			_ = req.Body.Close()
		}
		return nil, &Throttled{until}
	}
	// Not by Authorization, which changes every hour.
	key := req.Method + " " + req.URL.String() + " " + req.Header.Get("Accept")
	kept := g.kept.find(key)
	if kept != nil {
		req = req.Clone(req.Context())
		req.Header.Set("If-None-Match", kept.tag)
	}
	resp, err := g.send(req)
	if err != nil {
		return nil, err
	}
	if until := g.limited(resp); !until.IsZero() {
		_ = resp.Body.Close()
		return nil, &Throttled{until}
	}
	if kept != nil && resp.StatusCode == http.StatusNotModified {
		return kept.revive(resp), nil
	}
	if req.Method == http.MethodGet && resp.StatusCode == http.StatusOK && resp.Header.Get("ETag") != "" {
		g.kept.keep(key, resp)
	}
	return resp, nil
}

// send tries a read again after a pause if a gateway failed.
func (g *gate) send(req *http.Request) (*http.Response, error) {
	pause := firstPause
	for try := 0; ; try++ {
		resp, err := g.next.RoundTrip(req)
		if err != nil || req.Method != http.MethodGet || try == retries ||
			resp.StatusCode < http.StatusBadGateway || resp.StatusCode > http.StatusGatewayTimeout {
			return resp, err
		}
		_ = resp.Body.Close()
		if err := wait(req.Context(), pause); err != nil {
			return nil, err
		}
		pause *= 2
	}
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// limited returns until when GitHub wants no calls, zero if it said nothing of the kind. An answer that used up the
// hour is still an answer, but no call follows it.
func (g *gate) limited(resp *http.Response) time.Time {
	reset := g.reset(resp.Header)
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		if resource := resp.Header.Get("X-Ratelimit-Resource"); resource == "core" || resource == "" { // others have hours of their own
			g.close(reset)
		}
		return time.Time{}
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // a part will do to look at
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	until := g.retryAfter(resp.Header)
	switch {
	case !until.IsZero():
	case !reset.IsZero():
		until = reset
	case resp.StatusCode == http.StatusTooManyRequests, bytes.Contains(bytes.ToLower(body), []byte("secondary rate limit")):
		until = g.now().Add(unsaidPause)
	default:
		return time.Time{} // forbidden for another reason
	}
	g.close(until)
	return until
}

// retryAfter reads the header of that name: seconds, or a time by GitHub's clock.
func (g *gate) retryAfter(h http.Header) time.Time {
	value := h.Get("Retry-After")
	if seconds, err := strconv.Atoi(value); err == nil {
		return g.within(time.Duration(min(max(seconds, 0), int(longestPause/time.Second))) * time.Second)
	}
	if at, err := http.ParseTime(value); err == nil {
		return g.local(at, h)
	}
	return time.Time{}
}

// reset returns when the next hour of calls begins, if this one's are used up.
func (g *gate) reset(h http.Header) time.Time {
	at, err := strconv.ParseInt(h.Get("X-Ratelimit-Reset"), 10, 64)
	if err != nil || h.Get("X-Ratelimit-Remaining") != "0" {
		return time.Time{}
	}
	return g.local(time.Unix(at, 0).Add(time.Second), h)
}

// local turns a time by GitHub's clock, which its answer tells, into one by ours, which may be wrong.
func (g *gate) local(at time.Time, h http.Header) time.Time {
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		sent = g.now()
	}
	return g.within(at.Sub(sent))
}

// within is when a pause is over. None is shorter than a second, so that nobody asks again and again, and none is longer than a
// limit of GitHub lasts.
func (g *gate) within(pause time.Duration) time.Time {
	return g.now().Add(min(max(pause, time.Second), longestPause))
}
