package forge

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

const (
	retries     = 2                      // of a read that met a broken gateway
	firstPause  = 200 * time.Millisecond // before the first of them
	unsaidPause = time.Minute            // when GitHub limits us without saying for how long
)

// A gate is the way of one credential to the API. It refuses calls while a rate limit holds instead of waiting,
// asks again only for what has changed, and repeats reads that met a broken gateway.
type gate struct {
	next http.RoundTripper
	now  func() time.Time

	kept pages

	mu    sync.Mutex
	until time.Time
}

func newGate(next http.RoundTripper, now func() time.Time) *gate {
	return &gate{next: next, now: now, kept: pages{by: map[string]*page{}}}
}

// RoundTrip sends req, or returns *Throttled without sending it.
func (g *gate) RoundTrip(req *http.Request) (*http.Response, error) {
	g.mu.Lock()
	until := g.until
	g.mu.Unlock()
	if g.now().Before(until) {
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

// limited returns until when GitHub wants no calls, zero if it said nothing of the kind.
func (g *gate) limited(resp *http.Response) time.Time {
	if resp.StatusCode != http.StatusForbidden && resp.StatusCode != http.StatusTooManyRequests {
		return time.Time{}
	}
	body, _ := io.ReadAll(io.LimitReader(resp.Body, 64<<10)) // a part will do to look at
	_ = resp.Body.Close()
	resp.Body = io.NopCloser(bytes.NewReader(body))
	var until time.Time
	after, err := strconv.Atoi(resp.Header.Get("Retry-After"))
	reset, resetErr := strconv.ParseInt(resp.Header.Get("X-Ratelimit-Reset"), 10, 64)
	switch {
	case err == nil:
		until = g.now().Add(time.Duration(after) * time.Second)
	case resp.Header.Get("X-Ratelimit-Remaining") == "0" && resetErr == nil:
		until = time.Unix(reset, 0).Add(time.Second)
	case resp.StatusCode == http.StatusTooManyRequests, bytes.Contains(bytes.ToLower(body), []byte("secondary rate limit")):
		until = g.now().Add(unsaidPause)
	default:
		return time.Time{} // forbidden for another reason
	}
	if longest := g.now().Add(2 * time.Hour); until.After(longest) {
		until = longest
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if until.After(g.until) {
		g.until = until
	}
	return until
}
