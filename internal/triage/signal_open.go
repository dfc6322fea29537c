package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// MaxOpen is how many drafts may wait in one repository when a policy does not say.
const MaxOpen = 2

// tooManyOpen: drafts that wait are work for people; more of them are not more help.
func tooManyOpen(p Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	limit := p.MaxOpen
	if limit <= 0 {
		limit = MaxOpen
	}
	if p.Open < limit {
		return 0, ""
	}
	return hotfix.LowRisk, fmt.Sprintf("%d proposed fixes wait for review in %s, and %d is the limit.", p.Open, c.Repo, limit)
}
