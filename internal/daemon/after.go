package daemon

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// Reviews is what the daemon asks of GitHub about pull requests of its own. A Forge that cannot is left alone.
type Reviews interface {
	Remarks(ctx context.Context, repo hotfix.Repo, number int) ([]hotfix.Remark, error)
	// Failing returns the checks of a commit that failed; done is false while some are still running.
	Failing(ctx context.Context, repo hotfix.Repo, sha string) (failed []hotfix.Check, done bool, err error)
	Answer(ctx context.Context, repo hotfix.Repo, number int, to string, body redact.Text) error
	// Changed returns the files that the default branch changed since base.
	Changed(ctx context.Context, repo hotfix.Repo, base string) ([]string, error)
	// Rivals returns open pull requests of others that fix the issue.
	Rivals(ctx context.Context, repo hotfix.Repo, issue int, branch string) ([]int, error)
	UpdateDraft(ctx context.Context, t *sandbox.Tree, p hotfix.Proposal, number int, head string) (string, error)
	AutoMerge(ctx context.Context, repo hotfix.Repo, number int) error
}

// roundsMax is how often a pull request of ours is worked on again.
const roundsMax = 3

// feedback looks at what people and checks say of an open pull request of ours, and asks for a further round where
// there is something to answer. A branch that somebody else has pushed to is theirs.
func (d *Daemon) feedback(ctx context.Context, forge Forge, c *hotfix.Case, pull hotfix.Pull) ([]hotfix.Occasion, error) {
	r, ok := forge.(Reviews)
	if !ok || pull.State != "open" || c.Ask != nil || c.Running() != nil || c.Stopped != "" || d.cfg.Policy.NoFix != "" {
		return nil, nil
	}
	head, base, rounds, answered := lineage(*c, pull.Number)
	if head == "" || base == "" || head != pull.HeadSHA {
		return nil, nil
	}
	if pull.Conflicts {
		return d.conflicting(ctx, forge, c, pull, rounds >= roundsMax || answered[conflictMark+head])
	}
	remarks, err := d.remarks(ctx, forge, r, c.Repo, pull.Number, answered)
	if err != nil {
		return nil, err
	}
	failed, done, err := r.Failing(ctx, c.Repo, head)
	if err != nil {
		return nil, fmt.Errorf("look at the checks of case %s: %w", c.Fingerprint, err)
	}
	ask := hotfix.Ask{By: byPolicy, Pull: pull.Number, At: d.cfg.Now()}
	for _, m := range remarks {
		ask.By = m.By
		ask.Answers = append(ask.Answers, m.ID)
	}
	for _, check := range failed {
		if id := fmt.Sprintf("check:%s@%.12s", check.Name, head); done && !answered[id] {
			ask.Answers = append(ask.Answers, id)
		}
	}
	if len(ask.Answers) == 0 {
		return nil, nil
	}
	if rounds >= roundsMax {
		body, err := d.render("rounds", roundsMax)
		if err != nil {
			return nil, err
		}
		return nil, forge.CommentOnce(ctx, c.Repo, pull.Number, "rounds", body)
	}
	ask.Hint = hint(remarks, failed)
	c.Ask = &ask
	return nil, nil
}

// lineage is what our attempts at one pull request have left: the commit at its tip, the base of the patch, how many
// further rounds were made, and what these answered.
func lineage(c hotfix.Case, number int) (head, base string, rounds int, answered map[string]bool) {
	answered = map[string]bool{}
	for _, a := range c.Attempts {
		if a.Pull == number {
			rounds++
			for _, id := range a.Answers {
				answered[id] = true
			}
		}
		if a.Outcome.PR == number && a.Outcome.Head != "" {
			head = a.Outcome.Head
			if a.Outcome.Patch != nil {
				base = a.Outcome.Patch.Base
			}
		}
	}
	return head, base, rounds, answered
}

// remarks are the ones of maintainers that nobody has answered yet. Commands are not remarks.
func (d *Daemon) remarks(ctx context.Context, forge Forge, r Reviews, repo hotfix.Repo, number int, answered map[string]bool) ([]hotfix.Remark, error) {
	all, err := r.Remarks(ctx, repo, number)
	if err != nil {
		return nil, err
	}
	var out []hotfix.Remark
	for _, m := range all {
		if answered[m.ID] || strings.HasPrefix(strings.TrimSpace(m.Body.String()), "/") {
			continue
		}
		level, err := forge.Permission(ctx, repo, m.By)
		if err != nil {
			return nil, err
		}
		if slices.Contains([]string{"admin", "maintain", "write"}, level) {
			out = append(out, m)
		}
	}
	return out, nil
}

// hint is what a round is told. What people wrote is quoted by the prompt, as every hint is.
func hint(remarks []hotfix.Remark, failed []hotfix.Check) redact.Text {
	var b strings.Builder
	b.WriteString("The tree holds the patch that was proposed before, and it is under review. Change it as far as the following is right and call open-pr again; " +
		"if nothing is to be changed, call give-up and say why.\n")
	for _, m := range remarks {
		where := ""
		if m.Path != "" {
			where = fmt.Sprintf(" on line %d of %s", m.Line, m.Path)
		}
		fmt.Fprintf(&b, "%s says%s: %s\n", m.By, where, redact.Cut(m.Body, 2000))
	}
	for _, check := range failed {
		fmt.Fprintf(&b, "The check %s failed: %s\n", check.Name, redact.Cut(check.Summary, 2000))
	}
	return redact.Scrub(b.String())
}

// conflicting has the change of a pull request that no longer fits carried over to the code as it is now. Where that was
// tried in vain, it closes the pull request and asks for a new attempt.
func (d *Daemon) conflicting(ctx context.Context, forge Forge, c *hotfix.Case, pull hotfix.Pull, tried bool) ([]hotfix.Occasion, error) {
	if !tried {
		c.Ask = &hotfix.Ask{By: byPolicy, Pull: pull.Number, At: d.cfg.Now(), Answers: []string{conflictMark + pull.HeadSHA}}
		return nil, nil
	}
	body, err := d.render("conflict", pull)
	if err != nil {
		return nil, err
	}
	if err := forge.CommentOnce(ctx, c.Repo, pull.Number, "conflict", body); err != nil {
		return nil, err
	}
	if err := forge.SetState(ctx, c.Repo, pull.Number, "closed", ""); err != nil {
		return nil, fmt.Errorf("close the draft of case %s: %w", c.Fingerprint, err)
	}
	fate(c, pull.Number, "outdated", redact.Text{})
	c.Ask = &hotfix.Ask{By: byPolicy, At: d.cfg.Now()}
	return []hotfix.Occasion{{On: hotfix.Rejected, By: hotfix.ByDaemon, At: d.cfg.Now(), Evidence: fmt.Sprintf("#%d", pull.Number),
		Because: fmt.Sprintf("#%d no longer fits the code and was closed; a new attempt is made.", pull.Number)}}, nil
}

// fate records what became of a pull request with the attempt that opened it.
func fate(c *hotfix.Case, number int, fate string, lesson redact.Text) {
	for i := range c.Attempts {
		if a := &c.Attempts[i]; a.Outcome.PR == number && a.Pull == 0 {
			a.Outcome.Fate, a.Outcome.Lesson = fate, lesson
		}
	}
}

// lessonMax bounds what is kept of one remark, in characters.
const lessonMax = 1000

// learn records how a pull request ended: merged as it was or with changes of others, or rejected, with what maintainers
// said last as the lesson for later attempts.
func (d *Daemon) learn(ctx context.Context, forge Forge, c *hotfix.Case, pull hotfix.Pull) error {
	head, _, _, _ := lineage(*c, pull.Number)
	switch {
	case pull.State == "merged" && head != "" && head != pull.HeadSHA:
		fate(c, pull.Number, "edited", redact.Text{})
	case pull.State == "merged":
		fate(c, pull.Number, "merged", redact.Text{})
	case pull.State == "closed":
		r, ok := forge.(Reviews)
		if !ok {
			fate(c, pull.Number, "rejected", redact.Text{})
			return nil
		}
		said, err := d.remarks(ctx, forge, r, c.Repo, pull.Number, nil)
		if err != nil {
			return fmt.Errorf("read why the draft of case %s was closed: %w", c.Fingerprint, err)
		}
		var lesson []redact.Text
		for _, m := range said[max(0, len(said)-3):] {
			lesson = append(lesson, redact.Cut(m.Body, lessonMax))
		}
		fate(c, pull.Number, "rejected", redact.Join(lesson, "\n"))
	}
	return nil
}

// reply answers to each remark that a round was about. It may be repeated.
func (d *Daemon) reply(ctx context.Context, w *work, o hotfix.Outcome) error {
	at := w.c.Running()
	r, ok := w.forge.(Reviews)
	if at == nil || at.Pull == 0 || !ok {
		return nil
	}
	body, err := d.render("round", struct{ Head, Says string }{o.Head, w.says(o)})
	if err != nil {
		return err
	}
	var errs []error
	for _, id := range at.Answers {
		errs = append(errs, r.Answer(ctx, w.c.Repo, at.Pull, id, body))
	}
	return errors.Join(errs...)
}

// says is what the agent says of its work.
func (w *work) says(o hotfix.Outcome) string {
	switch {
	case w.explained != "":
		return w.explained
	case len(o.Refusals) > 0:
		return o.Refusals[0].Because
	}
	return o.Says.String()
}
