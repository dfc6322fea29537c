package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var riskAuthFiles = regexp.MustCompile(`(?i)(?:^|[/._-])(?:auth\w*|oauth\w*|login|session|permissions?|acl|rbac|policy|policies|credentials?|secrets?|tokens?|jwt)(?:[/._-]|$)`)

// riskAuth: changes to who may do what are never merged unseen.
func riskAuth(s Subject) (hotfix.Risk, string) {
	return s.touches(hotfix.MediumRisk, riskAuthFiles, "It changes %s: it decides who may do what.")
}
