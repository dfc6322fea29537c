package daemon

import (
	"context"
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
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
		return 0, fmt.Errorf("held back: %s", held[0].Because)
	}
	page := draftPage{Case: w.c, Draft: draft, Assessment: a, RunID: w.id, Base: draft.Patch.Base, Ready: publication == triage.ReadyPull,
		Steps: byHand(branch(w.c), draft), Form: form(w.bench.Tree), Mark: hotfix.ProofMark, Used: d.used(ctx, w),
		Proof: hotfix.NewProof(w.c.Repo, w.c.Fingerprint, draft.Patch, draft.Evidence, &a, reported(w.c).String()).JSON()}
	body, err := d.render("pr", page)
	if err != nil {
		return 0, err
	}
	title := line(styled(w.bench.Tree, draft.Title), 72)
	number, err := w.forge.OpenDraft(ctx, w.bench.Tree, hotfix.Proposal{
		Case: w.c.Fingerprint, Issue: w.c.Issue, Repo: w.c.Repo, Branch: branch(w.c), Ready: page.Ready,
		Title: title, Body: body,
		Commit: fmt.Sprintf("%s\n\n%s\n\nProposed by daemon-hotfix for issue %d.\n", title, wrap(draft.Explanation), w.c.Issue),
	})
	if err == nil { // so that commands on the draft are understood, and failures about it seen as our own doing
		_, err = d.cfg.Ledger.Own(ctx, w.c.Fingerprint, pullName(w.c.Repo, number))
	}
	return number, err
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
