package daemon

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// editEvery is how often an issue is edited when nothing but its figures has changed.
const editEvery = 15 * time.Minute

// Report makes the one issue of a case match the case. Doing it twice is doing it once. Figures alone wait until the
// issue has stood for a while; the next watch takes them up.
func (d *Daemon) Report(ctx context.Context, fp hotfix.Fingerprint) error {
	c, unlock, err := d.locked(ctx, fp)
	if err != nil {
		return err
	}
	defer unlock()
	forge, n, err := d.forge(ctx, c)
	if err != nil {
		return err
	}
	if d.mayWait(c) {
		found, err := forge.FindIssue(ctx, hotfix.Issue{Repo: c.Repo, Number: c.Issue, Marker: d.marker(c)})
		if err != nil {
			return fmt.Errorf("look at the issue of case %s: %w", fp, err)
		}
		if found.State == c.Shown.State {
			return nil
		}
	}
	return d.report(ctx, forge, &c, n)
}

// mayWait reports whether the issue of c says all but the latest figures, and was edited a short while ago. Where the
// issue is the only store, nothing waits.
func (d *Daemon) mayWait(c hotfix.Case) bool {
	return !d.cfg.Recall && c.Issue != 0 && !d.doubtful(c) && c.Shown.As == saying(c) && d.cfg.Now().Before(c.Shown.At.Add(editEvery))
}

// listed is when every list of GitHub shows an issue that was made.
const listed = 2 * time.Minute

// doubtful reports whether a twin of c's issue may have been made that no list showed then: by a process that died,
// or whose answer was lost.
func (d *Daemon) doubtful(c hotfix.Case) bool {
	return unsure(c) && !d.cfg.Now().Before(c.Shown.Made.Add(listed))
}

func unsure(c hotfix.Case) bool {
	return c.Issue != 0 && !c.Shown.Sure && c.Fingerprint != pageCase && !c.Shown.Made.IsZero()
}

// closeTwins looks for c's issue as if it were new, once it is in every list. Of several, the first stays. It reports
// whether it looked.
func (d *Daemon) closeTwins(ctx context.Context, forge Forge, c *hotfix.Case, s Settings) (looked bool, err error) {
	if !d.doubtful(*c) {
		return false, nil
	}
	at := hotfix.Issue{Repo: c.Repo, Number: c.Issue, Marker: d.marker(*c)}
	if now, err := forge.FindIssue(ctx, at); err != nil || now.Number == 0 { // it is gone, and none must take its place
		return false, err
	}
	at.Number = 0
	first, err := forge.FindIssue(ctx, at)
	if err != nil || first.Number == 0 || first.Number == c.Issue && len(first.Twins) == 0 {
		return err == nil, err
	}
	now := *c
	now.Issue = 0
	found, err := d.writeIssue(ctx, forge, &now, s)
	if err == nil {
		c.Issue = found.Number
	}
	return err == nil, err
}

// saying is a digest of what the issue of c says besides figures and the latest failure's particulars.
func saying(c hotfix.Case) string {
	rules := []string{}
	for _, r := range c.Decision.Reasons {
		rules = append(rules, r.Rule)
	}
	var endings []hotfix.Ending
	for _, a := range c.Attempts {
		endings = append(endings, a.Outcome.Ending)
	}
	text, err := json.Marshal([]any{c.State, c.Decision.Action, c.Decision.Risk, rules, endings, c.PR(), len(c.Audit), len(c.Moves), c.DupOf, c.Snooze,
		c.Stopped, c.Denied, c.Loud, c.Fingerprint == pageCase && c.Count > c.Told})
	if err != nil {
		panic(err) // strings and numbers
	}
	sum := sha256.Sum256(text)
	return hex.EncodeToString(sum[:8])
}

// report saves the issue, takes in what people did with it, and remembers how it was left. The caller holds the lock
// of the case.
func (d *Daemon) report(ctx context.Context, forge Forge, c *hotfix.Case, n hotfix.Notice) error {
	settings, _ := ParseSettings(n.Settings)
	sure, err := d.closeTwins(ctx, forge, c, settings)
	if err != nil {
		return fmt.Errorf("look for twins of the issue of case %s: %w", c.Fingerprint, err)
	}
	if err := d.catchUp(ctx, forge, c, settings); err != nil {
		return err
	}
	found, err := d.saveIssue(ctx, forge, c, settings)
	if err != nil && d.denied(c, err) {
		found, err = d.saveIssue(ctx, forge, c, settings)
	}
	if err == nil {
		found, err = d.takeIn(ctx, forge, c, found, settings)
	}
	if gone(err) && c.Issue != 0 {
		return d.lost(ctx, c)
	}
	if err != nil {
		return fmt.Errorf("save issue in %s: %w", c.Repo, err)
	}
	d.cfg.Log.InfoContext(ctx, "issue saved", "case", c.Fingerprint, "repo", c.Repo, "issue", found.Number, "state", found.State)
	c.Issue, c.Told, c.Shown.Sure = found.Number, c.Count, c.Shown.Sure || sure
	made := c.Shown.Made.IsZero()
	if made {
		c.Shown.Made = d.cfg.Now()
	}
	c.Shown.At, c.Shown.As = d.cfg.Now(), saying(*c)
	if want, reason := wanted(c.State); found.State != want {
		if err := forge.SetState(ctx, c.Repo, c.Issue, want, reason); err != nil {
			return fmt.Errorf("set the issue of case %s to %s: %w", c.Fingerprint, want, err)
		}
		c.Shown.State = want
	} else {
		c.Shown.State = found.State
	}
	if err := d.louder(ctx, forge, c); err != nil {
		return err
	}
	if err := d.agree(ctx, forge, c, settings); err != nil {
		return err
	}
	if made {
		d.release(ctx, forge, *c)
	}
	if n := len(c.Past); n > 0 { // so that commands on the issue before are understood
		if _, err := d.cfg.Ledger.Own(ctx, c.Fingerprint, pullName(c.Repo, c.Past[n-1])); err != nil {
			return err
		}
	}
	if err := d.cfg.Store.SaveCase(ctx, *c); err != nil {
		return fmt.Errorf("save case %s: %w", c.Fingerprint, err)
	}
	d.cfg.Watch(Event{Fingerprint: c.Fingerprint, Case: c})
	return nil
}

// takeIn lets the case learn from its issue as it was found, and has the issue say so.
func (d *Daemon) takeIn(ctx context.Context, forge Forge, c *hotfix.Case, found hotfix.Issue, s Settings) (hotfix.Issue, error) {
	c.Issue = found.Number
	moved := d.heed(c, found, s.Window())
	if moved {
		if err := nameMover(ctx, forge, c, found.Number); err != nil {
			return found, err
		}
	}
	if lacking := unlabelled(c, found); !moved && !lacking {
		return found, nil
	}
	return d.saveIssue(ctx, forge, c, s)
}

// unlabelled takes in that the issue was made without some labels, and reports whether it was.
func unlabelled(c *hotfix.Case, found hotfix.Issue) bool {
	if !found.Unlabelled.Empty() {
		c.Unlabelled = found.Unlabelled
	}
	return !found.Unlabelled.Empty()
}

// wanted is how the issue of a case in this state should stand. Only what a person does not want is closed as not
// planned, so that whatever is closed so without us is a person's word.
func wanted(s hotfix.State) (state, reason string) {
	switch {
	case s == hotfix.Ignored || s == hotfix.Duplicated:
		return "closed", "not_planned"
	case s.Settled():
		return "closed", "completed"
	}
	return "open", "reopened"
}

// heed takes in what a person did with the issue since we left it, and reports whether that moved the case. A failure
// that came longer than window after a person closed the issue leaves that issue closed.
func (d *Daemon) heed(c *hotfix.Case, found hotfix.Issue, window time.Duration) bool {
	left, at := c.Shown.State, found.ClosedAt
	if left == "" {
		left, _ = wanted(c.State)
	}
	if at.IsZero() || at.After(d.cfg.Now()) { // two clocks that do not agree: it was after we saw it open
		at = c.Shown.At
	}
	o := hotfix.Occasion{By: somebody, At: at, Evidence: fmt.Sprintf("#%d", found.Number)}
	switch {
	case found.State == "closed" && c.Running() != nil && c.Running().By != byPolicy:
		return false // a person asked for what is under way; the issue is opened again
	case found.State == "closed" && found.StateReason == "not_planned":
		o.On, o.Because = hotfix.Unwanted, "The issue was closed as not planned."
	case found.State == "closed" && left == "open":
		o.On, o.Because = hotfix.Completed, "The issue was closed as completed."
	case found.State == "open" && left == "closed":
		o.On, o.At, o.Because = hotfix.TakenUp, d.cfg.Now(), "The issue was reopened."
	default:
		return false
	}
	moved := c.Take(o)
	if f := c.Latest; moved && c.State == hotfix.Closed && c.Count > c.Told && f.When().After(at.Add(hotfix.Slack)) {
		c.Take(hotfix.Occasion{On: hotfix.Failed, By: hotfix.ByDaemon, At: f.When(), Because: "It failed again after the issue was closed as completed.",
			Evidence: "failure " + f.ID})
		if f.When().Sub(at) > window {
			c.Leave()
			c.Opened = d.cfg.Now()
		}
	}
	return moved
}

// lost records that the issue is not there any more. Nothing takes its place: whoever removed it did not want it.
func (d *Daemon) lost(ctx context.Context, c *hotfix.Case) error {
	c.Take(hotfix.Occasion{On: hotfix.Unwanted, By: somebody, At: d.cfg.Now(), Because: "The issue was deleted, or moved to another repository.", Evidence: fmt.Sprintf("#%d", c.Issue)})
	c.Told = c.Count
	d.cfg.Log.WarnContext(ctx, "issue is gone", "case", c.Fingerprint, "repo", c.Repo, "issue", c.Issue)
	if err := d.cfg.Store.SaveCase(ctx, *c); err != nil {
		return fmt.Errorf("save case %s: %w", c.Fingerprint, err)
	}
	return nil
}

// gone reports whether GitHub has an issue no more.
func gone(err error) bool {
	var no interface{ Gone() bool }
	return errors.As(err, &no) && no.Gone()
}

// Priority of a case that escalates.
const priorityLabel = "priority: high"

// twinsMax bounds how often the issue of a case is looked at again because others were making it.
const twinsMax = 5

// saveIssue renders the case and makes its issue say so.
func (d *Daemon) saveIssue(ctx context.Context, forge Forge, c *hotfix.Case, s Settings) (hotfix.Issue, error) {
	for range twinsMax {
		if err := d.remember(ctx, forge, c, s); err != nil {
			return hotfix.Issue{}, err
		}
		found, err := d.writeIssue(ctx, forge, c, s)
		if err != nil || !found.Theirs {
			return found, err
		}
		if d.cfg.Recall { // lists may not show it yet
			c.Issue = found.Number
			if err := d.catchUp(ctx, forge, c, s); err != nil {
				return hotfix.Issue{}, err
			}
		}
	}
	return hotfix.Issue{}, fmt.Errorf("others keep opening issues for case %s", c.Fingerprint)
}

func (d *Daemon) writeIssue(ctx context.Context, forge Forge, c *hotfix.Case, s Settings) (hotfix.Issue, error) {
	body, err := d.issueBody(*c, s)
	if err != nil {
		return hotfix.Issue{}, err
	}
	want := d.wantedIssue(*c)
	if d.cfg.Recall && c.Fingerprint != pageCase {
		want.Lease = string(c.Fingerprint)
	}
	want.Title, want.Body, want.Labels = line(triage.Title(c.Latest), 120), body, s.IssueLabels
	raise := c.State == hotfix.Escalating && c.Raised.IsZero()
	if raise {
		want.Raise = []string{priorityLabel}
	}
	found, err := forge.SaveIssue(ctx, want)
	if err == nil && raise {
		c.Raised = d.cfg.Now()
	}
	return found, err
}
