package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var riskConfigFiles = regexp.MustCompile(`(?i)(?:^|/)(?:config|settings)(?:/|\.)|\.(?:ya?ml|toml|ini|env|properties|jsonc?)$`)

// riskConfig: changes to configuration want a second look.
func riskConfig(s Subject) (hotfix.Risk, string) {
	return s.touches(hotfix.MediumRisk, riskConfigFiles, "It changes %s, which belongs to configuration.")
}
