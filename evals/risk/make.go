package risk

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A Maker proves variants and has them judged.
type Maker struct {
	Box sandbox.Box
	Dir string // scratch; the caller removes it
	n   int
}

// Make makes the records of one seed. A right or wrong fix that the judge sees otherwise is an error: the seed is
// mistaken then, and nothing is proven. A mutant that the judge accepts may be right or not, so it is left out, like a
// variant that changes nothing.
func (m *Maker) Make(ctx context.Context, s Seed, say func(Record)) ([]Record, error) {
	url, err := m.repository(s)
	if err != nil {
		return nil, err
	}
	wrong := map[string]bool{}
	for _, v := range Vary(s) {
		if harms[v.Kind] != nil {
			wrong[v.Name] = true
			continue
		}
		right, err := m.right(ctx, s, v, url)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
		if wrong[v.Name] = !right; v.Kind != "mutant" && right != (v.Kind == "right") {
			return nil, fmt.Errorf("%s: the seed calls it %s and the judge does not", v.Name, v.Kind)
		}
	}
	var out []Record
	for _, v := range Vary(s) {
		if v.Kind == "mutant" && !wrong[v.Name] {
			continue
		}
		r, ok, err := m.record(ctx, s, v, url)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", v.Name, err)
		}
		if r.Wrong = wrong[v.Name]; ok {
			say(r)
			out = append(out, r)
		}
	}
	return out, nil
}

// repository makes a repository of one commit.
func (m *Maker) repository(s Seed) (string, error) {
	dir := filepath.Join(m.Dir, "repository")
	r, err := git.PlainInit(dir, false)
	if err != nil {
		return "", fmt.Errorf("seed %s: %w", s.Name, err)
	}
	for name, text := range s.Repo {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			return "", fmt.Errorf("seed %s: %w", s.Name, err)
		}
	}
	w, err := r.Worktree()
	if err != nil {
		return "", err
	}
	if err := w.AddWithOptions(&git.AddOptions{All: true}); err != nil {
		return "", err
	}
	by := &object.Signature{Name: "Ada", Email: "ada@example.com", When: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)}
	_, err = w.Commit("the plugin", &git.CommitOptions{Author: by})
	return dir, err
}

// tree is a checkout with changes in it.
func (m *Maker) tree(ctx context.Context, url string, changes Files) (*sandbox.Tree, error) {
	m.n++
	t, err := sandbox.Clone(ctx, sandbox.Source{URL: url}, filepath.Join(m.Dir, fmt.Sprintf("tree-%d", m.n)))
	if err != nil {
		return nil, err
	}
	for name, text := range changes {
		if text == "" {
			err = t.Remove(name)
		} else {
			err = t.Write(name, text)
		}
		if err != nil {
			return nil, err
		}
	}
	return t, nil
}

func (m *Maker) record(ctx context.Context, s Seed, v Variant, url string) (r Record, ok bool, err error) {
	t, err := m.tree(ctx, url, v.Changes)
	if err != nil {
		return r, false, err
	}
	defer os.RemoveAll(filepath.Dir(t.Dir))
	tc := t.Toolchain()
	p, err := t.Patch(tc)
	if err != nil || len(p.Files) == 0 {
		return r, false, err
	}
	r = Record{Name: v.Name, Seed: s.Name, Kind: v.Kind, Failure: s.Failure, Patch: p}
	e, err := sandbox.Prover{Box: m.Box, Reported: redact.Scrub(s.Failure)}.Prove(ctx, t, tc, p)
	if err != nil {
		return r, false, err
	}
	r.Evidence = slim(e)
	r.Terrain, err = t.Terrain(tc, p, time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC))
	return r, true, err
}

// right runs the judge's tests over the fix, and those of the repository.
func (m *Maker) right(ctx context.Context, s Seed, v Variant, url string) (bool, error) {
	changes := over(s.Judge, nil)
	for name, text := range v.Changes {
		if !testFile(name) {
			changes[name] = strings.ReplaceAll(text, secretMark, "")
		}
	}
	t, err := m.tree(ctx, url, changes)
	if err != nil {
		return false, err
	}
	defer os.RemoveAll(filepath.Dir(t.Dir))
	run, err := sandbox.Test(ctx, m.Box, t, t.Toolchain(), "")
	return run.Passed, err
}
