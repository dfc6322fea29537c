package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/engine"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/metrics"
)

// adminFlags say where Prometheus asks.
type adminFlags struct {
	Admin string `help:"Address that answers /metrics, /healthz and /readyz for those who run the daemon. It shows figures and names of plugins to whoever reaches it. Default: none." env:"HOTFIX_ADMIN" placeholder:"ADDRESS"`
}

// A watcher counts and traces what the daemon does.
type watcher struct {
	metrics *metrics.Metrics
	server  *http.Server // nil without an admin address
	traces  func(context.Context) error
}

// watch begins to count, and to trace if OpenTelemetry's variables name a collector.
func watch(ctx context.Context) (*watcher, error) {
	stop, err := metrics.Trace(ctx, version(), os.Getenv)
	return &watcher{metrics: metrics.New(), traces: stop}, err
}

// watched has questions to the model counted and traced, and the calls and test runs of an attempt traced.
func (c *serveCmd) watched(cfg *daemon.Config) {
	if c.watcher == nil {
		return
	}
	if cfg.Box != nil {
		cfg.Box, cfg.Tool = metrics.Box(cfg.Box), metrics.Tool
	}
	see := c.watcher.metrics.Model
	if cfg.Model != nil {
		cfg.Model = see(cfg.Model)
	}
	if borrow := cfg.ModelFor; borrow != nil {
		cfg.ModelFor = func(n hotfix.Notice) (agent.Model, error) {
			m, err := borrow(n)
			if err != nil {
				return nil, err
			}
			return see(m), nil
		}
	}
}

// serve answers on the admin address. An error of the server ends in failed.
func (w *watcher) serve(f adminFlags, e *engine.Engine, cfg engine.Config, log *slog.Logger, failed chan<- error) error {
	w.metrics.Watch(e.Store(), cfg.Daemon.Breaker.Silence, time.Now)
	if f.Admin == "" {
		return nil
	}
	listener, err := net.Listen("tcp", f.Admin)
	if err != nil {
		return fmt.Errorf("--admin: %w", err)
	}
	mux := http.NewServeMux()
	mux.Handle("GET /metrics", w.metrics.Handler())
	mux.Handle("GET /healthz", e.Handler())
	mux.Handle("GET /readyz", e.Handler())
	w.server = &http.Server{Handler: mux, ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	go func() {
		if err := w.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("--admin: %w", err)
		}
	}()
	log.Info("metrics", "address", "http://"+listener.Addr().String()+"/metrics")
	return nil
}

func (w *watcher) stop(ctx context.Context) error {
	var err error
	if w.server != nil {
		err = w.server.Shutdown(ctx)
	}
	return errors.Join(err, w.traces(ctx))
}
