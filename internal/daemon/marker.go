package daemon

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// marker is the line by which the issue of a case is found again. The code in it depends on our key and on
// the repository, so neither a payload nor a copy in another repository can claim a case. Each page has its own.
func (d *Daemon) marker(c hotfix.Case) string {
	of := string(c.Fingerprint)
	if c.Fingerprint == pageCase {
		of += c.First.UTC().Format("-20060102T150405")
	}
	return fmt.Sprintf("<!-- daemon-hotfix %s %s -->", of, d.sign("marker", c.Repo, of))
}
