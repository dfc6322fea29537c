package daemon

import (
	"context"
	"crypto/rand"
	"fmt"
	"hash/fnv"
	"io"
	"maps"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A shadow reads from a forge and writes nothing: whole decisions are made and kept in the store, and what would have
// been written gets a number that no issue has.
type shadow struct{ Forge }

// Shadow keeps every write from f. Its connection should refuse them as well: see forge.Config.ReadOnly.
func Shadow(f Forge) Forge { return shadow{f} }

// shadowed is the first number of what exists in the shadow only.
const shadowed = 1 << 30

func pretended(name string) int {
	h := fnv.New32a()
	_, _ = io.WriteString(h, name)
	return shadowed + int(h.Sum32()%(1<<28))
}

// SaveIssue finds the issue, or pretends that there is one.
func (s shadow) SaveIssue(ctx context.Context, i hotfix.Issue) (hotfix.Issue, error) {
	return s.FindIssue(ctx, i)
}

// FindIssue finds a real issue, or pretends that there is one.
func (s shadow) FindIssue(ctx context.Context, i hotfix.Issue) (hotfix.Issue, error) {
	if i.Number < shadowed {
		found, err := s.Forge.FindIssue(ctx, i)
		if err != nil || found.Number != 0 {
			return found, err
		}
	}
	i.Number, i.State, i.StateReason = pretended(i.Marker), "open", ""
	return i, nil
}

// CommentOnce writes nothing.
func (shadow) CommentOnce(context.Context, hotfix.Repo, int, string, redact.Text) error { return nil }

// SetState changes nothing.
func (shadow) SetState(context.Context, hotfix.Repo, int, string, string) error { return nil }

// OpenDraft pretends that there is a draft.
func (shadow) OpenDraft(_ context.Context, _ *sandbox.Tree, p hotfix.Proposal) (int, error) {
	return pretended(p.Branch), nil
}

// PullState knows that a draft which was never opened waits.
func (s shadow) PullState(ctx context.Context, repo hotfix.Repo, number int) (hotfix.Pull, error) {
	if number >= shadowed {
		return hotfix.Pull{Number: number, State: "open", Draft: true}, nil
	}
	return s.Forge.PullState(ctx, repo, number)
}

// A Would is what a daemon in the shadow would have done.
type Would struct {
	Since  time.Time      `json:"since"`
	Cases  int            `json:"cases"`  // problems that failed since
	Seen   int            `json:"seen"`   // failures of these, over all
	Issues int            `json:"issues"` // that would have been opened
	Drafts map[string]int `json:"drafts"` // that would have been opened, by tier
	Held   map[string]int `json:"held"`   // cases without a draft, by the rule that spoke first
}

// casePage is how many cases are read at once.
const casePage = 200

// WouldHave sums up what is in the store since a time.
func WouldHave(ctx context.Context, s interface {
	Cases(ctx context.Context, f store.CaseFilter) ([]hotfix.Case, error)
}, since time.Time) (Would, error) {
	w := Would{Since: since, Drafts: map[string]int{}, Held: map[string]int{}}
	for after := hotfix.Fingerprint(""); ; {
		page, err := s.Cases(ctx, store.CaseFilter{After: after, Limit: casePage})
		if err != nil {
			return w, fmt.Errorf("sum up: %w", err)
		}
		for _, c := range page {
			w.add(c)
		}
		if len(page) < casePage {
			return w, nil
		}
		after = page[len(page)-1].Fingerprint
	}
}

func (w *Would) add(c hotfix.Case) {
	if c.Last.Before(w.Since) || c.Fingerprint == pageCase {
		return
	}
	w.Cases++
	w.Seen += c.Count
	if c.Issue >= shadowed && !c.Opened.Before(w.Since) {
		w.Issues++
	}
	drafts := 0
	for _, a := range c.Attempts {
		if a.Outcome.Ending == hotfix.DraftOpened && a.Pull == 0 && !a.Ended.Before(w.Since) {
			drafts++
			tier := "unknown"
			if a.Outcome.Risk != nil {
				tier = a.Outcome.Risk.Tier.String()
			}
			w.Drafts[tier]++
		}
	}
	if drafts == 0 {
		w.Held[first(c)]++
	}
}

// first is the rule that keeps c from having a draft.
func first(c hotfix.Case) string {
	if n := len(c.Attempts); n > 0 && c.Decision.Action == hotfix.Fix {
		o := c.Attempts[n-1].Outcome
		if len(o.Refusals) > 0 {
			return o.Refusals[0].Rule
		}
		return string(o.Ending)
	}
	if len(c.Decision.Reasons) > 0 {
		return c.Decision.Reasons[0].Rule
	}
	return "none"
}

// Print writes the report for people.
func (w Would) Print(out io.Writer) error {
	fmt.Fprintf(out, "Since %s, with nothing written:\n\n%d problems failed, %d times over all.\n%d issues would have been opened.\n", w.Since.UTC().Format(time.RFC3339), w.Cases, w.Seen, w.Issues)
	for _, tier := range slices.Sorted(maps.Keys(w.Drafts)) {
		fmt.Fprintf(out, "%d drafts of %s risk would have been opened.\n", w.Drafts[tier], tier)
	}
	for _, rule := range slices.Sorted(maps.Keys(w.Held)) {
		fmt.Fprintf(out, "%d problems would have got no draft because of %s.\n", w.Held[rule], rule)
	}
	_, err := fmt.Fprintln(out)
	return err
}

// weekly logs once a week, over all processes and restarts, what would have been done in the week before.
func (d *Daemon) weekly(ctx context.Context) error {
	if !d.cfg.Shadow {
		return nil
	}
	monday := weekOf(d.cfg.Now())
	me := hotfix.Fingerprint("shadow-" + rand.Text())
	first, err := d.cfg.Ledger.Own(ctx, me, "shadow:"+monday.Format(time.DateOnly))
	if err != nil || first != me {
		return err
	}
	w, err := WouldHave(ctx, d.cfg.Store, monday.AddDate(0, 0, -7))
	if err != nil || w.Cases == 0 {
		return err
	}
	d.cfg.Log.Info("a week in the shadow", "since", w.Since, "cases", w.Cases, "seen", w.Seen, "issues", w.Issues, "drafts", w.Drafts, "held", w.Held)
	return nil
}

// weekOf is the Monday on or before t.
func weekOf(t time.Time) time.Time {
	t = t.UTC().Truncate(24 * time.Hour)
	return t.AddDate(0, 0, -(int(t.Weekday())+6)%7)
}
