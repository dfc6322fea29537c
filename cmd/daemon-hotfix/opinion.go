package main

import (
	"fmt"
	"log/slog"
	"os"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
)

// opinion is whom to ask what it thinks of a proven patch, nil if nobody is to be asked. Keys are those of the first model.
func (c *serveCmd) opinion(github *hub, log *slog.Logger) (func(hotfix.Notice) (agent.Model, error), error) {
	if c.OpinionModel == "" {
		return nil, nil
	}
	models, err := model.Open(func(name string) string {
		if name == "HOTFIX_MODEL" {
			return c.OpinionModel
		}
		return os.Getenv(name)
	}, log)
	if err != nil {
		return nil, fmt.Errorf("--opinion-model: %w", err)
	}
	return func(n hotfix.Notice) (agent.Model, error) { return models.For(github.asker(n)) }, nil
}
