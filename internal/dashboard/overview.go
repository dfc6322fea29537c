package dashboard

import (
	"cmp"
	"context"
	"errors"
	"net/http"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A period is how far a page looks back.
type period struct {
	Name  string `json:"name"` // in the address
	Label string `json:"label"`
	Days  int    `json:"days"`
	hours int    // of one bar
}

var periods = []period{{"24h", "24 hours", 1, 1}, {"7d", "7 days", 7, 6}, {"30d", "30 days", 30, 24}, {"90d", "90 days", 90, 24}}

// periodOf is the period that an address names, a week if it names none.
func periodOf(r *http.Request) period {
	for _, p := range periods {
		if p.Name == r.FormValue("period") {
			return p
		}
	}
	return periods[1]
}

// A overviewView is the first page.
type overviewView struct {
	Period   period             `json:"period"`
	Failures int                `json:"failures"`
	Before   int                `json:"before"` // in the period before
	States   map[string]int     `json:"states"`
	Open     int                `json:"open"`  // problems that wait for somebody
	Fixed    int                `json:"fixed"` // merged, and verified or not yet
	Attempts int                `json:"attempts"`
	Drafts   int                `json:"drafts"`
	Tokens   int                `json:"tokens"`
	Cost     float64            `json:"cost"`
	Rates    *chart             `json:"rates"`
	Plugins  []spark            `json:"plugins"`
	More     int                `json:"more"` // plugins that are not shown
	Outages  []outage           `json:"outages"`
	Bursts   []burst            `json:"bursts"` // without those that an outage accounts for
	Busiest  []store.CaseRow    `json:"busiest"`
	Newest   []store.CaseRow    `json:"newest"`
	Running  []store.AttemptRow `json:"running"`
	Work     workState          `json:"work"`
	Periods  []period           `json:"-"`
}

const pluginsShown = 12

func (d *Dashboard) overview(r *http.Request) (any, error) {
	ctx, now, p, sees := r.Context(), d.cfg.Now(), periodOf(r), who(r).sees
	v := &overviewView{Period: p, Periods: periods, States: map[string]int{}}
	since := now.Add(-time.Duration(p.Days) * 24 * time.Hour)
	tallies, err := sees.Rates(ctx, since.Add(-time.Duration(p.Days)*24*time.Hour), p.hours)
	if err != nil {
		return nil, err
	}
	v.rates(tallies, since, now)
	standings, err := sees.Standings(ctx, "")
	for _, s := range standings {
		v.States[string(s.State)] += s.Cases
		if s.State.Open() {
			v.Open += s.Cases
		}
		if s.State == hotfix.FixMerged || s.State == hotfix.Verified {
			v.Fixed += s.Cases
		}
	}
	var hourly []store.Tally
	if err == nil {
		hourly, err = sees.Rates(ctx, now.Add(-24*time.Hour), 1)
	}
	if err == nil {
		v.Outages, err = d.outages(ctx, sees, now.Add(-24*time.Hour))
		v.Bursts = unexplained(bursts(hourly, 24), v.Outages)
	}
	if err == nil {
		err = v.spent(ctx, sees, since)
	}
	if err == nil {
		v.Busiest, err = sees.Busiest(ctx, since, 8)
	}
	if err == nil {
		v.Newest, _, err = sees.CaseRows(ctx, store.CaseQuery{Order: "first", Limit: 8})
	}
	if err == nil {
		v.Running, err = sees.AttemptRows(ctx, store.AttemptQuery{Running: true, Limit: 10})
	}
	if err == nil {
		v.Work, err = d.workState(ctx)
	}
	return v, err
}

// rates draws the failures of the period and sums those of the one before.
func (v *overviewView) rates(tallies []store.Tally, since, now time.Time) {
	first := since.UTC().Truncate(time.Duration(v.Period.hours) * time.Hour)
	var within []store.Tally
	for _, t := range tallies {
		if t.At.Before(first) {
			v.Before += t.N
			continue
		}
		v.Failures += t.N
		within = append(within, t)
	}
	v.Rates = newChart("Failures by plugin, last "+v.Period.Label, chartWide, within, since, now, v.Period.hours)
	v.Plugins = sparks(tallies, since, now, v.Period.hours)
	if n := len(v.Plugins) - pluginsShown; n > 0 {
		v.Plugins, v.More = v.Plugins[:pluginsShown], n
	}
}

func (v *overviewView) spent(ctx context.Context, sees store.View, since time.Time) error {
	spent, err := sees.Spent(ctx, since)
	for _, s := range spent {
		v.Attempts += s.Attempts
		v.Tokens += s.Tokens
		v.Cost += s.Cost
		if s.Ending == hotfix.DraftOpened {
			v.Drafts += s.Attempts
		}
	}
	return err
}

// A workState is what is queued, and whether the daemon is held back.
type workState struct {
	Waiting int       `json:"waiting"`
	Running int       `json:"running"`
	Parked  int       `json:"parked"`
	Oldest  time.Time `json:"oldest,omitzero"` // when what waits longest was asked for
	Silent  time.Time `json:"silentUntil,omitzero"`
	Says    string    `json:"says,omitempty"` // why the breaker went off
	NoFix   string    `json:"noFix,omitempty"`
}

func (d *Dashboard) workState(ctx context.Context) (workState, error) {
	w := workState{NoFix: d.cfg.Limits.NoFix}
	counts, err := d.cfg.Store.Counts(ctx)
	if err != nil {
		return w, err
	}
	for _, c := range counts {
		w.Waiting, w.Running, w.Parked = w.Waiting+c.Waiting, w.Running+c.Running, w.Parked+c.Parked
		if !c.Oldest.IsZero() && (w.Oldest.IsZero() || c.Oldest.Before(w.Oldest)) {
			w.Oldest = c.Oldest
		}
	}
	page, err := d.cfg.Store.Case(ctx, "page")
	if errors.Is(err, store.ErrNotFound) {
		return w, nil
	}
	if until := page.First.Add(cmp.Or(d.cfg.Limits.Silence, time.Hour)); err == nil && d.cfg.Now().Before(until) {
		w.Silent, w.Says = until, page.Latest.Message.String()
	}
	return w, err
}
