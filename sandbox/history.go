package sandbox

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/plumbing/storer"
)

// A Commit is one entry of a tree's history.
type Commit struct {
	Hash, Author, Message string
	When                  time.Time
}

// Subject is the first line of the message.
func (c Commit) Subject() string {
	subject, _, _ := strings.Cut(strings.TrimSpace(c.Message), "\n")
	return subject
}

func commitOf(c *object.Commit) Commit {
	return Commit{c.Hash.String(), c.Author.Name, c.Message, c.Committer.When}
}

// historyMax bounds how many commits are looked through for one answer.
const historyMax = 2000

// History returns the latest n commits up to Base, newest first; with a path, those that changed it or something below it.
func (t *Tree) History(n int, path string) ([]Commit, error) {
	base, err := t.commit(t.Base)
	if err != nil {
		return nil, fmt.Errorf("history: %w", err)
	}
	iter := object.NewCommitIterCTime(base, nil, nil)
	defer iter.Close()
	var out []Commit
	for seen := 0; len(out) < n && seen < historyMax; seen++ {
		c, err := iter.Next()
		if err != nil { // the end, or the edge of a shallow clone
			break
		}
		if path == "" || touches(c, path) {
			out = append(out, commitOf(c))
		}
	}
	return out, nil
}

// touches reports whether what c holds at path is not what its first parent holds there.
func touches(c *object.Commit, path string) bool {
	now := entryHash(c, path)
	parent, err := c.Parent(0)
	if err != nil { // the first commit, or the edge of a shallow clone
		return !now.IsZero() && c.NumParents() == 0
	}
	return now != entryHash(parent, path)
}

func entryHash(c *object.Commit, path string) plumbing.Hash {
	root, err := c.Tree()
	if err != nil {
		return plumbing.ZeroHash
	}
	e, err := root.FindEntry(path)
	if err != nil {
		return plumbing.ZeroHash
	}
	return e.Hash
}

// Resolve finds the commit that name means among those at hand: a hash or the beginning of one.
func (t *Tree) Resolve(name string) (Commit, error) {
	base, err := t.commit(t.Base)
	if err != nil {
		return Commit{}, fmt.Errorf("resolve: %w", err)
	}
	if len(name) < 7 {
		return Commit{}, refuse("%q is no commit: give at least 7 characters of its hash", name)
	}
	iter := object.NewCommitIterCTime(base, nil, nil)
	defer iter.Close()
	for range historyMax {
		c, err := iter.Next()
		if err != nil {
			break
		}
		if strings.HasPrefix(c.Hash.String(), strings.ToLower(name)) {
			return commitOf(c), nil
		}
	}
	return Commit{}, refuse("no commit %q leads to the one that failed, as far as the history is at hand", name)
}

// A Difference is what changed between two commits.
type Difference struct {
	Files []object.FileStat
	Text  string // unified diff
}

// Diff compares two commits; with a path, only what changed there or below it.
func (t *Tree) Diff(old, now, path string) (Difference, error) {
	a, err := t.commit(old)
	if err != nil {
		return Difference{}, fmt.Errorf("diff: %w", err)
	}
	b, err := t.commit(now)
	if err != nil {
		return Difference{}, fmt.Errorf("diff: %w", err)
	}
	from, err := a.Tree()
	if err != nil {
		return Difference{}, fmt.Errorf("diff: %w", err)
	}
	to, err := b.Tree()
	if err != nil {
		return Difference{}, fmt.Errorf("diff: %w", err)
	}
	changes, err := object.DiffTree(from, to)
	if err != nil {
		return Difference{}, fmt.Errorf("diff: %w", err)
	}
	var kept object.Changes
	for _, c := range changes {
		if path == "" || below(c.From.Name, path) || below(c.To.Name, path) {
			kept = append(kept, c)
		}
	}
	patch, err := kept.Patch()
	if err != nil {
		return Difference{}, fmt.Errorf("diff: %w", err)
	}
	return Difference{Files: patch.Stats(), Text: patch.String()}, nil
}

func below(name, dir string) bool { return name == dir || strings.HasPrefix(name, dir+"/") }

// Parent returns the first parent of a commit; ok is false if it has none at hand.
func (t *Tree) Parent(hash string) (_ Commit, ok bool) {
	c, err := t.commit(hash)
	if err != nil {
		return Commit{}, false
	}
	p, err := c.Parent(0)
	if err != nil {
		return Commit{}, false
	}
	return commitOf(p), true
}

// A Blamed is one line of a file and the commit that wrote it.
type Blamed struct {
	Commit
	Text string
}

// Blame says which commit wrote each line of a file as it is at Base.
func (t *Tree) Blame(path string) ([]Blamed, error) {
	base, err := t.commit(t.Base)
	if err != nil {
		return nil, fmt.Errorf("blame: %w", err)
	}
	result, err := git.Blame(base, path)
	switch {
	case errors.Is(err, object.ErrFileNotFound):
		return nil, refuse("%s does not exist at the commit that failed", path)
	case errors.Is(err, plumbing.ErrObjectNotFound):
		return nil, refuse("the history of %s is not at hand far enough back: use the log", path)
	case err != nil:
		return nil, fmt.Errorf("blame %s: %w", path, err)
	}
	subjects := map[plumbing.Hash]string{}
	out := make([]Blamed, 0, len(result.Lines))
	for _, l := range result.Lines {
		if _, ok := subjects[l.Hash]; !ok {
			subjects[l.Hash] = said(t.store, l.Hash)
		}
		out = append(out, Blamed{Commit{l.Hash.String(), l.AuthorName, subjects[l.Hash], l.Date}, l.Text})
	}
	return out, nil
}

// said is what a commit says of itself, "" if it is not at hand.
func said(s storer.EncodedObjectStorer, h plumbing.Hash) string {
	c, err := object.GetCommit(s, h)
	if err != nil {
		return ""
	}
	return c.Message
}

// ReadAt returns the text of a file as it was at a commit.
func (t *Tree) ReadAt(hash, name string) (string, error) {
	if err := CheckPath(name); err != nil {
		return "", err
	}
	c, err := t.commit(hash)
	if err != nil {
		return "", fmt.Errorf("read %s: %w", name, err)
	}
	f, err := c.File(name)
	switch {
	case errors.Is(err, object.ErrFileNotFound):
		return "", refuse("%s does not exist at commit %.10s", name, hash)
	case err != nil:
		return "", fmt.Errorf("read %s at %.10s: %w", name, hash, err)
	case f.Size > maxFile:
		return "", refuse("%s has %d bytes, more than the %d that may be read at once", name, f.Size, int64(maxFile))
	}
	text, err := f.Contents()
	if err != nil {
		return "", fmt.Errorf("read %s at %.10s: %w", name, hash, err)
	}
	return text, nil
}
