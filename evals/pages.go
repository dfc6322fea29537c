package evals

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/dashboard"
)

// ServePages serves the dashboard of the stage on an address of its own, which it returns. What cfg leaves open is
// filled in, and who signs in does so with the stage's GitHub. Close ends it.
func (s *Stage) ServePages(cfg dashboard.Config) (string, error) {
	cfg.Store, cfg.Actions, cfg.Key, cfg.Log = s.Engine.Store(), s.Engine.Daemon(), s.secret, s.cfg.Log
	if cfg.Server == "" {
		cfg.Server = s.Forge.URL()
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	address := "http://" + listener.Addr().String()
	if cfg.OAuth != nil {
		cfg.Base = address
		cfg.OAuth = &dashboard.OAuth{Server: s.Forge.URL(), API: s.Forge.API()}
		cfg.OAuth.ID, cfg.OAuth.Secret = s.Forge.AddClient()
	}
	pages, err := dashboard.New(cfg)
	if err != nil {
		return "", errors.Join(err, listener.Close())
	}
	server := &http.Server{Handler: pages.Handler(), ReadHeaderTimeout: 10 * time.Second}
	server.RegisterOnShutdown(pages.Close)
	s.pages = append(s.pages, server)
	go func() { _ = server.Serve(listener) }() // ends when Close shuts the server
	return address, nil
}

// closePages ends what ServePages began.
func (s *Stage) closePages(ctx context.Context) error {
	var err error
	for _, server := range s.pages {
		err = errors.Join(err, server.Shutdown(ctx))
	}
	s.pages = nil
	return err
}
