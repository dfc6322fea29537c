package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var riskLicenceFiles = regexp.MustCompile(`(?i)(?:^|/)(?:licen[cs]e|copying|notice|copyright)[\w.-]*$`)

// riskLicence: changes to licences are left to people.
func riskLicence(s Subject) (hotfix.Risk, string) {
	return s.touches(hotfix.HighRisk, riskLicenceFiles, "It changes %s: it decides under which terms the code may be used.")
}
