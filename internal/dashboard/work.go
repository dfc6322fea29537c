package dashboard

import (
	"net/http"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// An abstainedView is the ledger of what the daemon did not do, and why.
type abstainedView struct {
	Rules    []held             `json:"rules"`
	Attempts []store.AttemptRow `json:"attempts"` // that came to nothing, the latest first
	Dropped  []store.Drop       `json:"dropped"`  // failures that led to no case
}

// A held is how many cases one rule holds back.
type held struct {
	Rule  string        `json:"rule"`
	Means string        `json:"means"`
	Upto  hotfix.Action `json:"upTo"` // how far the daemon goes nevertheless
	Cases int           `json:"cases"`
	Count int           `json:"count"`
}

func (d *Dashboard) abstained(r *http.Request) (any, error) {
	ctx, sees := r.Context(), who(r).sees
	standings, err := sees.Standings(ctx, "")
	if err != nil {
		return nil, err
	}
	v := &abstainedView{}
	by := map[held]*held{}
	for _, s := range standings {
		if s.Action == hotfix.Fix {
			continue
		}
		key := held{Rule: s.Rule, Upto: s.Action}
		if by[key] == nil {
			by[key] = &held{Rule: s.Rule, Upto: s.Action, Means: ruleMeans(s.Rule)}
		}
		by[key].Cases += s.Cases
		by[key].Count += s.Count
	}
	for _, h := range by {
		v.Rules = append(v.Rules, *h)
	}
	slices.SortFunc(v.Rules, func(a, b held) int { return b.Cases - a.Cases })
	recent, err := sees.AttemptRows(ctx, store.AttemptQuery{Limit: 200})
	for _, a := range recent {
		if a.Ending != "" && a.Ending != hotfix.DraftOpened && len(v.Attempts) < 30 {
			v.Attempts = append(v.Attempts, a)
		}
	}
	if err != nil {
		return nil, err
	}
	drops, err := d.cfg.Store.Drops(ctx)
	for _, drop := range drops {
		if repo, _ := hotfix.ParseRepo(drop.Repo); sees.All() || sees.Shows(repo) {
			v.Dropped = append(v.Dropped, drop)
		}
	}
	return v, err
}

// A workView is what waits, what was given up and how much of the budgets is used.
type workView struct {
	State   workState    `json:"state"`
	Kinds   []kindRow    `json:"kinds"`
	Wanted  []store.Want `json:"wanted"`
	Parked  []store.Want `json:"parked"`
	Budgets []budget     `json:"budgets"`
	Limits  Limits       `json:"limits"`
}

type kindRow struct {
	Kind store.Kind `json:"kind"`
	store.Count
}

// A budget is how much of a bound one repository has used in 24 hours.
type budget struct {
	Repo     string  `json:"repo"`
	Attempts int     `json:"attempts"`
	Of       int     `json:"of"`
	Tokens   int     `json:"tokens"`
	Cost     float64 `json:"cost"`
}

// workShown bounds how many rows of work a page has.
const workShown = 50

func (d *Dashboard) work(r *http.Request) (any, error) {
	ctx, sees := r.Context(), who(r).sees
	v := &workView{Limits: d.cfg.Limits.within(sees)}
	var err error
	if v.State, err = d.workState(ctx); err != nil {
		return nil, err
	}
	counts, err := d.cfg.Store.Counts(ctx)
	if err != nil {
		return nil, err
	}
	for _, kind := range []store.Kind{store.Triage, store.Report, store.Fix} {
		v.Kinds = append(v.Kinds, kindRow{kind, counts[kind]})
	}
	if v.Wanted, err = d.cfg.Store.Wanted(ctx); err != nil {
		return nil, err
	}
	if v.Parked, err = d.cfg.Store.Parked(ctx); err != nil {
		return nil, err
	}
	v.Wanted, v.Parked = d.shown(r, v.Wanted), d.shown(r, v.Parked)
	spent, err := sees.Spent(ctx, d.cfg.Now().Add(-24*time.Hour))
	by := map[string]int{}
	for _, s := range spent {
		i, ok := by[s.Repo]
		if !ok {
			i = len(v.Budgets)
			by[s.Repo] = i
			v.Budgets = append(v.Budgets, budget{Repo: s.Repo, Of: d.cfg.Limits.FixesPerDay})
		}
		b := &v.Budgets[i]
		b.Attempts, b.Tokens, b.Cost = b.Attempts+s.Attempts, b.Tokens+s.Tokens, b.Cost+s.Cost
	}
	return v, err
}

// shown are the first of some pieces of work that the viewer may see. Work on a delivery belongs to no repository yet.
func (d *Dashboard) shown(r *http.Request, wants []store.Want) []store.Want {
	sees := who(r).sees
	if sees.All() {
		return wants[:min(len(wants), workShown)]
	}
	out := []store.Want{}
	for _, w := range wants[:min(len(wants), 10*workShown)] {
		if w.Kind == store.Triage || len(out) == workShown {
			continue
		}
		if _, err := d.caseFor(r, hotfix.Fingerprint(w.Name)); err == nil {
			out = append(out, w)
		}
	}
	return out
}

// within is l without the repositories that somebody may not see.
func (l Limits) within(sees store.View) Limits {
	var shown []string
	for _, name := range l.Repositories {
		if repo, err := hotfix.ParseRepo(name); sees.All() || err == nil && sees.Shows(repo) {
			shown = append(shown, name)
		}
	}
	l.Repositories = shown
	return l
}
