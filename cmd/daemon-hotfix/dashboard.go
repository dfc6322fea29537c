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

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/dashboard"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/engine"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// dashboardFlags say where people look at what the daemon knows, and who may.
type dashboardFlags struct {
	Dashboard        string   `help:"Address of the dashboard; none switches it off. An address that others can reach needs HOTFIX_DASHBOARD_TOKEN or sign-in with GitHub." default:"127.0.0.1:8788" env:"HOTFIX_DASHBOARD" placeholder:"ADDRESS"`
	DashboardURL     string   `help:"Public address of the dashboard, as people type it. Needed to sign in with GitHub." env:"HOTFIX_DASHBOARD_URL" placeholder:"URL" name:"dashboard-url"`
	DashboardLogin   string   `help:"GitHub login that the holder of the token, or whoever sits at this machine, acts as. Without it they can only read." env:"HOTFIX_DASHBOARD_LOGIN" placeholder:"LOGIN"`
	DashboardReaders []string `help:"GitHub logins that may sign in and read, besides those with write access to a repository with problems; * is everybody." env:"HOTFIX_DASHBOARD_READERS" placeholder:"LOGIN"`
}

const defaultDashboard = "127.0.0.1:8788"

// A dashboardServer serves the dashboard until it is stopped.
type dashboardServer struct {
	pages  *dashboard.Dashboard
	server *http.Server
}

// start serves the dashboard of e, or returns nil if it is switched off. An error of the server ends in failed.
func (f dashboardFlags) start(e *engine.Engine, cfg engine.Config, github githubFlags, failed chan<- error) (*dashboardServer, error) {
	if f.Dashboard == "none" || f.Dashboard == "" {
		return nil, nil
	}
	config, err := f.config(cfg, github, os.Getenv)
	if err != nil {
		return nil, err
	}
	if err := exposed(f.Dashboard, config); err != nil {
		return nil, err
	}
	config.Store, config.Actions = e.Store(), e.Daemon()
	pages, err := dashboard.New(config)
	if err != nil {
		return nil, err
	}
	listener, err := net.Listen("tcp", f.Dashboard)
	if err != nil && f.Dashboard == defaultDashboard { // nobody asked for it
		config.Log.Warn("there is no dashboard", "because", err, "see", "--dashboard")
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("--dashboard: %w", err)
	}
	s := &dashboardServer{pages, &http.Server{Handler: pages.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}}
	s.server.RegisterOnShutdown(pages.Close)
	go func() {
		if err := s.server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
			failed <- fmt.Errorf("--dashboard: %w", err)
		}
	}()
	config.Log.Info("dashboard", "address", "http://"+listener.Addr().String(), "sign-in", !config.Token.Empty() || config.OAuth != nil)
	return s, nil
}

func (s *dashboardServer) stop(ctx context.Context) error {
	if s == nil {
		return nil
	}
	return s.server.Shutdown(ctx)
}

// config gathers what the dashboard needs but the store.
func (f dashboardFlags) config(cfg engine.Config, github githubFlags, getenv func(string) string) (dashboard.Config, error) {
	d := cfg.Daemon
	log := d.Log
	if log == nil {
		log = slog.New(slog.DiscardHandler)
	}
	out := dashboard.Config{Server: github.ServerURL, Base: f.DashboardURL, Key: d.Key, Token: redact.NewSecret(getenv("HOTFIX_DASHBOARD_TOKEN")),
		Login: f.DashboardLogin, Readers: f.DashboardReaders, Version: d.Version, Log: log, Limits: limits(d)}
	id, secret := getenv("HOTFIX_DASHBOARD_CLIENT_ID"), getenv("HOTFIX_DASHBOARD_CLIENT_SECRET")
	switch {
	case id != "" && secret != "":
		out.OAuth = &dashboard.OAuth{ID: id, Secret: redact.NewSecret(secret), Server: github.ServerURL, API: github.APIURL}
	case id != "" || secret != "":
		return out, errors.New("to sign in with GitHub, set both HOTFIX_DASHBOARD_CLIENT_ID and HOTFIX_DASHBOARD_CLIENT_SECRET")
	}
	return out, nil
}

// limits are the operator's bounds as a page shows them.
func limits(d daemon.Config) dashboard.Limits {
	l := dashboard.Limits{Steps: d.Budget.Steps, Tokens: d.Budget.Tokens, Wall: d.Budget.Wall, Money: d.Budget.Money, FixesPerDay: d.Policy.MaxFixesPerDay,
		PerHour: d.Breaker.PerHour, PerDay: d.Breaker.PerDay, Overall: d.Breaker.Overall, Silence: d.Breaker.Silence, NoFix: d.NoFix}
	for _, r := range d.Policy.Allow {
		l.Repositories = append(l.Repositories, r.String())
	}
	return l
}

// exposed refuses an address that others can reach when nobody would have to sign in.
func exposed(address string, cfg dashboard.Config) error {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return fmt.Errorf("--dashboard: %w: write HOST:PORT, such as 127.0.0.1:8788, or none", err)
	}
	if ip := net.ParseIP(host); host == "localhost" || ip != nil && ip.IsLoopback() || !cfg.Token.Empty() || cfg.OAuth != nil {
		return nil
	}
	return fmt.Errorf("--dashboard: others can reach %s, so set HOTFIX_DASHBOARD_TOKEN (openssl rand -hex 24 makes one) or "+
		"HOTFIX_DASHBOARD_CLIENT_ID and HOTFIX_DASHBOARD_CLIENT_SECRET, or listen on 127.0.0.1", address)
}
