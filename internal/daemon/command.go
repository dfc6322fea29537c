package daemon

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// An asking is one command while it is carried out. The case's lock is held where there is a case.
type asking struct {
	hotfix.Command
	n     hotfix.Notice
	forge Forge
	verb  verb
	c     *hotfix.Case // nil if the comment is on no issue of ours
	line  hotfix.AuditLine
	next  []hotfix.Next // what to do after the case was saved
	has   string        // the author's permission
	ran   *ran          // tests that were asked for
	wrong string        // what was wrong with the arguments, for the answer
}

// asked does what a person wrote in a comment, and answers there.
func (d *Daemon) asked(ctx context.Context, n hotfix.Notice) (hotfix.Fingerprint, []hotfix.Next, error) {
	a := &asking{Command: *n.Command, n: n, forge: d.cfg.Connect(n.Token), verb: findVerb(n.Command.Verb)}
	var err error
	if a.has, err = a.forge.Permission(ctx, a.Repo, a.By); err != nil {
		return "", nil, fmt.Errorf("look up what %s may do in %s: %w", a.By, a.Repo, err)
	}
	fp, err := d.caseOf(ctx, a.Repo, a.Issue)
	if errors.Is(err, store.ErrNotFound) && a.outright() == "" {
		fp, err = d.recoverNumber(ctx, a)
	}
	if errors.Is(err, store.ErrNotFound) {
		return "", nil, d.answer(ctx, a, cmp.Or(a.outright(), "unknown-issue"))
	}
	if err != nil {
		return "", nil, fmt.Errorf("find the case of %s#%d: %w", a.Repo, a.Issue, err)
	}
	next, err := d.carryOut(ctx, fp, a)
	return fp, next, err
}

// outright is the answer that is given whatever the case says, "" if there is none.
func (a *asking) outright() string {
	switch {
	case !enough(a.has, a.verb.needs):
		return "forbidden"
	case a.verb.run == nil:
		return "help"
	}
	return ""
}

// enough reports whether who has a permission has the one that is needed.
func enough(has, needs string) bool {
	rank := map[string]int{"read": 1, "triage": 2, "write": 3, "maintain": 4, "admin": 5}
	return rank[has] >= rank[needs]
}

// caseOf finds the case of an issue of ours, or of a draft pull request of ours.
func (d *Daemon) caseOf(ctx context.Context, repo hotfix.Repo, number int) (hotfix.Fingerprint, error) {
	fp, err := d.cfg.Store.Find(ctx, repo, number)
	if errors.Is(err, store.ErrNotFound) {
		return d.cfg.Ledger.Owner(ctx, pullName(repo, number))
	}
	return fp, err
}

// carryOut does what is asked with the case, once for each comment, and answers.
func (d *Daemon) carryOut(ctx context.Context, fp hotfix.Fingerprint, a *asking) ([]hotfix.Next, error) {
	c, unlock, err := d.locked(ctx, fp)
	if err != nil {
		return nil, err
	}
	defer unlock()
	a.c = &c
	if done := c.Noted(a.ID); done != nil {
		a.line, a.wrong = *done, done.Wrong // saved by an earlier try, or delivered twice: only what may be missing is made up for
	} else if a.line, err = d.perform(ctx, a); err != nil {
		return nil, err
	}
	if last := len(c.Audit) - 1; last >= 0 && c.Audit[last].Comment == a.ID {
		if err := d.settle(ctx, a); err != nil {
			return nil, err
		}
	}
	return a.next, d.answer(ctx, a, a.line.Answer)
}

// perform changes the case and saves it with a line that says who asked. What changes nothing leaves a line too, and
// the issue as it is.
func (d *Daemon) perform(ctx context.Context, a *asking) (hotfix.AuditLine, error) {
	line := hotfix.AuditLine{Comment: a.ID, Actor: a.By, Verb: a.verb.name, Args: a.Args, At: a.At.UTC().Truncate(time.Second),
		Answer: a.outright(), Was: a.c.State}
	if line.Answer == "" {
		var err error
		if line.Answer, err = a.verb.run(ctx, d, a); err != nil {
			return line, fmt.Errorf("%s case %s: %w", a.verb.name, a.c.Fingerprint, err)
		}
		if line.Wrong = a.wrong; a.wrong == "" {
			line.Inverse = a.verb.inverse
		}
	}
	a.c.Note(line)
	if line.Inverse != "" {
		a.c.Via = a.n.ID
	}
	if err := d.cfg.Store.SaveCase(ctx, *a.c, a.next...); err != nil {
		return line, fmt.Errorf("save case %s: %w", a.c.Fingerprint, err)
	}
	d.cfg.Log.InfoContext(ctx, "command carried out", "case", a.c.Fingerprint, "comment", a.ID, "verb", line.Verb, "by", line.Actor)
	d.cfg.Watch(Event{Fingerprint: a.c.Fingerprint, Case: a.c})
	return line, nil
}

// settle makes the issue open or closed as the latest command wants it.
func (d *Daemon) settle(ctx context.Context, a *asking) error {
	state, reason := "", ""
	switch a.verb.name {
	case "ignore", "dup":
		state, reason = "closed", "not_planned"
	case "unignore", "undup":
		state, reason = "open", "reopened"
	case "retry", "fix":
		if a.line.Was == hotfix.Ignored || a.line.Was.Settled() {
			state, reason = "open", "reopened"
		}
	}
	if state == "" || a.c.Issue == 0 {
		return nil
	}
	if err := a.forge.SetState(ctx, a.c.Repo, a.c.Issue, state, reason); err != nil {
		return fmt.Errorf("set issue of case %s to %s: %w", a.c.Fingerprint, state, err)
	}
	return nil
}

// An answerPage is what texts/answer-*.md show.
type answerPage struct {
	hotfix.Command
	Case  *hotfix.Case
	Line  hotfix.AuditLine
	Needs string // permission
	Has   string
	Wrong string
	Usage string
	Verbs []verb
	Class hotfix.Class
	Ran   *ran
}

// answer posts the text of this name once for the comment that asked.
func (d *Daemon) answer(ctx context.Context, a *asking, name string) error {
	if a.Issue == 0 { // asked of a case that has none
		return nil
	}
	page := answerPage{Command: a.Command, Case: a.c, Line: a.line, Needs: a.verb.needs, Has: a.has, Wrong: a.wrong, Usage: a.verb.usage(), Verbs: verbs(), Ran: a.ran}
	body, err := d.render("answer-"+name, page)
	if err != nil {
		return err
	}
	body = redact.Join([]redact.Text{body, d.signature(a)}, "\n")
	if err := a.forge.CommentOnce(ctx, a.Repo, a.Issue, "answer-"+a.ID, body); err != nil {
		return fmt.Errorf("answer comment %s in %s#%d: %w", a.ID, a.Repo, a.Issue, err)
	}
	d.cfg.Log.InfoContext(ctx, "command answered", "comment", a.ID, "verb", a.Verb, "by", a.By, "answer", name)
	return nil
}
