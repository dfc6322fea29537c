package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Drop is how often failures of one repository led to no case for one reason.
type Drop struct {
	Rule    string    `json:"rule"`
	Event   string    `json:"event"`
	Repo    string    `json:"repo,omitempty"` // of the plugin or run that failed, "" if it is not known
	Because string    `json:"because"`
	Notice  string    `json:"notice"` // the latest
	N       int       `json:"n"`
	First   time.Time `json:"first"`
	Last    time.Time `json:"last"`
}

// DropOf is the drop of one notice.
func DropOf(n hotfix.Notice, repo hotfix.Repo, why hotfix.Reason) Drop {
	return Drop{Rule: why.Rule, Event: n.Event, Repo: lane(repo), Because: why.Because, Notice: n.ID, N: 1}
}

// dropsMax is how many drops are listed.
const dropsMax = 200

// SaveDrop counts d. The same notice, told twice in a row, counts once.
func (s *SQL) SaveDrop(ctx context.Context, d Drop) error {
	now := micros(s.now())
	err := s.Write(ctx, func(tx Tx) error {
		_, err := tx.querier().exec(ctx, `INSERT INTO drops (rule, event, repo, because, notice, n, first, last) VALUES (?, ?, ?, ?, ?, 1, ?, ?)
			ON CONFLICT (rule, event, repo) DO UPDATE SET n = drops.n + CASE WHEN drops.notice = excluded.notice THEN 0 ELSE 1 END,
			because = excluded.because, notice = excluded.notice, last = excluded.last`,
			[]any{clean(d.Rule), clean(d.Event), clean(d.Repo), clean(d.Because), clean(d.Notice), now, now})
		return err
	})
	if err != nil {
		return fmt.Errorf("count dropped notice %s: %w", d.Notice, err)
	}
	return nil
}

// Drops lists why failures led to no case, the latest first.
func (s *SQL) Drops(ctx context.Context) ([]Drop, error) {
	list := []Drop{}
	err := s.db().query(ctx, "SELECT rule, event, repo, because, notice, n, first, last FROM drops ORDER BY last DESC, rule, event, repo LIMIT ?",
		[]any{int64(dropsMax)}, func(r rows) error {
			var d Drop
			var n, first, last int64
			err := r.Scan(&d.Rule, &d.Event, &d.Repo, &d.Because, &d.Notice, &n, &first, &last)
			d.N, d.First, d.Last = int(n), fromMicros(first), fromMicros(last)
			list = append(list, d)
			return err
		})
	if err != nil {
		return nil, fmt.Errorf("list dropped failures: %w", classify(err))
	}
	return list, nil
}

// SaveDrop is as SQL.SaveDrop.
func (v *Volatile) SaveDrop(_ context.Context, d Drop) error {
	v.mu.Lock()
	defer v.mu.Unlock()
	i := slices.IndexFunc(v.drops, func(o Drop) bool { return o.Rule == d.Rule && o.Event == d.Event && o.Repo == d.Repo })
	if i < 0 {
		d.N = 1
		v.drops = append(v.drops, d)
		return nil
	}
	old := &v.drops[i]
	if old.Notice != d.Notice {
		old.N++
	}
	old.Because, old.Notice = d.Because, d.Notice
	return nil
}

// Drops is as SQL.Drops, by rule: there is no clock.
func (v *Volatile) Drops(context.Context) ([]Drop, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.SortedFunc(slices.Values(v.drops), func(a, b Drop) int { return cmp.Compare(a.Rule+a.Event+a.Repo, b.Rule+b.Event+b.Repo) }), nil
}
