package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// A draftPage is what texts/pr.md shows.
type draftPage struct {
	hotfix.Case
	tools.Draft
	Assessment hotfix.Assessment
	RunID      string
	Base       string
	Ready      bool
	Steps      string // commands that check the proof by hand
	Form       []formPart
	Rounds     int
	Mark       string
	Proof      string // for machines
	Used       string // of the budget
}

// open publishes a patch that has been proven and vetted, after a last look at whether it is still wanted.
func (d *Daemon) open(ctx context.Context, w *work, draft tools.Draft) (int, error) {
	settings, _ := ParseSettings(w.n.Settings)
	a := d.assess(w, draft.Patch, draft.Evidence) // what the proof did not need was taken out since
	w.risk = &a
	publication, held := settings.Narrow(d.cfg.Policy).Publish(a)
	if publication == triage.IssueOnly {
		return 0, withdrawn{held[0]}
	}
	page := draftPage{Case: w.c, Draft: draft, Assessment: a, RunID: w.id, Base: draft.Patch.Base, Ready: publication == triage.ReadyPull,
		Steps: byHand(branch(w.c), draft), Form: form(w.bench.Tree), Rounds: roundsMax, Mark: hotfix.ProofMark, Used: d.used(ctx, w),
		Proof: hotfix.NewProof(w.c.Repo, w.c.Fingerprint, draft.Patch, draft.Evidence, &a, reported(w.c).String()).JSON()}
	body, err := d.render("pr", page)
	if err != nil {
		return 0, err
	}
	w.explained = draft.Explanation
	title := line(styled(w.bench.Tree, draft.Title), 72)
	p := hotfix.Proposal{Case: w.c.Fingerprint, Issue: w.c.Issue, Repo: w.c.Repo, Branch: branch(w.c), Title: title, Body: body,
		Commit: fmt.Sprintf("%s\n\n%s\n\nProposed by daemon-hotfix for issue %d.\n", title, wrap(draft.Explanation), w.c.Issue)}
	if w.pull.Number != 0 {
		return d.update(ctx, w, p)
	}
	if err := d.lastLook(ctx, w, draft, p.Branch); err != nil {
		return 0, err
	}
	number, err := w.forge.OpenDraft(ctx, w.bench.Tree, p)
	if err != nil {
		return 0, err
	}
	// So that commands on the draft are understood, and failures about it seen as our own doing.
	if _, err = d.cfg.Ledger.Own(ctx, w.c.Fingerprint, pullName(w.c.Repo, number)); err != nil {
		return number, err
	}
	if pull, err := w.forge.PullState(ctx, w.c.Repo, number); err == nil {
		w.head = pull.HeadSHA // without it the draft only gets no further rounds
	}
	if page.Ready {
		return number, d.arm(ctx, w, number)
	}
	return number, nil
}

// update pushes a further commit onto the branch of a pull request that is under review.
func (d *Daemon) update(ctx context.Context, w *work, p hotfix.Proposal) (int, error) {
	p.Branch, p.Onto = w.pull.Head, w.onto
	head, err := w.forge.(Reviews).UpdateDraft(ctx, w.bench.Tree, p, w.pull.Number, w.head)
	if err != nil {
		return 0, err
	}
	w.head = head
	return w.pull.Number, nil
}

// arm has GitHub merge the pull request once its checks have passed. Where GitHub will not, a person has to.
func (d *Daemon) arm(ctx context.Context, w *work, number int) error {
	r, ok := w.forge.(Reviews)
	if ok {
		err := r.AutoMerge(ctx, w.c.Repo, number)
		if err == nil {
			return nil
		}
		d.cfg.Log.WarnContext(ctx, "auto-merge not armed", "case", w.c.Fingerprint, "pr", number, "err", err)
	}
	body, err := d.render("unarmed", nil)
	if err != nil {
		return err
	}
	return w.forge.CommentOnce(ctx, w.c.Repo, number, "unarmed", body)
}

// clone fetches the code to work on. A further round works on what it has proposed, as a change of what it started from.
func (d *Daemon) clone(ctx context.Context, w *work) (*sandbox.Tree, error) {
	at, plugin := w.c.Running(), w.c.Latest.Plugin
	if at == nil || at.Pull == 0 {
		return w.forge.Clone(ctx, plugin, w.dir)
	}
	pull, err := w.forge.PullState(ctx, w.c.Repo, at.Pull)
	if err != nil {
		return nil, err
	}
	_, base, _, _ := lineage(w.c, at.Pull)
	plugin.Ref = pull.Head
	t, err := w.forge.Clone(ctx, plugin, w.dir)
	if err != nil {
		return nil, err
	}
	w.pull, w.head = pull, t.Base
	return t, t.Rebase(base)
}

// withdrawn is why a patch that was proven is not published after all.
type withdrawn struct{ hotfix.Reason }

func (w withdrawn) Error() string { return w.Because }

// lastLook checks, at the moment of opening, that the patch still fits and is still wanted.
func (d *Daemon) lastLook(ctx context.Context, w *work, draft tools.Draft, branch string) error {
	no := func(rule, format string, args ...any) error {
		return withdrawn{hotfix.Reason{Rule: rule, Because: fmt.Sprintf(format, args...)}}
	}
	issue, err := w.forge.FindIssue(ctx, hotfix.Issue{Repo: w.c.Repo, Number: w.c.Issue, Marker: d.marker(w.c)})
	if err != nil {
		return err
	}
	if issue.State == "closed" {
		return no("issue-closed", "The issue was closed while the fix was being made.")
	}
	r, ok := w.forge.(Reviews)
	if !ok {
		return nil
	}
	rivals, err := r.Rivals(ctx, w.c.Repo, w.c.Issue, branch)
	if err != nil {
		return err
	}
	if len(rivals) > 0 {
		return no("rival-fix", "#%d fixes the issue already.", rivals[0])
	}
	changed, err := r.Changed(ctx, w.c.Repo, draft.Patch.Base)
	if err != nil {
		return err
	}
	for _, f := range draft.Patch.Files {
		if slices.Contains(changed, f.Path) {
			return no("base-moved", "%s was changed on the default branch since the commit that failed, so the proof is for older code.", f.Path)
		}
	}
	return nil
}

// byHand are commands by which a person sees the proof.
func byHand(branch string, draft tools.Draft) string {
	var sources []string
	for _, f := range draft.Patch.Files {
		if !f.Test && !f.New {
			sources = append(sources, f.Path)
		}
	}
	run := "# run the tests"
	if s := draft.Evidence.Suite; s != nil {
		run = command(s.Command)
	}
	return fmt.Sprintf("git fetch origin %s && git switch --detach FETCH_HEAD\n%s   # passes\ngit checkout %s -- %s\n%s   # the new test fails",
		branch, run, draft.Patch.Base, strings.Join(sources, " "), run)
}
