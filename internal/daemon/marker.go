package daemon

import (
	"context"
	"errors"
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
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

// wantedIssue is how the issue of c is found. Issues under other keys are only ever the first of a case.
func (d *Daemon) wantedIssue(c hotfix.Case) hotfix.Issue {
	i := hotfix.Issue{Repo: c.Repo, Number: c.Issue, Marker: d.marker(c)}
	if len(c.Past) == 0 && c.Fingerprint != pageCase {
		i.Also = d.oldMarkers(c)
	}
	return i
}

// oldMarkers are the lines by which older versions and the prototype of this daemon knew the issue of a case.
func (d *Daemon) oldMarkers(c hotfix.Case) []string {
	var out []string
	for _, key := range triage.Aliases(c.Latest) {
		if len(key) == 64 {
			out = append(out, fmt.Sprintf("<!-- uos-hotfix-key:%s -->", key), fmt.Sprintf("<!-- uos-hotfix-key: %s -->", key),
				fmt.Sprintf("<!--uos-hotfix-key:%s-->", key))
			continue
		}
		c.Fingerprint = key
		out = append(out, d.marker(c))
	}
	return out
}

// before is the case that an older version opened for what f is about, "" if there is none. It goes on under its own name.
func (d *Daemon) before(ctx context.Context, f hotfix.Failure) (hotfix.Fingerprint, error) {
	for _, key := range triage.Aliases(f) {
		_, err := d.cfg.Store.Case(ctx, key)
		if err == nil {
			return key, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return "", fmt.Errorf("load case %s: %w", key, err)
		}
	}
	return "", nil
}
