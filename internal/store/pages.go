package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A CaseRow is a case in a list.
type CaseRow struct {
	Fingerprint hotfix.Fingerprint `json:"fingerprint"`
	Repo        string             `json:"repo"`
	Plugin      string             `json:"plugin"`
	Title       string             `json:"title"` // first line of its latest message
	State       hotfix.State       `json:"state"`
	Action      hotfix.Action      `json:"action"`
	Risk        hotfix.Risk        `json:"risk"`
	Rule        string             `json:"rule"` // of the first reason
	Count       int                `json:"count"`
	First       time.Time          `json:"first"`
	Last        time.Time          `json:"last"`
	Issue       int                `json:"issue"`
	PR          int                `json:"pr"`
	Attempts    int                `json:"attempts"`
	Ending      hotfix.Ending      `json:"ending"`           // of the latest attempt
	Lately      int                `json:"lately,omitempty"` // failures in the period that was asked for
}

// A CaseQuery narrows a list of cases. What is zero narrows nothing.
type CaseQuery struct {
	Text   string // in the title or the plugin, or the whole fingerprint
	State  hotfix.State
	Open   bool // in any state that waits for somebody
	Plugin string
	Repo   string
	Owner  string // of repositories
	Action string // "ignore", "report" or "fix"
	Ending hotfix.Ending
	Rule   string
	Since  time.Time // failed since
	Order  string    // "seen" (default), "first" or "count"; the greatest comes first
	Offset int
	Limit  int // 0 is 50
}

const caseColumns = `l.fingerprint, l.repo, l.plugin, l.title, l.state, l.action, l.risk, l.rule, l.failures, l.first, l.seen,
	l.issue, l.pr, l.attempts, l.ending`

func scanRow(r rows, more ...any) (CaseRow, error) {
	var c CaseRow
	var first, last int64
	err := r.Scan(append([]any{&c.Fingerprint, &c.Repo, &c.Plugin, &c.Title, &c.State, &c.Action, &c.Risk, &c.Rule, &c.Count,
		&first, &last, &c.Issue, &c.PR, &c.Attempts, &c.Ending}, more...)...)
	c.First, c.Last = fromMicros(first), fromMicros(last)
	return c, err
}

// CaseRows lists cases, and says how many there are in all.
func (v View) CaseRows(ctx context.Context, q CaseQuery) (list []CaseRow, total int, err error) {
	matches := "LIKE" // of SQLite, which does not mind the case of letters
	if v.s.pg != nil {
		matches = "ILIKE"
	}
	where, args := q.where(matches, v)
	if err = v.s.first(ctx, "count cases", "SELECT COUNT(*) FROM case_list l"+where, args, &total); err != nil {
		return nil, 0, err
	}
	order := map[string]string{"first": "l.first DESC", "count": "l.failures DESC"}[q.Order]
	query := "SELECT " + caseColumns + " FROM case_list l" + where + " ORDER BY " + cmp.Or(order, "l.seen DESC, l.fingerprint DESC") + " LIMIT ? OFFSET ?"
	err = v.s.db().query(ctx, query, append(args, int64(cmp.Or(q.Limit, 50)), int64(q.Offset)), func(r rows) error {
		c, err := scanRow(r)
		list = append(list, c)
		return err
	})
	if err != nil {
		return nil, 0, fmt.Errorf("list cases: %w", classify(err))
	}
	return list, total, nil
}

// textMax is how many bytes of a text are looked for: SQLite takes no pattern of more than 50,000 (SQLITE_MAX_LIKE_PATTERN_LENGTH).
const textMax = 2000

// where says which cases are meant. matches compares texts without regard to case.
func (q CaseQuery) where(matches string, v View) (string, []any) {
	var terms []string
	var args []any
	add := func(term string, values ...any) { terms, args = append(terms, term), append(args, values...) }
	if text := strings.ToLower(clean(q.Text[:min(len(q.Text), textMax)])); text != "" {
		plain := strings.NewReplacer(`\`, `\\`, "%", `\%`, "_", `\_`).Replace(text)
		like := "%" + plain + "%"
		add(`(l.title `+matches+` ? ESCAPE '\' OR l.plugin `+matches+` ? ESCAPE '\' OR l.fingerprint = ? OR l.fingerprint LIKE ? ESCAPE '\')`, like, like, text, "v_-"+plain)
	}
	for _, f := range []struct{ column, value string }{{"state", string(q.State)}, {"plugin", q.Plugin},
		{"lane", strings.ToLower(q.Repo)}, {"ending", string(q.Ending)}, {"rule", q.Rule}} {
		if f.value != "" {
			add("l."+f.column+" = ?", clean(f.value))
		}
	}
	if q.Owner != "" {
		from, to := owned(q.Owner)
		add("l.lane >= ? AND l.lane < ?", from, to)
	}
	if term, lanes := v.only("l.lane"); term != "" {
		add(term, lanes...)
	}
	if q.Open {
		add("l.state IN (?, ?, ?, ?)", string(hotfix.New), string(hotfix.Ongoing), string(hotfix.Escalating), string(hotfix.Regressed))
	}
	for _, a := range []hotfix.Action{hotfix.Ignore, hotfix.Report, hotfix.Fix} {
		if q.Action == a.String() {
			add("l.action = ?", int64(a))
		}
	}
	if !q.Since.IsZero() {
		add("l.seen >= ?", micros(q.Since))
	}
	if len(terms) == 0 {
		return "", nil
	}
	return " WHERE " + strings.Join(terms, " AND "), args
}

// busiestOf is among how many cases Busiest looks: those that failed most of all, and still do.
const busiestOf = 400

// Busiest lists the cases that failed most often since the beginning of that day.
func (v View) Busiest(ctx context.Context, since time.Time, limit int) ([]CaseRow, error) {
	var list []CaseRow
	day := micros(since.UTC().Truncate(24 * time.Hour))
	only, lanes := v.and("lane")
	args := append([]any{day}, lanes...)
	err := v.s.db().query(ctx, "SELECT "+caseColumns+`, t.n FROM (
			SELECT m.fingerprint, CAST(sum(c.n) AS bigint) AS n
			FROM (SELECT fingerprint FROM case_list WHERE seen >= ?`+only+` ORDER BY failures DESC LIMIT ?) m
			JOIN case_counts c ON c.fingerprint = m.fingerprint AND c.day >= ?
			GROUP BY m.fingerprint ORDER BY 2 DESC, 1 LIMIT ?) t
		JOIN case_list l ON l.fingerprint = t.fingerprint ORDER BY t.n DESC, l.fingerprint`,
		append(args, int64(busiestOf), day, int64(limit)), func(r rows) error {
			var n int
			c, err := scanRow(r, &n)
			c.Lately = n
			list = append(list, c)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list busiest cases: %w", classify(err))
	}
	return list, nil
}

// A Tally is how often something failed in the span that begins at At.
type Tally struct {
	At time.Time `json:"at"`
	Of string    `json:"of,omitempty"` // the plugin
	N  int       `json:"n"`
}

// Rates counts the failures of each plugin since then, in spans of 1, 6 or 24 hours.
func (v View) Rates(ctx context.Context, since time.Time, hours int) ([]Tally, error) {
	list, err := v.s.tallies(ctx, "count failures", "SELECT at, plugin, n FROM plugin_counts WHERE span = ? AND at >= ? ORDER BY at, plugin",
		[]any{int64(hours), micros(since.UTC().Truncate(time.Duration(hours) * time.Hour))})
	if v.plugins != nil {
		list = slices.DeleteFunc(list, func(t Tally) bool { return !v.plugins[t.Of] })
	}
	return list, err
}

// Days counts the failures of one case on each day since then.
func (s *SQL) Days(ctx context.Context, fp hotfix.Fingerprint, since time.Time) ([]Tally, error) {
	return s.tallies(ctx, "count failures of case "+string(fp), "SELECT day, '', n FROM case_counts WHERE fingerprint = ? AND day >= ? ORDER BY day",
		[]any{clean(string(fp)), micros(since.UTC().Truncate(24 * time.Hour))})
}

func (s *SQL) tallies(ctx context.Context, what, query string, args []any) ([]Tally, error) {
	var list []Tally
	err := s.db().query(ctx, query, args, func(r rows) error {
		var t Tally
		var at int64
		err := r.Scan(&at, &t.Of, &t.N)
		t.At = fromMicros(at)
		list = append(list, t)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", what, classify(err))
	}
	return list, nil
}

// owned bounds the lanes of one owner's repositories.
func owned(owner string) (from, to string) {
	owner = clean(strings.ToLower(owner))
	return owner + "/", owner + "0" // which follows the slash
}

// A Standing is how many cases stand where.
type Standing struct {
	State  hotfix.State  `json:"state"`
	Action hotfix.Action `json:"action"`
	Rule   string        `json:"rule"`
	Cases  int           `json:"cases"`
	Count  int           `json:"count"` // their failures
}

// Standings counts all cases, or those of one owner's repositories, by state, action and rule.
func (v View) Standings(ctx context.Context, owner string) ([]Standing, error) {
	where, args := v.and("lane")
	if owner != "" {
		from, to := owned(owner)
		where, args = where+" AND lane >= ? AND lane < ?", append(args, from, to)
	}
	var list []Standing
	err := v.s.db().query(ctx, "SELECT state, action, rule, COUNT(*), CAST(sum(failures) AS bigint) FROM case_list WHERE 1 = 1"+where+" GROUP BY state, action, rule ORDER BY 4 DESC, 1, 2, 3",
		args, func(r rows) error {
			var st Standing
			err := r.Scan(&st.State, &st.Action, &st.Rule, &st.Cases, &st.Count)
			list = append(list, st)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("count cases: %w", classify(err))
	}
	return list, nil
}

// An AttemptRow is an attempt in a list, with what it was made at.
type AttemptRow struct {
	Run         string             `json:"run"`
	Fingerprint hotfix.Fingerprint `json:"fingerprint"`
	Repo        string             `json:"repo"`
	Plugin      string             `json:"plugin"`
	Title       string             `json:"title"`
	State       hotfix.State       `json:"state"` // of the case
	By          string             `json:"by"`
	Started     time.Time          `json:"started"`
	Ended       time.Time          `json:"ended,omitzero"`
	Ending      hotfix.Ending      `json:"ending"` // "" while it is under way
	PR          int                `json:"pr"`
	Issue       int                `json:"issue"`
	Steps       int                `json:"steps"`
	Tokens      int                `json:"tokens"`
	Cost        float64            `json:"cost"` // dollars
}

// An AttemptQuery narrows a list of attempts.
type AttemptQuery struct {
	Ending  hotfix.Ending
	Running bool // only those under way
	Drafts  bool // only those that opened a draft
	Repo    string
	Offset  int
	Limit   int // 0 is 50
}

// AttemptRows lists attempts, the latest first.
func (v View) AttemptRows(ctx context.Context, q AttemptQuery) ([]AttemptRow, error) {
	where, args := v.and("a.lane")
	switch {
	case q.Running:
		where += " AND a.ending = ''"
	case q.Drafts:
		where += " AND a.ending = 'draft-opened'"
	case q.Ending != "":
		where, args = where+" AND a.ending = ?", append(args, clean(string(q.Ending)))
	}
	if q.Repo != "" {
		where, args = where+" AND a.lane = ?", append(args, clean(strings.ToLower(q.Repo)))
	}
	var list []AttemptRow
	err := v.s.db().query(ctx, `SELECT a.run, a.fingerprint, l.repo, l.plugin, l.title, l.state, a.started_by, a.started, a.ended,
			a.ending, a.pr, l.issue, a.steps, a.tokens, a.cost
		FROM attempt_list a JOIN case_list l ON l.fingerprint = a.fingerprint WHERE 1 = 1`+where+" ORDER BY a.started DESC, a.run LIMIT ? OFFSET ?",
		append(args, int64(cmp.Or(q.Limit, 50)), int64(q.Offset)), func(r rows) error {
			var a AttemptRow
			var started, ended, cost int64
			err := r.Scan(&a.Run, &a.Fingerprint, &a.Repo, &a.Plugin, &a.Title, &a.State, &a.By, &started, &ended, &a.Ending, &a.PR,
				&a.Issue, &a.Steps, &a.Tokens, &cost)
			a.Started, a.Ended, a.Cost = fromMicros(started), fromMicros(ended), float64(cost)/1e6
			list = append(list, a)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list attempts: %w", classify(err))
	}
	return list, nil
}

// A Spending is what attempts with one ending came to in one repository.
type Spending struct {
	Repo     string        `json:"repo"` // lower case
	Ending   hotfix.Ending `json:"ending"`
	Attempts int           `json:"attempts"`
	Tokens   int           `json:"tokens"`
	Cost     float64       `json:"cost"` // dollars
}

// Spent sums attempts that began since then.
func (v View) Spent(ctx context.Context, since time.Time) ([]Spending, error) {
	var list []Spending
	only, lanes := v.and("lane")
	err := v.s.db().query(ctx, `SELECT lane, ending, COUNT(*), CAST(sum(tokens) AS bigint), CAST(sum(cost) AS bigint) FROM attempt_list WHERE started >= ?`+only+`
		GROUP BY lane, ending ORDER BY 3 DESC, 1, 2`, append([]any{micros(since)}, lanes...), func(r rows) error {
		var sp Spending
		var cost int64
		err := r.Scan(&sp.Repo, &sp.Ending, &sp.Attempts, &sp.Tokens, &cost)
		sp.Cost = float64(cost) / 1e6
		list = append(list, sp)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("sum attempts: %w", classify(err))
	}
	return list, nil
}

// RunRow returns what a list says of one run: enough to see whether it went on.
func (s *SQL) RunRow(ctx context.Context, id string) (RunRow, error) {
	row := RunRow{ID: id}
	var at int64
	var stop string
	err := s.first(ctx, "read run "+id, "SELECT at, stop, steps FROM runs WHERE id = ?", []any{clean(id)}, &at, &stop, &row.Steps)
	row.Saved, row.Stop = fromMicros(at), agent.Stop(stop)
	return row, err
}

// Pulse is another text whenever something that the lists show may have changed.
func (s *SQL) Pulse(ctx context.Context) (string, error) {
	var seen, run, wanted, wants int64
	err := s.first(ctx, "see whether anything changed", `SELECT (SELECT coalesce(max(seen), 0) FROM case_list),
		(SELECT coalesce(max(at), 0) FROM runs), CAST((SELECT coalesce(sum(wanted), 0) FROM wants) AS bigint), (SELECT COUNT(*) FROM wants)`,
		nil, &seen, &run, &wanted, &wants)
	return fmt.Sprint(seen, run, wanted, wants), err
}

// CasePulse is another text whenever a case was saved or its latest attempt went on.
func (s *SQL) CasePulse(ctx context.Context, fp hotfix.Fingerprint) (string, error) {
	var version int64
	err := s.first(ctx, "see whether case "+string(fp)+" changed", "SELECT version FROM cases WHERE fingerprint = ?", []any{clean(string(fp))}, &version)
	return fmt.Sprint(version), err
}
