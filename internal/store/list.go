package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// notListed is the breaker's own record, which is no problem of a plugin.
const notListed hotfix.Fingerprint = "page"

// titleMax bounds a title in a list, in bytes.
const titleMax = 200

// list keeps what lists and charts show of c in step with it. counted is false for a case that was there before these
// tables were, or that came back from its issue: nobody knows when its failures were.
func (s *SQL) list(ctx context.Context, q querier, c hotfix.Case, counted bool) error {
	if c.Fingerprint == notListed {
		return nil
	}
	var old int64
	err := first(ctx, q, "SELECT failures FROM case_list WHERE fingerprint = ?", []any{clean(string(c.Fingerprint))}, &old)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return err
	}
	if err := s.putRow(ctx, q, c); err != nil {
		return err
	}
	for _, a := range c.Attempts {
		if err := putAttempt(ctx, q, c, a); err != nil {
			return err
		}
	}
	more := int64(c.Count) - old
	if !counted || more <= 0 {
		return nil
	}
	return tally(ctx, q, c, more)
}

func (s *SQL) putRow(ctx context.Context, q querier, c hotfix.Case) error {
	rule, ending := "", ""
	if len(c.Decision.Reasons) > 0 {
		rule = c.Decision.Reasons[0].Rule
	}
	if n := len(c.Attempts); n > 0 {
		ending = string(c.Attempts[n-1].Outcome.Ending)
	}
	args := []any{lane(c.Repo), clean(c.Repo.String()), pluginOf(c), oneLine(s.title(c.Latest)), clean(string(c.State)),
		int64(c.Decision.Action), int64(c.Decision.Risk), clean(rule), int64(c.Count), micros(c.First), micros(c.Last),
		int64(c.Issue), int64(c.PR()), int64(len(c.Attempts)), ending, clean(string(c.Fingerprint))}
	_, err := q.exec(ctx, `INSERT INTO case_list (lane, repo, plugin, title, state, action, risk, rule, failures, first, seen,
			issue, pr, attempts, ending, fingerprint) VALUES `+places(1, len(args))+`
		ON CONFLICT (fingerprint) DO UPDATE SET lane = excluded.lane, repo = excluded.repo, plugin = excluded.plugin,
			title = excluded.title, state = excluded.state, action = excluded.action, risk = excluded.risk,
			rule = excluded.rule, failures = excluded.failures, first = excluded.first, seen = excluded.seen,
			issue = excluded.issue, pr = excluded.pr, attempts = excluded.attempts, ending = excluded.ending`, args)
	return err
}

func putAttempt(ctx context.Context, q querier, c hotfix.Case, a hotfix.Attempt) error {
	_, err := q.exec(ctx, `INSERT INTO attempt_list (run, fingerprint, lane, started_by, started, ended, ending, pr, steps,
			tokens, cost) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
		ON CONFLICT (run) DO UPDATE SET ended = excluded.ended, ending = excluded.ending, pr = excluded.pr,
			steps = excluded.steps, tokens = excluded.tokens, cost = excluded.cost`,
		[]any{clean(a.RunID), clean(string(c.Fingerprint)), lane(c.Repo), clean(a.By), micros(a.Started), micros(a.Ended),
			string(a.Outcome.Ending), int64(a.Outcome.PR), int64(a.Steps), int64(a.Tokens), int64(math.Round(a.Cost * 1e6))})
	return err
}

// tally counts n more failures of c at the time of its latest. Its hour is the last row that is locked, so that
// transactions of one plugin wait for each other in a line and never in a circle.
func tally(ctx context.Context, q querier, c hotfix.Case, n int64) error {
	day := c.Last.UTC().Truncate(24 * time.Hour)
	_, err := q.exec(ctx, `INSERT INTO case_counts (day, fingerprint, n) VALUES (?, ?, ?)
		ON CONFLICT (fingerprint, day) DO UPDATE SET n = case_counts.n + excluded.n`,
		[]any{micros(day), clean(string(c.Fingerprint)), n})
	for _, hours := range []int64{24, 6, 1} {
		if err != nil {
			return err
		}
		at := c.Last.UTC().Truncate(time.Duration(hours) * time.Hour)
		_, err = q.exec(ctx, `INSERT INTO plugin_counts (span, at, plugin, n) VALUES (?, ?, ?, ?)
			ON CONFLICT (span, at, plugin) DO UPDATE SET n = plugin_counts.n + excluded.n`,
			[]any{hours, micros(at), pluginOf(c), n})
	}
	return err
}

func pluginOf(c hotfix.Case) string {
	return clean(cmp.Or(c.Latest.Plugin.ID, c.Repo.String(), "unknown"))
}

// headline is the first line of what failed.
func headline(f hotfix.Failure) string {
	line, _, _ := strings.Cut(strings.TrimSpace(f.Message.String()), "\n")
	return line
}

// oneLine is a title that fits into a list.
func oneLine(s string) string {
	s = strings.Join(strings.Fields(clean(s)), " ")
	if len(s) > titleMax {
		s = strings.ToValidUTF8(s[:titleMax], "") + "…"
	}
	return s
}

// listAll lists the cases that were saved before there were lists.
func (s *SQL) listAll(ctx context.Context) error {
	for {
		var missing []hotfix.Case
		err := s.db().query(ctx, `SELECT body FROM cases c WHERE fingerprint <> ?
			AND NOT EXISTS (SELECT 1 FROM case_list l WHERE l.fingerprint = c.fingerprint) LIMIT 200`, []any{string(notListed)}, func(r rows) error {
			var body string
			if err := r.Scan(&body); err != nil {
				return err
			}
			missing = append(missing, hotfix.Case{})
			return json.Unmarshal([]byte(body), &missing[len(missing)-1])
		})
		if err != nil || len(missing) == 0 {
			return err
		}
		err = s.Write(ctx, func(tx Tx) error {
			for _, c := range missing {
				if err := s.list(ctx, tx.querier(), c, false); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return err
		}
	}
}
