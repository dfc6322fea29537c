package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var riskMigrationFiles = regexp.MustCompile(`(?i)(?:^|/)(?:migrations?|migrate|schema)(?:/|[._-])|\.sql$|\.prisma$`)

// riskMigration: changes to stored data want a second look.
func riskMigration(s Subject) (hotfix.Risk, string) {
	return s.touches(hotfix.MediumRisk, riskMigrationFiles, "It changes %s, which belongs to the shape of stored data.")
}
