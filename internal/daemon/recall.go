package daemon

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A Shelf is a forge that lists our issues. A daemon that keeps its cases nowhere but in their issues needs one.
type Shelf interface {
	// Ours lists the issues that we may have written in repo and that changed since then, with all of their bodies.
	Ours(ctx context.Context, repo hotfix.Repo, since time.Time) ([]hotfix.Issue, error)
}

// fresh is the case of a failure that the store does not know. Where cases are kept only in their issues, it is read
// from there before anything is decided, together with what was done in the same repository within a day.
func (d *Daemon) fresh(ctx context.Context, fp hotfix.Fingerprint, n hotfix.Notice) (hotfix.Case, error) {
	c := d.place(fp, *n.Failure)
	if !d.cfg.Recall || c.Repo.IsZero() {
		return c, nil
	}
	if decision := d.cfg.Policy.Decide(c, hotfix.Opened); decision.Action == hotfix.Ignore {
		return c, nil // nothing will be written there, so nothing is read either
	}
	forge := d.cfg.Connect(n.Token)
	sought := c
	sought.Latest = *n.Failure
	old, found, ok, err := d.past(ctx, forge, sought)
	if forbidden(err) {
		return c, nil // the report finds out, and says where it went instead
	}
	if err != nil {
		return c, err
	}
	if err := d.recallDay(ctx, forge, c, found.Number); err != nil {
		return c, err
	}
	if !ok {
		return c, nil
	}
	if len(found.Twins) > 0 {
		old.Issue = 0 // it is looked for once more when it is written, and its twins are closed
	}
	return old, nil
}

// asFound is what an issue's state line says, corrected by what people did with the issue since.
func (d *Daemon) asFound(c hotfix.Case, found hotfix.Issue) hotfix.Case {
	c.Issue, c.Told = found.Number, c.Count
	d.heed(&c, found, 0) // all that it counts was told
	return c
}

// recallDay puts the other cases that changed within a day into the store, so that what is bounded by the day or the
// hour is counted.
func (d *Daemon) recallDay(ctx context.Context, forge Forge, c hotfix.Case, but int) error {
	shelf, ok := forge.(Shelf)
	if !ok {
		return nil
	}
	issues, err := shelf.Ours(ctx, c.Repo, d.cfg.Now().Add(-24*time.Hour))
	if err != nil {
		return fmt.Errorf("list our issues in %s: %w", c.Repo, err)
	}
	for _, i := range issues {
		other, ok := d.anyState(c.Repo, i.Body.String())
		if !ok || i.Number == but || other.Fingerprint == c.Fingerprint {
			continue
		}
		if _, err := d.cfg.Store.Case(ctx, other.Fingerprint); err == nil {
			continue
		}
		if err := d.cfg.Store.SaveCase(ctx, d.asFound(other, i)); err != nil {
			return fmt.Errorf("recall case %s: %w", other.Fingerprint, err)
		}
	}
	return nil
}

var fingerprintForm = regexp.MustCompile(`^v[0-9]+-[0-9a-f]{32}$`)

// anyState reads whatever case of repo the body of an issue holds.
func (d *Daemon) anyState(repo hotfix.Repo, body string) (hotfix.Case, bool) {
	for _, m := range stateForm.FindAllStringSubmatch(body, 4) {
		var of struct {
			Fingerprint hotfix.Fingerprint `json:"fingerprint"`
		}
		if json.Unmarshal([]byte(m[2]), &of) == nil && fingerprintForm.MatchString(string(of.Fingerprint)) {
			return d.readState(repo, of.Fingerprint, body)
		}
	}
	return hotfix.Case{}, false
}

// A summaryPage is what texts/summary.md shows.
type summaryPage struct {
	Notice hotfix.Notice
	Case   *hotfix.Case // nil if there is none
	Issue  string       // address
	Error  string
}

// Summary is what became of a notice, for whoever looks at the run that handled it.
func (d *Daemon) Summary(ctx context.Context, n hotfix.Notice, failed error) (string, error) {
	page := summaryPage{Notice: n}
	cases, err := d.cfg.Store.Cases(ctx, store.CaseFilter{Limit: 1000})
	if err != nil {
		return "", err
	}
	for i, c := range cases {
		if c.Via != "" && c.Via == n.ID {
			page.Case = &cases[i]
		}
	}
	if c := page.Case; c != nil && c.Issue != 0 {
		page.Issue = fmt.Sprintf("%s/%s/issues/%d", d.cfg.Server, c.Repo, c.Issue)
	}
	if failed != nil {
		page.Error = failed.Error()
	}
	text, err := d.render("summary", page)
	return text.String(), err
}
