package dashboard

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// An outage is several plugins that failed in the same way at the same time and are counted on one issue.
type outage struct {
	Case    hotfix.Fingerprint `json:"case"` // that the others are counted on
	Title   string             `json:"title"`
	Repo    hotfix.Repo        `json:"repo"`
	Issue   int                `json:"issue"`
	Plugins []string           `json:"plugins"`
	Count   int                `json:"count"` // their failures
	From    time.Time          `json:"from"`
	Last    time.Time          `json:"last"`
}

// outagesOf is among how many cases that an outage took in the latest outages are looked for.
const outagesOf = 100

// outages are those that took a case in since then, the latest first.
func (d *Dashboard) outages(ctx context.Context, sees store.View, since time.Time) ([]outage, error) {
	rows, _, err := sees.CaseRows(ctx, store.CaseQuery{State: hotfix.Duplicated, Rule: "outage", Since: since, Limit: outagesOf})
	if err != nil {
		return nil, err
	}
	by := map[hotfix.Fingerprint]*outage{}
	for _, row := range rows {
		c, err := d.cfg.Store.Case(ctx, row.Fingerprint)
		if err != nil {
			return nil, err
		}
		o := by[c.DupOf]
		if o == nil {
			first, err := d.cfg.Store.Case(ctx, c.DupOf)
			if errors.Is(err, store.ErrNotFound) || err == nil && !sees.Shows(first.Repo) {
				continue
			}
			if err != nil {
				return nil, err
			}
			o = &outage{Case: c.DupOf, Title: triage.Title(first.Latest), Repo: first.Repo, Issue: first.Issue, From: first.First, Last: first.Last,
				Plugins: []string{first.Latest.Plugin.ID}, Count: first.Count}
			by[c.DupOf] = o
		}
		if !slices.Contains(o.Plugins, row.Plugin) {
			o.Plugins = append(o.Plugins, row.Plugin)
		}
		if c.Last.After(o.Last) {
			o.Last = c.Last
		}
	}
	out := []outage{}
	for _, o := range by {
		slices.Sort(o.Plugins)
		out = append(out, *o)
	}
	slices.SortFunc(out, func(a, b outage) int { return b.Last.Compare(a.Last) })
	return out, nil
}

// unexplained are the bursts that no outage accounts for: fewer than burstPlugins of their plugins would be left without it.
func unexplained(all []burst, known []outage) []burst {
	var out []burst
	for _, b := range all {
		left := slices.Clone(b.Plugins)
		for _, o := range known {
			if o.From.Before(b.To) && !o.Last.Before(b.From) {
				left = slices.DeleteFunc(left, func(p string) bool { return slices.Contains(o.Plugins, p) })
			}
		}
		if len(left) >= burstPlugins {
			out = append(out, b)
		}
	}
	return out
}
