package tools

import (
	"context"
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

type openPRArgs struct {
	Title       string `json:"title" doc:"At most 72 characters, such as: handle issues without a body."`
	Explanation string `json:"explanation" doc:"For the reviewer, two to five plain sentences: the cause, and why the change removes it."`
	Risk        string `json:"risk,omitempty" doc:"What the change could break."`
}

var openPR = define("open-pr",
	"Prove your changes and open a draft pull request, or hear why not. Not called if a call before it in the same reply fails.",
	func(ctx context.Context, b *Bench, args openPRArgs) (agent.Result, error) {
		if err := args.check(); err != nil {
			return agent.Result{}, err
		}
		return b.propose(ctx, args)
	}).ending().needing(func(b *Bench) bool { return b.Box != nil && b.Open != nil })

// propose proves what is changed, asks the policy and opens the draft.
func (b *Bench) propose(ctx context.Context, args openPRArgs) (agent.Result, error) {
	t, tc, err := b.toolchain(ctx)
	if err != nil {
		return agent.Result{}, err
	}
	patch, err := t.Patch(tc)
	if err != nil {
		return agent.Result{}, err
	}
	if err := worthProving(patch); err != nil {
		return agent.Result{}, err
	}
	b.progress("proving the patch")
	v := b.Proof
	v.Box, v.Progress = b.Box, func(what string) { b.progress("%s", what) }
	e, err := v.Prove(ctx, t, tc, patch)
	if err != nil {
		return agent.Result{}, err
	}
	b.Patch, b.Evidence, b.Refused = &patch, e, b.vet(patch, e)
	if len(b.Refused) > 0 {
		told := refusal(b.Refused)
		return agent.Result{Text: told + b.shown(e), Pin: true, Facts: []string{told}}, nil
	}
	if patch, e, err = v.Minimal(ctx, t, tc, patch, e); err != nil {
		return agent.Result{}, err
	}
	b.Patch, b.Evidence = &patch, e
	return b.publish(ctx, args)
}

// Submit proposes what a run left in the tree when it ended before open-pr, in the words of the caller. It reports
// whether a draft was opened; a patch that was refused before and has not changed since is not tried again.
func Submit(ctx context.Context, b *Bench, d Draft) (bool, error) {
	if b.Tree == nil || b.PR != 0 || b.Box == nil || b.Open == nil {
		return false, nil
	}
	now, err := b.Tree.Patch(b.Tree.Toolchain())
	if err != nil {
		return false, err
	}
	if len(b.Refused) > 0 && b.Patch != nil && b.Patch.Diff == now.Diff {
		return false, nil
	}
	_, err = b.propose(ctx, openPRArgs{Title: d.Title, Explanation: d.Explanation, Risk: d.Risk})
	var m interface{ ForModel() string }
	if errors.As(err, &m) {
		return false, nil
	}
	return b.PR != 0, err
}

func (a openPRArgs) check() error {
	switch {
	case strings.TrimSpace(a.Title) == "" || strings.Contains(strings.TrimSpace(a.Title), "\n"):
		return mistakef("title must be one line")
	case len([]rune(a.Title)) > 120:
		return mistakef("title has %d characters, want at most 72", len([]rune(a.Title)))
	case len(strings.Fields(a.Explanation)) < 5:
		return mistakef("explanation is too short: say what the cause was and why the change removes it")
	}
	return nil
}

// worthProving refuses what needs no tests to be refused.
func worthProving(p hotfix.Patch) error {
	tests, code := 0, 0
	for _, f := range p.Files {
		if f.Test && !f.Deleted {
			tests++
		} else {
			code++
		}
	}
	switch {
	case tests+code == 0:
		return mistakef("nothing is changed yet: use write-patch first")
	case tests == 0:
		return mistakef("the patch adds no test: add one that fails for the reported reason without the fix")
	case code == 0:
		return mistakef("the patch holds tests only: fix the code as well, or call give-up if that cannot be done")
	}
	return nil
}

// vet gathers every reason against publishing. Where nobody can be asked, nothing may pass.
func (b *Bench) vet(p hotfix.Patch, e hotfix.Evidence) []hotfix.Reason {
	var out []hotfix.Reason
	if !e.Proves() {
		out = unproven(e)
	}
	if b.Vet == nil {
		return append(out, hotfix.Reason{Rule: "policy", Because: "There is no policy to ask, so nothing may be published."})
	}
	for _, r := range b.Vet(p, e) {
		if !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	return out
}

// unproven says what is missing from a proof.
func unproven(e hotfix.Evidence) []hotfix.Reason {
	if len(e.Gaps) > 0 {
		return slices.Clone(e.Gaps)
	}
	because := fmt.Sprintf("The proof is incomplete: %d runs on the old code, %d on the new, all tests run: %t.", len(e.Before), len(e.After), e.Suite != nil)
	return []hotfix.Reason{{Rule: "proof", Because: because}}
}

// refusal tells the model why.
func refusal(reasons []hotfix.Reason) string {
	var b strings.Builder
	b.WriteString("Not opened:\n")
	for _, r := range reasons {
		fmt.Fprintf(&b, "- %s (%s)\n", r.Because, r.Rule)
	}
	b.WriteString("Mend these with write-patch and call open-pr again, or call give-up if that cannot be done.\n")
	return b.String()
}

// comparedMax is how many characters are shown of each of two texts that do not agree.
const comparedMax = 1200

// shown is the output of the run that says most about a refusal, with what was reported where the two do not agree.
func (b *Bench) shown(e hotfix.Evidence) string {
	for _, run := range e.After {
		if !run.Passed {
			return "\n" + report(run, runTestsArgs{})
		}
	}
	if e.Suite != nil && !e.Suite.Passed {
		return "\n" + report(*e.Suite, runTestsArgs{})
	}
	if !slices.ContainsFunc(e.Gaps, func(r hotfix.Reason) bool { return r.Rule == "reported-reason" }) {
		return ""
	}
	said := fmt.Sprintf("\n--- reported ---\n%s\n", clip(b.Proof.Reported.String(), comparedMax))
	for i, run := range e.Before {
		if i == 0 || run.Command != e.Before[i-1].Command {
			said += fmt.Sprintf("--- the added test on the old code ---\n%s\n", focus(run.Output.String(), comparedMax))
		}
	}
	return said
}

// trailer is a line that git or GitHub reads as more than words: who else wrote, signed or approved it.
var trailer = regexp.MustCompile(`(?mi)^[ \t>*_-]*[a-z]+(?:-[a-z]+)*-(?:by|of|to):.*$\n?`)

// spoken is what the model says without lines that would speak for others.
func spoken(s string) string { return strings.TrimSpace(trailer.ReplaceAllString(s, "")) }

// publish opens the draft.
func (b *Bench) publish(ctx context.Context, args openPRArgs) (agent.Result, error) {
	b.progress("opening a draft")
	n, err := b.Open(ctx, Draft{Title: clean(strings.TrimSpace(args.Title)), Explanation: clean(clip(spoken(args.Explanation), 4000)),
		Risk: clean(clip(spoken(args.Risk), 2000)), Patch: *b.Patch, Evidence: b.Evidence})
	if err != nil {
		return agent.Result{}, fmt.Errorf("open draft: %w", err)
	}
	b.PR = n
	took := time.Duration(0)
	for _, r := range append(b.Evidence.Before, b.Evidence.After...) {
		took += r.Took
	}
	return agent.Result{Text: fmt.Sprintf("opened draft pull request %d; its tests ran for %s", n, took.Round(time.Second)), Done: true}, nil
}
