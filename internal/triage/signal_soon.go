package triage

import (
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// tooSoon: the same question asked again at once gets the same answer. The wait grows with every attempt.
func tooSoon(_ Policy, c hotfix.Case, change hotfix.Change) (hotfix.Risk, string) {
	n := len(c.Attempts)
	if change != hotfix.Repeated || n == 0 {
		return 0, ""
	}
	last := c.Attempts[n-1]
	wait := [...]time.Duration{6 * time.Hour, 24 * time.Hour, 72 * time.Hour}[min(n, 3)-1]
	if last.Outcome.Ending.Blameless() || last.Ended.IsZero() || c.Last.Sub(last.Ended) >= wait {
		return 0, ""
	}
	return hotfix.HighRisk, fmt.Sprintf("The last attempt ended less than %d hours before and nothing has changed since.", int(wait.Hours()))
}
