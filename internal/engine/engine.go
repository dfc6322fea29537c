// Package engine puts the rooms together: the HTTP door, the store, the queue and the daemon. Everything that
// runs the whole story (serve, the demo, the benchmarks) starts one.
package engine

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A Config is everything an Engine needs. Daemon.Store is filled in.
type Config struct {
	Store    store.Config
	Daemon   daemon.Config
	Queue    queue.Config   // Store, Work, Busy and Log are filled in
	Kernel   kernel.Options // Now is filled in
	GitHub   kernel.Hook    // GitHub's own webhooks; without a secret there is no door for them
	Manifest daemon.Manifest
	// Verified hears of every delivery whose signature is good, before it is taken in; it may be nil.
	Verified func(*kernel.Delivery)
}

// An Engine takes deliveries in and works on them.
type Engine struct {
	cfg      Config
	store    *store.SQL
	queue    *queue.Queue
	daemon   *daemon.Daemon
	manifest []byte
	inside   atomic.Int64 // requests at the door, read to their end
	crowded  atomic.Int64 // when there were a crowd of them last, in nanoseconds since began
	began    time.Time
}

// A crowd is so many requests at the door at once; those that come one by one are fewer. The door is busy for a while after
// one: those that share a transaction leave together, and others are about to come.
const (
	crowd     = 8
	crowdLong = 50 * time.Millisecond
)

// enter counts a request that is at the door.
func (e *Engine) enter() {
	if e.inside.Add(1) >= crowd {
		e.crowded.Store(int64(time.Since(e.began)))
	}
}

// busy reports whether deliveries come in faster than one by one.
func (e *Engine) busy() bool {
	last := e.crowded.Load()
	return last > 0 && time.Since(e.began)-time.Duration(last) < crowdLong
}

// Open opens the store and gets everything ready; Start begins to work.
func Open(ctx context.Context, cfg Config) (*Engine, error) {
	if cfg.Daemon.Now == nil {
		cfg.Daemon.Now = time.Now
	}
	if cfg.Daemon.Log == nil {
		cfg.Daemon.Log = slog.New(slog.DiscardHandler)
	}
	if cfg.Store.Title == nil {
		cfg.Store.Title = triage.Title
	}
	st, err := store.Open(ctx, cfg.Store)
	if err != nil {
		return nil, fmt.Errorf("open store: %w", err)
	}
	e := &Engine{cfg: cfg, began: time.Now(), store: st, manifest: cfg.Manifest.JSON()}
	cfg.Daemon.Store = st
	if e.daemon, err = daemon.New(cfg.Daemon); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	st.OnDue(e.daemon.Due)
	cfg.Queue.Store, cfg.Queue.Log = st, cfg.Daemon.Log
	cfg.Queue.Busy = e.busy
	cfg.Queue.Work = queue.Work{Triage: traced("triage", e.daemon.Triage), TriageAll: e.daemon.TriageAll, Report: traced("report", e.daemon.Report), Fix: traced("fix", e.daemon.Fix),
		Watch: e.daemon.Watch}
	if e.queue, err = queue.New(ctx, cfg.Queue); err != nil {
		return nil, errors.Join(err, st.Close())
	}
	return e, nil
}

// Start begins to work on what is queued. It returns at once.
func (e *Engine) Start(ctx context.Context) error { return e.queue.Start(ctx) }

// Stop finishes or hands back what is being worked on, within the context's deadline, and closes the store.
func (e *Engine) Stop(ctx context.Context) error {
	return errors.Join(e.queue.Stop(ctx), e.store.Close())
}

// Watch looks at once at what changes by itself; the queue does so every few minutes.
func (e *Engine) Watch(ctx context.Context) error { return e.daemon.Watch(ctx) }

// Store returns the engine's store.
func (e *Engine) Store() *store.SQL { return e.store }

// Daemon returns the engine's daemon.
func (e *Engine) Daemon() *daemon.Daemon { return e.daemon }

// Handler returns the door: what the kernel, and whoever watches over the process, may call.
func (e *Engine) Handler() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("POST /{$}", e.deliver)
	if !e.cfg.GitHub.Secret.Empty() {
		mux.HandleFunc("POST /github", e.github)
	}
	mux.HandleFunc("GET /manifest.json", e.serveManifest)
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { reply(w, http.StatusOK, map[string]any{"ok": true}) })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, r *http.Request) {
		if err := e.store.Ready(r.Context()); err != nil {
			refuse(w, http.StatusServiceUnavailable, "store", "the store does not answer")
			return
		}
		reply(w, http.StatusOK, map[string]any{"ok": true})
	})
	return mux
}
