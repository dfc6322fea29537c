package daemon

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// conflictMark begins the name of a conflict among what a round answers.
const conflictMark = "conflict@"

// carries reports whether the attempt is to carry a proposed change over to code that has moved on.
func carries(at *hotfix.Attempt) bool {
	return at != nil && slices.ContainsFunc(at.Answers, func(id string) bool { return strings.HasPrefix(id, conflictMark) })
}

// carry makes the change of a pull request that conflicts anew on the code as it is now, proves it there and pushes it as
// a merge. No model is asked: either the change still fits in one way, or a new attempt is needed.
func (d *Daemon) carry(ctx context.Context, w *work) (hotfix.Outcome, error) {
	at := w.c.Running()
	refused := func(rule, because string) (hotfix.Outcome, error) {
		return hotfix.Outcome{Ending: hotfix.Refused, Refusals: []hotfix.Reason{{Rule: rule, Because: because}}}, nil
	}
	pull, err := w.forge.PullState(ctx, w.c.Repo, at.Pull)
	if err != nil {
		return hotfix.Outcome{}, err
	}
	head, was := proposedAs(w.c, at.Pull)
	if pull.State != "open" || head != pull.HeadSHA || was == nil {
		return refused("conflict", "The pull request is not as it was left.")
	}
	plugin := w.c.Latest.Plugin
	plugin.Ref = pull.Base
	if w.bench.Tree, err = w.forge.Clone(ctx, plugin, w.dir); err != nil {
		return hotfix.Outcome{}, err
	}
	t := w.bench.Tree
	tc := t.Toolchain()
	if err := t.Reapply(was.Diff); err != nil || tc == nil {
		return refused("conflict", fmt.Sprintf("The change cannot be carried over to the code as it is now: %v.", err))
	}
	patch, err := t.Patch(tc)
	if err != nil {
		return hotfix.Outcome{}, err
	}
	prover := w.bench.Proof
	prover.Box, prover.Origin = w.bench.Box, false // which commit brought the fault in is known
	e, err := prover.Prove(ctx, t, tc, patch)
	if err != nil {
		return hotfix.Outcome{}, err
	}
	o := hotfix.Outcome{Ending: hotfix.Refused, Patch: &patch, Evidence: e, Refusals: append(e.Gaps, w.bench.Vet(patch, e)...), Risk: w.risk}
	if len(o.Refusals) > 0 {
		return o, nil
	}
	w.pull, w.head, w.onto = pull, head, t.Base
	draft := tools.Draft{Title: "Carry the change over to " + pull.Base, Explanation: explained(pull.Body), Patch: patch, Evidence: e}
	if o.PR, err = d.open(ctx, w, draft); err != nil {
		return o, err
	}
	w.explained = fmt.Sprintf("The change was made anew on %s as it is now, and proven there.", pull.Base)
	o.Ending, o.Refusals, o.Risk, o.Head = hotfix.DraftOpened, nil, w.risk, w.head
	return o, nil
}

// proposedAs is the tip that our attempts have left at a pull request, and the patch in it.
func proposedAs(c hotfix.Case, number int) (head string, p *hotfix.Patch) {
	for _, a := range c.Attempts {
		if a.Outcome.PR == number && a.Outcome.Head != "" {
			head, p = a.Outcome.Head, a.Outcome.Patch
		}
	}
	return head, p
}

// explained is what a pull request of ours says of the change.
func explained(body redact.Text) string {
	_, after, _ := strings.Cut(body.String(), "### What was wrong, and why this fixes it\n")
	says, _, _ := strings.Cut(after, "\n### ")
	return strings.TrimSpace(says)
}
