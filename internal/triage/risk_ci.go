package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var riskCIFiles = regexp.MustCompile(`(?i)(?:^|/)(?:\.github|\.gitlab|\.circleci|\.ci|\.husky)/|(?:^|/)(?:dockerfile|makefile|jenkinsfile|action\.ya?ml)$|(?:jest|vitest|mocha|karma|playwright|webpack|rollup|vite|tsup|esbuild)[\w.-]*\.(?:config|conf)`)

// riskCI: changes to what CI, a runner or a build runs are left to people.
func riskCI(s Subject) (hotfix.Risk, string) {
	return s.touches(hotfix.HighRisk, riskCIFiles, "It changes %s: it decides what is run on other machines.")
}
