package daemon

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// Figures is what a status issue is made of.
type Figures interface {
	Standings(ctx context.Context, owner string) ([]store.Standing, error)
	Spent(ctx context.Context, since time.Time) ([]store.Spending, error)
	CaseRows(ctx context.Context, q store.CaseQuery) ([]store.CaseRow, int, error)
}

// A statusPage is what texts/status.md shows.
type statusPage struct {
	Marker, Owner                          string
	Open, Escalating, Drafts, Fixed, Quiet int
	Attempts, Opened, Tokens               int
	Cost                                   float64
	Silent                                 bool
	Top                                    []store.CaseRow
}

// statusTop is how many problems a status issue names.
const statusTop = 10

// status keeps the one issue in repo that says how the problems of its owner stand.
func (d *Daemon) status(ctx context.Context, repo hotfix.Repo) error {
	figures, ok := d.cfg.Store.(Figures)
	if !ok {
		return nil // a store without lists, as of a workflow run
	}
	p := statusPage{Owner: repo.Owner, Marker: d.marker(hotfix.Case{Fingerprint: "status", Repo: repo})}
	if err := d.stand(ctx, figures, &p); err != nil {
		return fmt.Errorf("count for status issue in %s: %w", repo, err)
	}
	var err error
	if p.Silent, err = d.silent(ctx); err != nil {
		return err
	}
	body, err := d.render("status", p)
	if err != nil {
		return err
	}
	forge := d.cfg.Connect(redact.Secret{})
	want := hotfix.Issue{Repo: repo, Marker: p.Marker, Title: "Status of daemon-hotfix", Body: body}
	found, err := forge.FindIssue(ctx, want)
	if err == nil && (found.Number == 0 || found.State != "closed") {
		_, err = forge.SaveIssue(ctx, want)
	}
	if err != nil {
		return fmt.Errorf("save status issue in %s: %w", repo, err)
	}
	return nil
}

// stand counts.
func (d *Daemon) stand(ctx context.Context, figures Figures, p *statusPage) error {
	standings, err := figures.Standings(ctx, p.Owner)
	if err != nil {
		return err
	}
	for _, s := range standings {
		switch {
		case s.State.Open():
			p.Open += s.Cases
		case s.State == hotfix.Fixing:
			p.Drafts += s.Cases
		case s.State == hotfix.FixMerged || s.State == hotfix.Verified:
			p.Fixed += s.Cases
		case s.State == hotfix.Ignored || s.State == hotfix.Snoozed || s.State == hotfix.Duplicated:
			p.Quiet += s.Cases
		}
		if s.State == hotfix.Escalating {
			p.Escalating += s.Cases
		}
	}
	spent, err := figures.Spent(ctx, d.cfg.Now().Add(-24*time.Hour))
	if err != nil {
		return err
	}
	for _, s := range spent {
		if owner, _, _ := strings.Cut(s.Repo, "/"); !strings.EqualFold(owner, p.Owner) {
			continue
		}
		p.Attempts, p.Tokens, p.Cost = p.Attempts+s.Attempts, p.Tokens+s.Tokens, p.Cost+s.Cost
		if s.Ending == hotfix.DraftOpened {
			p.Opened += s.Attempts
		}
	}
	p.Top, _, err = figures.CaseRows(ctx, store.CaseQuery{Owner: p.Owner, Open: true, Order: "count", Limit: statusTop})
	return err
}
