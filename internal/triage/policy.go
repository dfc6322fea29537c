package triage

import (
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Policy is how far the daemon may go. The zero Policy allows nothing.
type Policy struct {
	Off            string               // why everything is switched off; "" if it is not
	Allow          []hotfix.Repo        // repositories that may be written to: issues, and with NoFix empty, drafts
	Muted          []hotfix.Fingerprint // cases that are counted and nothing else
	Own            string               // name of our own repository, under any owner; default "daemon-hotfix"
	NoFix          string               // why no fix may be attempted anywhere; "" if it may
	MaxRisk        hotfix.Risk          // soft signals up to this risk do not stop an attempt; HighRisk ones always do
	MaxFixesPerDay int                  // attempts at fixes in one repository in 24 hours
	FixesToday     int                  // attempts made in the last 24 hours in the case's repository
	MaxAttempts    int                  // attempts at one case
	MaxFiles       int                  // files in a patch
	MaxLines       int                  // changed lines in a patch, tests included
	MaxOpen        int                  // drafts that wait for review in one repository; 0 is MaxOpen
	Open           int                  // drafts that wait in the case's repository now
	Together       int                  // other repositories in which the same kind of failure was seen within minutes
	Protected      []string             // paths that no patch may change, besides our own list: "src/payments/", "*.sql"
	Flaky          []string             // tests known to differ from run to run
	Quiet          *Quiet               // hours in which nothing is attempted unless a person asks
	At             time.Time            // what time it is, for Quiet
	AutoMerge      bool                 // proposals of low risk are ready for review, and GitHub merges them once its checks pass
}

// Allows reports whether repo may be written to. An owner with the name "*" allows all of its repositories.
func (p Policy) Allows(repo hotfix.Repo) bool {
	return !repo.IsZero() && slices.ContainsFunc(p.Allow, func(r hotfix.Repo) bool {
		return r.Is(repo) || r.Is(hotfix.Repo{Owner: repo.Owner, Name: "*"})
	})
}
