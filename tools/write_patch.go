package tools

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type writePatchArgs struct {
	Edits []edit   `json:"edits" doc:"In order, over several files."`
	Test  []string `json:"test,omitempty" doc:"Test files to run then; all runs every test."`
}

type edit struct {
	Path   string `json:"path"`
	Old    string `json:"old,omitempty" doc:"Text to replace, exactly as the file has it, once. Empty: a new file."`
	New    string `json:"new,omitempty" doc:"What replaces it, or the new file."`
	Delete bool   `json:"delete,omitempty"`
}

const (
	editMax  = 40
	testsMax = 5 // files that one call runs
)

var writePatch = redone(define("write-patch",
	"Replace text in files, make and delete files: all edits or none.",
	func(ctx context.Context, b *Bench, args writePatchArgs) (agent.Result, error) {
		if n := len(args.Test); n > testsMax {
			return agent.Result{}, mistakef("test names %d files, more than %d: name fewer, or all", n, testsMax)
		}
		t, text, err := b.write(ctx, args.Edits)
		if err != nil {
			return agent.Result{}, err
		}
		r := agent.Result{Text: text, State: b.state(t)}
		return b.thenTests(ctx, t, r, args.Test)
	}), func(ctx context.Context, b *Bench, args writePatchArgs) error {
	_, _, err := b.write(ctx, args.Edits)
	return err
})

// thenTests adds the runs of test files to the result of an edit. Files that one command runs together are run once.
func (b *Bench) thenTests(ctx context.Context, t *sandbox.Tree, r agent.Result, files []string) (agent.Result, error) {
	ran := map[string]bool{}
	for _, file := range files {
		if file == "all" {
			file = ""
		}
		command := file
		if tc := t.Toolchain(); tc != nil {
			command = strings.Join(tc.Test(file), " ")
		}
		if ran[command] {
			continue
		}
		ran[command] = true
		var err error
		if r, err = b.thenTest(ctx, r, file); err != nil {
			return r, err
		}
	}
	return r, nil
}

// thenTest adds a test run to the result of an edit. That it cannot be run does not undo the edit.
func (b *Bench) thenTest(ctx context.Context, r agent.Result, file string) (agent.Result, error) {
	args := runTestsArgs{File: file}
	err := b.testable(ctx, file)
	if err == nil {
		run, testErr := b.test(ctx, args)
		if testErr == nil {
			r.Text += "\n" + report(run, args)
			r.Facts = append(r.Facts, testState(run, args))
			return r, nil
		}
		err = testErr
	}
	var m interface{ ForModel() string }
	if errors.As(err, &m) {
		r.Text += "\nno test was run: " + m.ForModel()
		return r, nil
	}
	return r, err
}

// A change is what the edits make of one file; nil stands for no file.
type change struct{ was, now *string }

// write makes all edits or none, and shows the difference.
func (b *Bench) write(ctx context.Context, edits []edit) (*sandbox.Tree, string, error) {
	if n := len(edits); n == 0 || n > editMax {
		return nil, "", mistakef("edits must hold 1 to %d edits, it holds %d", editMax, n)
	}
	t, err := b.tree(ctx)
	if err != nil {
		return nil, "", err
	}
	changed := map[string]*change{}
	var notices, problems []string
	for i, e := range edits {
		e.Path = strings.TrimPrefix(e.Path, "./")
		notice, err := b.edit(t, e, changed)
		var m interface{ ForModel() string }
		switch {
		case errors.As(err, &m):
			problems = append(problems, fmt.Sprintf("edit %d: %s", i+1, m.ForModel()))
		case err != nil:
			return nil, "", err
		case notice != "":
			notices = append(notices, notice)
		}
	}
	if len(problems) > 0 {
		return nil, "", mistakef("nothing was changed. %s", strings.Join(problems, "\n"))
	}
	if err := b.save(t, changed); err != nil {
		return nil, "", err
	}
	var out strings.Builder
	for _, path := range slices.Sorted(maps.Keys(changed)) {
		c := changed[path]
		out.WriteString(c.show(path))
		if c.now != nil {
			out.WriteString(b.syntax(ctx, t, path, *c.now))
		}
	}
	for _, n := range notices {
		out.WriteString("note: " + n + "\n")
	}
	return t, out.String(), nil
}

// save puts all changes into the tree. If one cannot be made, those before it are undone.
func (b *Bench) save(t *sandbox.Tree, changed map[string]*change) error {
	var done []string
	for _, path := range slices.Sorted(maps.Keys(changed)) {
		b.remember(t, path)
		err := put(t, path, changed[path].now)
		if err == nil {
			done = append(done, path)
			continue
		}
		for _, d := range done {
			err = errors.Join(err, put(t, d, changed[d].was))
		}
		return err
	}
	return nil
}

// put makes a file hold text; nil removes it.
func put(t *sandbox.Tree, path string, text *string) error {
	if text != nil {
		return t.Write(path, *text)
	}
	if !t.Has(path) {
		return nil
	}
	return t.Remove(path)
}

// edit works out one edit on top of those before it.
func (b *Bench) edit(t *sandbox.Tree, e edit, changed map[string]*change) (notice string, _ error) {
	if err := sandbox.CheckPath(e.Path); err != nil {
		return "", err
	}
	if g := hotfix.Protected(e.Path); g != nil {
		return "", mistakef("%s may not be changed: %s", e.Path, g.Why)
	}
	c := changed[e.Path]
	if c == nil {
		c = &change{}
		if was, err := t.Read(e.Path); err == nil {
			c.was, c.now = &was, &was
		} else if t.Has(e.Path) {
			return "", err
		}
	}
	next, notice, err := e.apply(t, c.now)
	if err != nil {
		return "", err
	}
	if err := b.keepsTests(t, e.Path, c, next); err != nil {
		return "", err
	}
	c.now = next
	changed[e.Path] = c
	return notice, nil
}

// apply returns what the edit makes of a file that holds now.
func (e edit) apply(t *sandbox.Tree, now *string) (*string, string, error) {
	switch {
	case e.Delete && (e.Old != "" || e.New != ""):
		return nil, "", mistakef("%s: delete goes without old and new", e.Path)
	case e.Delete && now == nil:
		return nil, "", nearby(t, e.Path, mistakef("%s does not exist", e.Path))
	case e.Delete:
		return nil, "", nil
	case now == nil && e.Old != "":
		return nil, "", nearby(t, e.Path, mistakef("%s does not exist, so old cannot be in it", e.Path))
	case now == nil && e.New == "":
		return nil, "", mistakef("%s would be an empty file", e.Path)
	case now == nil:
		return &e.New, "", nil
	case e.Old == "" && *now != "":
		return nil, "", mistakef("%s exists: give the text to replace in old", e.Path)
	case e.Old == e.New:
		return nil, "", mistakef("old and new are equal, so nothing would change in %s", e.Path)
	case e.Old == "":
		return &e.New, "", nil
	}
	out, notice, err := replace(e.Path, *now, e.Old, e.New)
	if err != nil {
		return nil, "", err
	}
	if out == *now {
		return nil, "", mistakef("%s already holds this, so nothing would change", e.Path)
	}
	return &out, notice, nil
}

// show is the difference a change made.
func (c *change) show(path string) string {
	was, now := "", ""
	if c.was != nil {
		was = *c.was
	}
	switch {
	case c.now == nil:
		return path + " deleted\n"
	case c.was == nil:
		return fmt.Sprintf("%s is new, %d lines\n", path, len(lines(*c.now)))
	}
	now = *c.now
	return changes(path, was, now)
}
