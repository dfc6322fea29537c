package sandbox

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A hunk is one run of changed lines of a patch, with the lines around it.
type hunk struct {
	file     *gitdiff.File
	fragment *gitdiff.TextFragment
}

func (h hunk) path() string {
	if h.file.NewName == "" {
		return h.file.OldName
	}
	return h.file.NewName
}

// String names the hunk for people.
func (h hunk) String() string {
	return fmt.Sprintf("%s, line %d", h.path(), h.fragment.NewPosition+h.fragment.LeadingContext)
}

// support are files that tests are made of without being tests.
var support = regexp.MustCompile(`(?:^|/)(?:tests?|__tests__|__mocks__|__snapshots__|__fixtures__|testdata|fixtures|spec|e2e)/`)

// ofTests reports whether a file belongs to the tests rather than to what they test.
func (tc *Toolchain) ofTests(name string) bool { return tc.IsTest(name) || support.MatchString(name) }

// sources parses the patch and returns the files outside of tests. ok is false if one of them is changed in a way
// that cannot be taken back in parts: renamed, or not text.
func sources(tc *Toolchain, p hotfix.Patch) (files []*gitdiff.File, ok bool, err error) {
	parsed, _, err := gitdiff.Parse(strings.NewReader(p.Diff))
	if err != nil {
		return nil, false, fmt.Errorf("read the patch: %w", err)
	}
	ok = true
	for _, f := range parsed {
		if tc.ofTests((hunk{file: f}).path()) {
			continue
		}
		ok = ok && !f.IsRename && !f.IsCopy && !f.IsBinary && len(f.TextFragments) > 0
		files = append(files, f)
	}
	return files, ok, nil
}

// hunks lists the changes of files.
func hunks(files []*gitdiff.File) []hunk {
	var out []hunk
	for _, f := range files {
		for _, fragment := range f.TextFragments {
			out = append(out, hunk{f, fragment})
		}
	}
	return out
}

// rewrite makes one file of t what it is at base with only the kept hunks applied.
func rewrite(t, base *Tree, f *gitdiff.File, keep func(hunk) bool) error {
	part := *f
	part.TextFragments = nil
	for _, fragment := range f.TextFragments {
		if keep(hunk{f, fragment}) {
			part.TextFragments = append(part.TextFragments, fragment)
		}
	}
	name := hunk{file: f}.path()
	if len(part.TextFragments) == 0 && f.IsNew {
		if t.Has(name) {
			return t.Remove(name)
		}
		return nil
	}
	if len(part.TextFragments) == len(f.TextFragments) && f.IsDelete {
		if t.Has(name) {
			return t.Remove(name)
		}
		return nil
	}
	was := ""
	if !f.IsNew {
		var err error
		if was, err = base.Read(f.OldName); err != nil {
			return err
		}
		if len(part.TextFragments) == 0 {
			return t.Write(name, was)
		}
	}
	part.IsDelete = false
	var now strings.Builder
	if err := gitdiff.Apply(&now, strings.NewReader(was), &part); err != nil {
		return fmt.Errorf("apply part of the patch to %s: %w", name, err)
	}
	return t.Write(name, now.String())
}

// Apply makes t what diff says, starting from what it is now.
func (t *Tree) Apply(diff string) error {
	parsed, _, err := gitdiff.Parse(strings.NewReader(diff))
	if err != nil {
		return refuse("the patch cannot be read: %v", err)
	}
	for _, f := range parsed {
		if f.IsBinary || f.IsRename || f.IsCopy {
			return refuse("the patch renames %s or is not text there, so it cannot be applied", (hunk{file: f}).path())
		}
		if err := rewrite(t, t, f, func(hunk) bool { return true }); err != nil {
			return err
		}
	}
	return nil
}

// Rebase makes an earlier commit the one that patches of t are relative to. The files stay as they are.
func (t *Tree) Rebase(base string) error {
	if _, err := t.commit(base); err != nil {
		return fmt.Errorf("relate the tree to an earlier commit: %w", err)
	}
	t.Base = base
	return nil
}
