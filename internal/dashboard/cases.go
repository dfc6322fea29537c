package dashboard

import (
	"errors"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// rowsShown is how many rows a list has on one page.
const rowsShown = 50

// A casesView is the list of problems. Every filter stands in the address.
type casesView struct {
	Filter  map[string]string `json:"filter"`
	Total   int               `json:"total"`
	Cases   []store.CaseRow   `json:"cases"`
	From    int               `json:"from"` // number of the first row
	Next    string            `json:"next,omitempty"`
	Before  string            `json:"before,omitempty"`
	Filters []filter          `json:"-"`
}

// A filter is one choice above a list.
type filter struct {
	Name, Label string
	Options     []option
	Value       string
}

type option struct{ Value, Label string }

// filters are the choices of the list of problems.
func filters(r *http.Request) []filter {
	list := []filter{
		{Name: "state", Label: "State", Options: []option{{"", "any state"}, {"open", "open"}, {"new", "new"}, {"ongoing", "ongoing"}, {"escalating", "escalating"},
			{"regressed", "regressed"}, {"fixing", "draft waits"}, {"fix-merged", "fix merged"}, {"verified", "verified"}, {"closed", "closed"}, {"obsolete", "obsolete"},
			{"snoozed", "snoozed"}, {"ignored", "ignored"}, {"duplicate", "duplicate"}}},
		{Name: "action", Label: "Decision", Options: []option{{"", "any decision"}, {"fix", "attempt a fix"}, {"report", "issue only"}, {"ignore", "only count"}}},
		{Name: "ending", Label: "Latest attempt", Options: []option{{"", "any attempt"}, {"draft-opened", "draft opened"}, {"no-fix", "no fix found"}, {"refused", "refused"}, {"over-budget", "over budget"}, {"broken", "broken"}, {"halted", "stopped"}, {"expired", "credentials ran out"}}},
		{Name: "period", Label: "Failed within", Options: []option{{"", "any time"}, {"24h", "24 hours"}, {"7d", "7 days"}, {"30d", "30 days"}}},
		{Name: "order", Label: "Order", Options: []option{{"", "latest failure"}, {"first", "newest problem"}, {"count", "most failures"}}},
	}
	for i := range list {
		list[i].Value = r.FormValue(list[i].Name)
	}
	return list
}

func (d *Dashboard) cases(r *http.Request) (any, error) {
	v := &casesView{Filter: map[string]string{}, Filters: filters(r), From: max(number1(r.FormValue("from")), 1)}
	for _, name := range []string{"q", "state", "action", "ending", "period", "order", "plugin", "repo", "rule"} {
		if value := r.FormValue(name); value != "" {
			v.Filter[name] = value
		}
	}
	q := store.CaseQuery{Text: v.Filter["q"], State: hotfix.State(v.Filter["state"]), Plugin: v.Filter["plugin"], Repo: v.Filter["repo"],
		Action: v.Filter["action"], Ending: hotfix.Ending(v.Filter["ending"]), Rule: v.Filter["rule"], Order: v.Filter["order"],
		Offset: v.From - 1, Limit: rowsShown}
	if v.Filter["state"] == "open" {
		q.State, q.Open = "", true
	}
	if v.Filter["period"] != "" {
		q.Since = d.cfg.Now().Add(-time.Duration(periodOf(r).Days) * 24 * time.Hour)
	}
	var err error
	v.Cases, v.Total, err = who(r).sees.CaseRows(r.Context(), q)
	v.Next, v.Before = turn(r, v.From, len(v.Cases) == rowsShown && v.From-1+rowsShown < v.Total)
	return v, err
}

// turn returns the addresses of the next page and of the one before, "" if there is none.
func turn(r *http.Request, from int, more bool) (next, before string) {
	at := func(n int) string {
		q := url.Values{}
		for name, values := range r.URL.Query() {
			if name != "from" {
				q[name] = values
			}
		}
		if n > 1 {
			q.Set("from", strconv.Itoa(n))
		}
		return r.URL.Path + "?" + q.Encode()
	}
	if more {
		next = at(from + rowsShown)
	}
	if from > 1 {
		before = at(max(from-rowsShown, 1))
	}
	return next, before
}

func number1(s string) int {
	n, err := strconv.Atoi(s)
	if err != nil || n > 1_000_000 {
		return 0
	}
	return n
}

// A caseView is everything about one problem.
type caseView struct {
	Case     hotfix.Case  `json:"case"`
	Title    string       `json:"title"`
	Class    hotfix.Class `json:"class"`
	Standing string       `json:"standing"`
	Days     *chart       `json:"days"`
	Timeline []moment     `json:"timeline"`
	Buttons  []button     `json:"buttons,omitempty"`
	May      bool         `json:"mayAct"`
	Live     bool         `json:"-"`
}

// A moment is one thing that happened to a case.
type moment struct {
	At   time.Time `json:"at"`
	What string    `json:"what"`
	By   string    `json:"by,omitempty"`
	Says string    `json:"says,omitempty"`
	Run  string    `json:"run,omitempty"`
	PR   int       `json:"pr,omitempty"`
	Kind string    `json:"kind"` // "seen", "asked", "attempt", "draft", "bad"
}

// caseFor is a case that the viewer may see. What they may not see is not there for them.
func (d *Dashboard) caseFor(r *http.Request, fp hotfix.Fingerprint) (hotfix.Case, error) {
	c, err := d.cfg.Store.Case(r.Context(), fp)
	if err == nil && !who(r).sees.Shows(c.Repo) {
		return hotfix.Case{}, store.ErrNotFound
	}
	return c, err
}

func (d *Dashboard) oneCase(r *http.Request) (any, error) {
	ctx := r.Context()
	fp := hotfix.Fingerprint(r.PathValue("case"))
	c, err := d.caseFor(r, fp)
	if errors.Is(err, store.ErrNotFound) {
		return nil, missing("The daemon knows no problem " + string(fp) + ".")
	}
	if err != nil {
		return nil, err
	}
	now := d.cfg.Now()
	since := now.Add(-59 * 24 * time.Hour)
	days, err := d.cfg.Store.Days(ctx, fp, since)
	if err != nil {
		return nil, err
	}
	v := &caseView{Case: c, Title: triage.Title(c.Latest), Class: triage.Classify(c.Latest), Standing: standing(c, now), Timeline: timeline(c),
		Days: newChart("Failures a day, last 60 days", chartNarrow, days, since, now, 24), May: d.mayAct(ctx, who(r), c)}
	if v.May {
		v.Buttons = buttons(c)
	}
	return v, nil
}

// timeline is what happened, the latest first.
func timeline(c hotfix.Case) []moment {
	list := []moment{}
	for _, m := range c.Moves {
		list = append(list, moment{At: m.At, What: stateIs(m.To), By: by(m.By), Says: m.Because, Kind: "seen"})
	}
	if c.Count > 1 {
		list = append(list, moment{At: c.Last, What: "Latest failure", Says: "seen " + times(c.Count), Kind: "seen"})
	}
	for _, l := range slices.Concat(c.Audit, c.Asked) {
		m := moment{At: l.At, What: "/hotfix " + l.Verb, By: l.Actor, Says: l.Args.String(), Kind: "asked"}
		if l.Answer == "forbidden" || l.Wrong != "" {
			m.What += ", refused"
		}
		list = append(list, m)
	}
	for i, a := range c.Attempts {
		name := "Attempt " + strconv.Itoa(i+1)
		list = append(list, moment{At: a.Started, What: name + " began", By: by(a.By), Says: a.Hint, Run: a.RunID, Kind: "attempt"})
		if a.Outcome.Ending != "" {
			m := moment{At: a.Ended, What: name + ": " + ending(a.Outcome.Ending), Says: a.Outcome.Says.String(), Run: a.RunID, PR: a.Outcome.PR, Kind: "bad"}
			if a.Outcome.Ending == hotfix.DraftOpened {
				m.Kind = "draft"
			}
			list = append(list, m)
		}
	}
	slices.SortStableFunc(list, func(a, b moment) int { return b.At.Compare(a.At) })
	return list
}

// by names a person; what the daemon does by itself needs no name.
func by(who string) string {
	if who == hotfix.ByDaemon || who == "policy" {
		return ""
	}
	return who
}

// standing is where a case stands, in a few words.
func standing(c hotfix.Case, now time.Time) string {
	switch s := c.Snooze; {
	case c.Running() != nil:
		return "a fix is being attempted"
	case c.DupOf != "":
		return "counted on another problem"
	case s != nil && s.Version != "":
		return "quiet until " + s.Version
	case s != nil && s.Count > 0:
		return "quiet until it has been seen " + times(s.Count)
	case s != nil && now.Before(s.Until):
		return "quiet until " + s.Until.UTC().Format("2 Jan 15:04 UTC")
	case c.State == hotfix.FixMerged:
		return "silence has to show that it helped"
	case c.State == hotfix.Obsolete:
		return "silent for so long that it is taken to be over"
	case len(c.Moves) > 0 && c.State != hotfix.New:
		return short(c.Moves[len(c.Moves)-1].Because, 120)
	}
	return ""
}

// ending is how an attempt ended, in words.
func ending(e hotfix.Ending) string {
	switch e {
	case "":
		return "under way"
	case hotfix.DraftOpened:
		return "draft opened"
	case hotfix.NoFix:
		return "no fix found"
	case hotfix.Refused:
		return "patch refused"
	case hotfix.OverBudget:
		return "over budget"
	case hotfix.Broken:
		return "broke"
	case hotfix.Halted:
		return "stopped"
	case hotfix.Expired:
		return "credentials ran out"
	}
	return string(e)
}

func times(n int) string {
	if n == 1 {
		return "once"
	}
	return number(n) + " times"
}
