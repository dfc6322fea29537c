package sandbox

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/bluekeyes/go-gitdiff/gitdiff"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// droppable bounds how many hunks are tried one by one.
const droppable = 12

// Minimal takes out of t each change outside of tests without which the proof e of p still holds, and proves what
// is left anew. It returns the patch that t holds then, with its proof: p and e themselves when everything is
// needed, or when what is left could not be proven.
func (v Prover) Minimal(ctx context.Context, t *Tree, tc *Toolchain, p hotfix.Patch, e hotfix.Evidence) (_ hotfix.Patch, _ hotfix.Evidence, err error) {
	files, ok, err := sources(tc, p)
	all := hunks(files)
	if err != nil || !ok || !e.Proves() || len(all) < 2 || len(all) > droppable {
		return p, e, err
	}
	base, remove, err := t.Checkout(p.Base)
	if err != nil {
		return p, e, fmt.Errorf("minimise: %w", err)
	}
	defer func() { err = errors.Join(err, remove()) }()
	gone, err := v.spare(ctx, trial{Prover: v, ctx: ctx, tc: tc, old: base, start: t, evidence: &e}, p, all)
	if err != nil || len(gone) == 0 {
		return p, e, err
	}
	if err := rewriteAll(t, base, files, func(h hunk) bool { return !gone[h.String()] }); err != nil {
		return p, e, fmt.Errorf("minimise: %w", err)
	}
	less, err := t.Patch(tc)
	if err != nil {
		return p, e, fmt.Errorf("minimise: %w", err)
	}
	v.Origin = false // known already
	proof, err := v.Prove(ctx, t, tc, less)
	if err != nil || !proof.Proves() {
		return p, e, errors.Join(err, rewriteAll(t, base, files, func(hunk) bool { return true }))
	}
	proof.Origin = e.Origin
	for _, h := range all {
		if gone[h.String()] {
			proof.Dropped = append(proof.Dropped, h.String())
		}
	}
	return less, proof, nil
}

// spare finds the hunks without which the added tests and all others still do what they should. One stays in any case.
func (v Prover) spare(ctx context.Context, r trial, p hotfix.Patch, all []hunk) (gone map[string]bool, err error) {
	fixed, err := r.start.Commit(ctx, Signature{Name: "daemon-hotfix", Email: "daemon-hotfix@localhost", When: time.Unix(0, 0)}, "proof\n")
	if err != nil {
		return nil, fmt.Errorf("minimise: %w", err)
	}
	work, remove, err := r.start.Checkout(fixed)
	if err != nil {
		return nil, fmt.Errorf("minimise: %w", err)
	}
	defer func() { err = errors.Join(err, remove()) }()
	gone = map[string]bool{}
	kept := func(h hunk) bool { return !gone[h.String()] }
	for _, h := range all {
		if len(gone) == len(all)-1 {
			break
		}
		r.say("without the change in %s", h)
		gone[h.String()] = true
		if err := rewrite(work, r.old, h.file, kept); err != nil {
			return nil, fmt.Errorf("minimise: %w", err)
		}
		holds, err := r.holds(work, p)
		if err != nil {
			return nil, fmt.Errorf("minimise: %w", err)
		}
		if holds {
			continue
		}
		delete(gone, h.String())
		if err := rewrite(work, r.old, h.file, kept); err != nil {
			return nil, fmt.Errorf("minimise: %w", err)
		}
	}
	return gone, nil
}

// holds reports whether the added tests pass in t, and nothing that passes with the whole patch fails.
func (r trial) holds(t *Tree, p hotfix.Patch) (bool, error) {
	for _, name := range append(added(p), "") {
		run, err := r.test(t, name)
		if err != nil {
			return false, err
		}
		run = steady(run, r.Flaky)
		if name != "" && !run.Passed || name == "" && (len(broken(*r.evidence.Suite, run)) > 0 || r.evidence.Suite.Passed && !run.Passed) {
			return false, nil
		}
	}
	return true, nil
}

// rewriteAll is rewrite for several files.
func rewriteAll(t, base *Tree, files []*gitdiff.File, keep func(hunk) bool) error {
	for _, f := range files {
		if err := rewrite(t, base, f, keep); err != nil {
			return err
		}
	}
	return nil
}
