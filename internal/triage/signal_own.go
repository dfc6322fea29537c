package triage

import (
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// ownRepository: the daemon does not change itself.
func ownRepository(p Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	own := p.Own
	if own == "" {
		own = "daemon-hotfix"
	}
	if !strings.EqualFold(c.Repo.Name, own) {
		return 0, ""
	}
	return hotfix.HighRisk, "This is the daemon's own repository, which it reports to and never changes."
}
