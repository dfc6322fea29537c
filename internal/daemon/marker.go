package daemon

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// marker is the line by which the issue of a case is found again. The code in it depends on our key and on
// the repository, so neither a payload nor a copy in another repository can claim a case. Each page has its own, and so has
// each issue that a case had one after the other.
func (d *Daemon) marker(c hotfix.Case) string {
	of := string(c.Fingerprint)
	if c.Fingerprint == pageCase {
		of += c.First.UTC().Format("-20060102T150405")
	}
	signed := of
	if n := len(c.Past); n > 0 {
		signed = fmt.Sprintf("%s %d", of, n)
	}
	return fmt.Sprintf("<!-- daemon-hotfix %s %s -->", of, d.sign("marker", c.Repo, signed))
}

// wantedIssue is how the issue of c is found. The prototype's issues are only ever the first of a case.
func (d *Daemon) wantedIssue(c hotfix.Case) hotfix.Issue {
	i := hotfix.Issue{Repo: c.Repo, Number: c.Issue, Marker: d.marker(c)}
	if len(c.Past) == 0 {
		i.Also = oldMarkers(c.Latest)
	}
	return i
}
