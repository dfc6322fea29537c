package tools

import (
	"context"
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type bisectArgs struct {
	File string `json:"file" doc:"Your test file, which fails on the old code."`
}

// bisectDiff bounds the change that is shown, in characters.
const bisectDiff = 5000

var bisect = define("bisect",
	"Find the commit that brought the fault in, by running your test file at earlier ones: slow, for when reading does not tell.",
	func(ctx context.Context, b *Bench, args bisectArgs) (agent.Result, error) {
		if args.File == "" {
			return agent.Result{}, mistakef("file is empty: write a test that fails first, and name it")
		}
		if err := b.testable(ctx, args.File); err != nil {
			return agent.Result{}, err
		}
		t, tc, err := b.toolchain(ctx)
		if err != nil {
			return agent.Result{}, err
		}
		run, err := b.testAt(ctx, t, t.Base, runTestsArgs{File: args.File})
		if err != nil {
			return agent.Result{}, err
		}
		if run.Passed {
			return agent.Result{}, mistakef("%s passes on the old code, so it shows no fault to look for", args.File)
		}
		failing, _ := failures(run)
		search := sandbox.Bisection{Box: b.Box, Tree: t, Toolchain: tc, Failing: failing, Progress: func(what string) { b.progress("%s", what) }}
		if search.Files, err = b.writtenTests(t, tc); err != nil {
			return agent.Result{}, err
		}
		if len(search.Files) == 0 {
			return agent.Result{}, mistakef("you have written no test yet: write one that fails first")
		}
		origin, err := search.Find(ctx)
		if err != nil {
			return agent.Result{}, err
		}
		text, err := originText(t, origin)
		return agent.Result{Text: text, Pin: true, Facts: []string{"bisect " + args.File + " " + origin.Commit}}, err
	}).needing(func(b *Bench) bool { return b.Box != nil && !b.seen.noPast })

// originText shows the commit that brought the fault in, or says why none can be named.
func originText(t *sandbox.Tree, o hotfix.Origin) (string, error) {
	if o.Commit == "" {
		return fmt.Sprintf("inconclusive after %d runs: %s\n", o.Runs, o.Because), nil
	}
	c, err := t.Resolve(o.Commit)
	if err != nil {
		return "", err
	}
	text := fmt.Sprintf("after %d runs: it fails since\n%s", o.Runs, commitLine(c, false))
	parent, ok := t.Parent(o.Commit)
	if !ok {
		return text, nil
	}
	d, err := t.Diff(parent.Hash, o.Commit, "")
	if err != nil {
		return "", err
	}
	return text + stats(d, 30) + clip(withoutBulk(d.Text), bisectDiff), nil
}

// writtenTests are the test files that the tree holds and its base does not, or holds otherwise.
func (b *Bench) writtenTests(t *sandbox.Tree, tc *sandbox.Toolchain) (map[string]string, error) {
	files := map[string]string{}
	for _, path := range b.changed(t) {
		if !tc.IsTest(path) || !t.Has(path) {
			continue
		}
		text, err := t.Read(path)
		if err != nil {
			return nil, err
		}
		files[path] = text
	}
	return files, nil
}
