package tools

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type bisectArgs struct {
	File string `json:"file" doc:"Your test file that fails at the commit that failed."`
	Good string `json:"good,omitempty" doc:"A commit at which it passes. Empty is green, or else the oldest one at hand."`
}

const (
	bisectTwice = 2    // runs at each commit: results that differ decide nothing
	bisectDiff  = 5000 // characters of the change that is shown
)

var bisect = define("bisect",
	"Find the commit that broke it: runs your test file, which must fail now, at commits back to a good one. Takes two test runs per commit; worth it when a recent change is suspected and reading does not tell which.",
	func(ctx context.Context, b *Bench, args bisectArgs) (agent.Result, error) {
		if args.File == "" {
			return agent.Result{}, mistakef("file is empty: write a test that fails first, and name it")
		}
		if err := b.testable(ctx, args.File); err != nil {
			return agent.Result{}, err
		}
		t, err := b.tree(ctx)
		if err != nil {
			return agent.Result{}, err
		}
		line, err := b.suspects(ctx, t, args.Good)
		if err != nil {
			return agent.Result{}, err
		}
		text, err := b.halve(ctx, t, line, args.File)
		return agent.Result{Text: text, Pin: true, Facts: []string{"bisect " + text}}, err
	}).needing(func(b *Bench) bool { return b.Box != nil })

// suspects are the commits from a good one to the one that failed, oldest first.
func (b *Bench) suspects(ctx context.Context, t *sandbox.Tree, good string) ([]sandbox.Commit, error) {
	hash, err := "", error(nil)
	if good != "" {
		hash, err = b.commit(ctx, t, good)
	} else if hash, err = b.green(ctx); err == nil && hash == "" {
		hash, err = oldest(t)
	}
	if err != nil {
		return nil, err
	}
	line, err := t.Line(hash)
	if err == nil && len(line) < 2 {
		err = mistakef("there is no commit before the one that failed to compare with")
	}
	return line, err
}

// oldest is the oldest first parent at hand.
func oldest(t *sandbox.Tree) (string, error) {
	hash := t.Base
	for {
		parent, ok := t.Parent(hash)
		if !ok {
			return hash, nil
		}
		hash = parent.Hash
	}
}

// halve looks for the first commit in line at which the test fails. The first must pass, the last must fail.
func (b *Bench) halve(ctx context.Context, t *sandbox.Tree, line []sandbox.Commit, file string) (string, error) {
	var said []string
	at := func(i int) (passed bool, why string, _ error) {
		passed, why, err := b.verdictAt(ctx, t, line[i].Hash, file)
		word := "fails"
		switch {
		case why != "":
			word = why
		case passed:
			word = "passes"
		}
		said = append(said, fmt.Sprintf("%s: %s", word, strings.TrimSpace(commitLine(line[i], false))))
		return passed, why, err
	}
	good, bad := 0, len(line)-1
	for _, end := range []struct {
		at   int
		want bool
		or   string
	}{{bad, false, "it does not fail at the commit that failed, so it shows nothing"}, {good, true, "it fails at the good commit as well: the fault is older, or the test does not fit that version"}} {
		passed, why, err := at(end.at)
		switch {
		case err != nil:
			return "", err
		case why != "":
			return inconclusive(said, why), nil
		case passed != end.want:
			return inconclusive(said, end.or), nil
		}
	}
	for bad-good > 1 {
		mid := (good + bad) / 2
		passed, why, err := at(mid)
		switch {
		case err != nil:
			return "", err
		case why != "":
			return inconclusive(said, why), nil
		case passed:
			good = mid
		default:
			bad = mid
		}
	}
	d, err := t.Diff(line[good].Hash, line[bad].Hash, "")
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("It fails since %s%s%s\nlooked at:\n%s\n", commitLine(line[bad], false), stats(d, 30), clip(withoutBulk(d.Text), bisectDiff),
		strings.Join(said, "\n")), nil
}

func inconclusive(said []string, why string) string {
	return fmt.Sprintf("Inconclusive: %s.\n%s\n", why, strings.Join(said, "\n"))
}

// verdictAt runs the test at a commit, twice. why is not empty if the runs decide nothing.
func (b *Bench) verdictAt(ctx context.Context, t *sandbox.Tree, commit, file string) (passed bool, why string, _ error) {
	var runs []hotfix.TestRun
	for i := range bisectTwice {
		b.progress("%s at %.10s, run %d of %d", file, commit, i+1, bisectTwice)
		run, err := b.testAt(ctx, t, commit, file)
		if err != nil {
			return false, "", err
		}
		runs = append(runs, run)
	}
	switch {
	case slices.ContainsFunc(runs, func(r hotfix.TestRun) bool { return r.Cause != "" }):
		return false, "it did not end by itself", nil
	case runs[0].Passed != runs[1].Passed:
		return false, "it is flaky: two runs differ", nil
	}
	return runs[0].Passed, "", nil
}
