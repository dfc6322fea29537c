package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var riskGeneratedFiles = regexp.MustCompile(`(?i)(?:^|/)(?:dist|build|out|generated|gen|vendor)/|\.(?:gen|generated|pb|min)\.\w+$|_generated\.\w+$`)

// riskGenerated: changes to generated files want a second look.
func riskGenerated(s Subject) (hotfix.Risk, string) {
	return s.touches(hotfix.MediumRisk, riskGeneratedFiles, "It changes %s, which belongs to generated files, which the next build overwrites.")
}
