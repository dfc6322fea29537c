package triage

import (
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskTransient: what passes by itself may only seem to be repaired.
func riskTransient(s Subject) (hotfix.Risk, string) { return transient(Policy{}, s.Case, "") }
