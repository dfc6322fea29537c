package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var riskLockFiles = regexp.MustCompile(`(?i)(?:^|/)(?:package(?:-lock)?\.json|npm-shrinkwrap\.json|yarn\.lock|pnpm-lock\.yaml|bun\.lockb?|deno\.lock|go\.(?:mod|sum)|cargo\.(?:toml|lock)|requirements[\w.-]*\.txt|poetry\.lock|uv\.lock|gemfile(?:\.lock)?)$`)

// riskLock: changes to what is installed are left to people.
func riskLock(s Subject) (hotfix.Risk, string) {
	return s.touches(hotfix.HighRisk, riskLockFiles, "It changes %s: it decides which code of others is installed.")
}
