package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
)

// Reapply makes the changes of diff to t, whose files may have changed since diff was written: each change goes where
// what it replaces stands, which must be one place only. How much around it must be the same is as much as there is,
// down to the replaced lines alone. Whether it is still right there is for tests to show.
func (t *Tree) Reapply(diff string) error {
	parsed, _, err := gitdiff.Parse(strings.NewReader(diff))
	if err != nil {
		return fmt.Errorf("the patch cannot be read: %w", err)
	}
	for _, f := range parsed {
		if err := t.reapply(f); err != nil {
			return err
		}
	}
	return nil
}

func (t *Tree) reapply(f *gitdiff.File) error {
	name := hunk{file: f}.path()
	switch {
	case f.IsBinary, f.IsRename, f.IsCopy, f.IsDelete:
		return fmt.Errorf("the patch renames or deletes %s or is not text there, so it cannot be carried over", name)
	case f.IsNew && t.Has(name):
		return fmt.Errorf("%s is new in the patch, and there is one by now", name)
	case f.IsNew:
		return rewrite(t, t, f, func(hunk) bool { return true })
	}
	text, err := t.Read(name)
	if err != nil {
		return err
	}
	lines := strings.SplitAfter(text, "\n")
	for _, fragment := range f.TextFragments {
		if lines = replaced(lines, fragment); lines == nil {
			return fmt.Errorf("what the patch replaces in %s does not stand there once any more", name)
		}
	}
	return t.Write(name, strings.Join(lines, ""))
}

// replaced is lines with the fragment's change made in the one place that it fits, nil if there is none.
func replaced(lines []string, f *gitdiff.TextFragment) []string {
	for around := max(f.LeadingContext, f.TrailingContext); around >= 0; around-- {
		skip, keep := max(f.LeadingContext-around, 0), int64(len(f.Lines))-max(f.TrailingContext-around, 0)
		var was, now []string
		for _, l := range f.Lines[skip:keep] {
			if l.Op != gitdiff.OpAdd {
				was = append(was, l.Line)
			}
			if l.Op != gitdiff.OpDelete {
				now = append(now, l.Line)
			}
		}
		at := -1
		for i := 0; len(was) > 0 && i+len(was) <= len(lines); i++ {
			if !slices.Equal(lines[i:i+len(was)], was) {
				continue
			}
			if at >= 0 {
				return nil // less around it would fit in no fewer places
			}
			at = i
		}
		if at >= 0 {
			return slices.Concat(lines[:at], now, lines[at+len(was):])
		}
	}
	return nil
}
