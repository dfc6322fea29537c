package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// repositoryNotAllowed: a failure can name any repository as its source, so only listed ones are written to.
func repositoryNotAllowed(p Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	switch {
	case p.Allows(c.Repo):
		return 0, ""
	case c.Repo.IsZero():
		return hotfix.HighRisk, "It is not known which repository the plugin comes from."
	}
	return hotfix.HighRisk, fmt.Sprintf("%s is not among the repositories that the daemon may write to.", c.Repo)
}
