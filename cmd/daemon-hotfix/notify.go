package main

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// notifyFlags say who hears of the daemon besides those who look. The addresses of hooks are credentials, so they come
// from the environment.
type notifyFlags struct {
	StatusRepo []string `help:"Repository, one for each organisation, that gets one issue with the figures of all its owner's problems. Needs an own credential for GitHub." env:"HOTFIX_STATUS_REPO" placeholder:"REPO"`
}

// into sets what the flags and the environment say.
func (f notifyFlags) into(cfg *daemon.Config, getenv func(string) string) error {
	var err error
	if cfg.Hooks, err = daemon.ParseHooks(getenv("HOTFIX_NOTIFY_URLS")); err != nil {
		return fmt.Errorf("HOTFIX_NOTIFY_URLS: %w", err)
	}
	for _, name := range f.StatusRepo {
		repo, err := hotfix.ParseRepo(name)
		if err != nil {
			return fmt.Errorf("--status-repo: %w", err)
		}
		cfg.Status = append(cfg.Status, repo)
	}
	return nil
}
