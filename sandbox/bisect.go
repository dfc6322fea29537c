package sandbox

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// bisectMax is how many commits back a search goes.
const bisectMax = 512

// A Bisection looks for the commit that brought a fault in. Tests are files of the tree as they are now: at each
// commit that is tried they are put over what it holds.
type Bisection struct {
	Box       Box
	Tree      *Tree // its history, up to Base, is searched
	Toolchain *Toolchain
	Files     map[string]string // test files that show the fault, and what they need, by path
	Failing   []string          // names of tests that fail at Base for the fault; none: whatever fails there
	Progress  func(string)      // told what happens next; may be nil
	runs      int
}

// A verdict is what the tests say of one commit.
type verdict int

const (
	untestable verdict = iota // they do not run there, or end in another way than at Base
	good
	bad
)

// Find searches the first parents of Base. Origin.Commit is "" when no commit can be named, and Because then says
// why: a wrong name is worse than none, so the answer is tried once more before it is given.
func (b *Bisection) Find(ctx context.Context) (hotfix.Origin, error) {
	history, err := b.Tree.firstParents(bisectMax)
	if err != nil {
		return hotfix.Origin{}, fmt.Errorf("bisect: %w", err)
	}
	origin, err := b.find(ctx, history)
	origin.Runs = b.runs
	if err != nil {
		return hotfix.Origin{}, fmt.Errorf("bisect: %w", err)
	}
	return origin, nil
}

func (b *Bisection) find(ctx context.Context, history []Commit) (hotfix.Origin, error) {
	unknown := func(format string, args ...any) (hotfix.Origin, error) {
		return hotfix.Origin{Because: fmt.Sprintf(format, args...)}, nil
	}
	if len(history) < 2 {
		return unknown("There is no history to search.")
	}
	v, err := b.try(ctx, history[0].Hash)
	if err != nil || v != bad {
		return hotfix.Origin{Because: "The tests do not show the fault at the commit that failed."}, err
	}
	lo, hi, err := b.bracket(ctx, history) // history[lo] is bad, history[hi] is good
	if err != nil {
		return hotfix.Origin{}, err
	}
	if hi < 0 {
		return unknown("The fault is there as far back as the tests can be run, %d commits.", lo)
	}
	for hi-lo > 1 {
		at := (lo + hi) / 2
		switch v, err := b.try(ctx, history[at].Hash); {
		case err != nil:
			return hotfix.Origin{}, err
		case v == good:
			hi = at
		case v == bad:
			lo = at
		default:
			return unknown("The tests cannot be run at %.12s, so %d commits are left that may have brought the fault in.", history[at].Hash, hi-lo)
		}
	}
	for i, want := range map[int]verdict{lo: bad, hi: good} {
		if v, err := b.try(ctx, history[i].Hash); err != nil || v != want {
			return hotfix.Origin{Because: "The tests differ from run to run, so no commit can be named."}, err
		}
	}
	c := history[lo]
	return hotfix.Origin{Commit: c.Hash, Author: c.Author, Subject: subject(c.Message), When: c.When}, nil
}

// bracket goes back in growing steps until a commit passes. hi is -1 if none does. Beyond a commit where the tests
// cannot be run nothing is looked for: before it, the steps shrink again.
func (b *Bisection) bracket(ctx context.Context, history []Commit) (lo, hi int, err error) {
	end := len(history) - 1
	for step := 1; lo < end; {
		at := min(lo+step, end)
		switch v, err := b.try(ctx, history[at].Hash); {
		case err != nil:
			return lo, -1, err
		case v == good:
			return lo, at, nil
		case v == bad:
			lo, step = at, step*2
		default:
			end, step = at-1, 1
		}
	}
	return lo, -1, nil
}

// try runs the tests at one commit.
func (b *Bisection) try(ctx context.Context, commit string) (_ verdict, err error) {
	if b.runs++; b.Progress != nil {
		b.Progress(fmt.Sprintf("bisect, %.12s, run %d", commit, b.runs))
	}
	t, remove, err := b.Tree.Checkout(commit)
	if err != nil {
		return untestable, err
	}
	defer func() { err = errors.Join(err, remove()) }()
	for name, text := range b.Files {
		if err := t.Write(name, text); err != nil {
			return untestable, err
		}
	}
	worst := good
	for name := range b.Files {
		if !b.Toolchain.IsTest(name) {
			continue
		}
		run, err := Test(ctx, b.Box, t, b.Toolchain, name)
		if err != nil {
			return untestable, err
		}
		switch v := b.judge(run); v {
		case untestable:
			return untestable, nil
		case bad:
			worst = bad
		}
	}
	return worst, nil
}

// judge reads one run. With names to look for, only these count: a file that does not load there says nothing.
func (b *Bisection) judge(run hotfix.TestRun) verdict {
	if run.Cause != "" {
		return untestable
	}
	if len(b.Failing) == 0 {
		if run.Passed {
			return good
		}
		return bad
	}
	now := statuses(run)
	found, v := false, good
	for _, name := range b.Failing {
		switch now[name] {
		case "fail":
			found, v = true, bad
		case "pass":
			found = true
		}
	}
	if !found {
		return untestable
	}
	return v
}

// firstParents returns up to n commits from Base back along first parents, newest first.
func (t *Tree) firstParents(n int) ([]Commit, error) {
	c, err := t.commit(t.Base)
	if err != nil {
		return nil, err
	}
	var out []Commit
	for {
		out = append(out, Commit{c.Hash.String(), c.Author.Name, c.Message, c.Committer.When})
		if len(out) == n || len(c.ParentHashes) == 0 {
			return out, nil
		}
		parent, err := object.GetCommit(t.store, c.ParentHashes[0])
		if errors.Is(err, plumbing.ErrObjectNotFound) {
			return out, nil // the edge of a shallow clone
		}
		if err != nil {
			return nil, err
		}
		c = parent
	}
}

// subject is the first line of a commit message.
func subject(message string) string {
	first, _, _ := strings.Cut(message, "\n")
	return first
}
