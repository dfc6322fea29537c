package triage

import (
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var importing = regexp.MustCompile(`(?:\bfrom|\bimport|\brequire)\s*\(?\s*["']([^"'./][^"']*)["']|^\s*(?:\w+\s+)?"([\w.-]+\.[\w.-]+/[^"]+)"\s*$`)

// riskDependency: code that is used for the first time brings its own faults.
func riskDependency(s Subject) (hotfix.Risk, string) {
	for _, c := range s.source() {
		for _, line := range fresh(c) {
			if m := importing.FindStringSubmatch(line); m != nil {
				if strings.HasPrefix(m[1], "node:") {
					return hotfix.LowRisk, "It uses a module of the runtime that the file did not use before: " + quoted(m[1]) + "."
				}
				return hotfix.MediumRisk, "It uses code that the file did not use before: " + quoted(m[1]+m[2]) + "."
			}
		}
	}
	return 0, ""
}
