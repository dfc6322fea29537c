package evals

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"path/filepath"
	"sync"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/engine"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A Stage is a whole world on one machine: a GitHub, a kernel's key, and the daemon behind its HTTP door.
type Stage struct {
	Forge   *forgetest.Forge
	Engine  *engine.Engine
	Address string // of the daemon
	Key     *rsa.PrivateKey

	cfg    StageConfig
	secret []byte
	server *http.Server
	pages  []*http.Server
}

// A StageConfig says what differs from stage to stage. Model and Box may be nil; NoFix then says why.
type StageConfig struct {
	Dir      string // store and scratch; the caller removes it
	Allow    []hotfix.Repo
	Model    agent.Model
	Box      sandbox.Box
	NoFix    string
	Now      func() time.Time // of the daemon's decisions and texts
	Watch    func(daemon.Event)
	Log      *slog.Logger
	Listen   string // "127.0.0.1:0" by default
	MaxSteps int
	Tune     func(*daemon.Config) // changes what else differs; may be nil
}

// key signs for every stage of this process: making one takes longer than a whole case.
var key, strangerKey = sync.OnceValue(kerneltest.NewKey), sync.OnceValue(kerneltest.NewKey)

// soon is when work that failed is tried again: nobody wants to wait as long as production does.
var soon = queue.Limits{Backoff: 50 * time.Millisecond, Longest: time.Second}

// NewStage starts a forge, and a daemon on an embedded store.
func NewStage(ctx context.Context, cfg StageConfig) (_ *Stage, err error) {
	s := &Stage{cfg: cfg, Key: key(), secret: make([]byte, 32)}
	_, _ = rand.Read(s.secret) // never fails
	defer func() {
		if err != nil {
			err = errors.Join(err, s.Close())
		}
	}()
	if s.Forge, err = forgetest.Start(); err != nil {
		return nil, err
	}
	return s, s.open(ctx)
}

// open starts the daemon.
func (s *Stage) open(ctx context.Context) error {
	github, err := forge.New(forge.Config{API: s.Forge.API(), Server: s.Forge.URL(), Log: s.cfg.Log})
	if err != nil {
		return err
	}
	d := daemon.Config{
		Policy:  triage.Policy{Allow: s.cfg.Allow, MaxFixesPerDay: 3, MaxAttempts: 3, MaxFiles: 8, MaxLines: 300},
		Connect: func(token redact.Secret) daemon.Forge { return github.With(token) }, Model: s.cfg.Model, Box: s.cfg.Box, NoFix: s.cfg.NoFix,
		Budget: agent.Budget{Steps: s.cfg.MaxSteps, Tokens: 400_000, Wall: 15 * time.Minute},
		Key:    s.secret, Server: s.Forge.URL(), Scratch: s.cfg.Dir, Watch: s.cfg.Watch, Now: s.cfg.Now, Log: s.cfg.Log,
	}
	if s.cfg.Tune != nil {
		s.cfg.Tune(&d)
	}
	s.Engine, err = engine.Open(ctx, engine.Config{
		Store:    store.Config{DSN: "sqlite:" + filepath.Join(s.cfg.Dir, "hotfix.db"), Key: s.secret},
		Kernel:   kernel.Options{Key: &s.Key.PublicKey},
		Queue:    queue.Config{Triage: soon, Report: soon},
		Manifest: daemon.NewManifest("ubiquity-os-marketplace/daemon-hotfix@main", ""),
		Daemon:   d,
	})
	if err != nil {
		return err
	}
	if s.cfg.Listen == "" {
		s.cfg.Listen = "127.0.0.1:0"
	}
	listener, err := net.Listen("tcp", s.cfg.Listen)
	if err != nil {
		return err
	}
	s.Address = "http://" + listener.Addr().String()
	s.server = &http.Server{Handler: s.Engine.Handler(), ReadHeaderTimeout: 10 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // ends when Close shuts the server
	return s.Engine.Start(ctx)
}

// Restart stops the daemon and starts it again on the same store.
func (s *Stage) Restart(ctx context.Context) error {
	if err := s.stop(); err != nil {
		return err
	}
	return s.open(ctx)
}

// Token is the credential that deliveries bring.
func (s *Stage) Token(readOnly bool) string {
	if !readOnly {
		return s.Forge.Token().Reveal()
	}
	return s.Forge.AddToken(forgetest.Access{Login: forgetest.BotLogin, Read: true}).Reveal()
}

// Settle waits until nothing is queued or under way. Work that was given up is an error.
func (s *Stage) Settle(ctx context.Context) error {
	for pause := 2 * time.Millisecond; ; pause = min(2*pause, 25*time.Millisecond) {
		wanted, err := s.Engine.Store().Wanted(ctx)
		if err != nil {
			return err
		}
		if len(wanted) == 0 {
			break
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("still at work on %s %s: %w", wanted[0].Kind, wanted[0].Name, context.Cause(ctx))
		case <-time.After(pause):
		}
	}
	parked, err := s.Engine.Store().Parked(ctx)
	if err == nil && len(parked) > 0 {
		err = fmt.Errorf("%s %s was given up: %s", parked[0].Kind, parked[0].Name, parked[0].Reason)
	}
	return err
}

// Close stops everything.
func (s *Stage) Close() error {
	err := s.stop()
	if s.Forge != nil {
		s.Forge.Close()
	}
	return err
}

// stop stops the daemon.
func (s *Stage) stop() error {
	var err error
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	err = s.closePages(ctx)
	if s.server != nil {
		err = errors.Join(err, s.server.Shutdown(ctx))
	}
	if s.Engine != nil {
		err = errors.Join(err, s.Engine.Stop(ctx))
	}
	return err
}
