package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A Draft is what the model says of its patch, and the patch with its proof.
type Draft struct {
	Title       string
	Explanation string
	Risk        string
	Patch       hotfix.Patch
	Evidence    hotfix.Evidence
}

// A Bench is what one attempt may touch. What is not on the bench cannot be done by the model, whatever it says.
type Bench struct {
	Logs     func(context.Context) (redact.Text, error)          // nil: there are none
	Clone    func(context.Context) (*sandbox.Tree, error)        // at the commit that failed
	Green    func(context.Context) ([]string, error)             // commits whose checks passed, newest first; nil: nobody knows
	Box      sandbox.Box                                         // where tests and commands run
	Commands bool                                                // the model may run commands of its own in the box
	Proof    sandbox.Prover                                      // how patches are proven; Box and Progress are filled in
	Vet      func(hotfix.Patch, hotfix.Evidence) []hotfix.Reason // before anything is published; nil refuses everything
	Open     func(context.Context, Draft) (int, error)           // publishes a draft
	Progress func(string)                                        // hears what is going on inside a call; may be nil

	// What happened.
	Tree     *sandbox.Tree // nil until it is cloned
	Patch    *hotfix.Patch // as it was last proven
	Evidence hotfix.Evidence
	Refused  []hotfix.Reason // why the last draft was not published
	PR       int
	GaveUp   string // why, in sentences for a maintainer
	Obstacle string // the kind of reason given with it: "needs-a-decision", ...

	mu        sync.Mutex
	logs      []string           // lines; nil until they are fetched
	base      map[string]*string // what files that were written held before; nil for new ones
	lastGreen *string            // nil until somebody asks
	seen      seen               // what the model was shown before its first call
	outside   []string           // text that came with the failure
}

func (b *Bench) progress(format string, args ...any) {
	if b.Progress != nil {
		b.Progress(fmt.Sprintf(format, args...))
	}
}

// tree returns the repository, which is cloned when it is first needed.
func (b *Bench) tree(ctx context.Context) (*sandbox.Tree, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.Tree != nil {
		return b.Tree, nil
	}
	if b.Clone == nil {
		return nil, mistakef("there is no repository to work on: call give-up")
	}
	b.progress("cloning")
	t, err := b.Clone(ctx)
	if err != nil {
		return nil, err
	}
	b.Tree = t
	return t, nil
}

// toolchain returns the tree and what runs its tests.
func (b *Bench) toolchain(ctx context.Context) (*sandbox.Tree, *sandbox.Toolchain, error) {
	t, err := b.tree(ctx)
	if err != nil {
		return nil, nil, err
	}
	tc := t.Toolchain()
	switch {
	case tc == nil:
		return nil, nil, mistakef("no way to run this repository's tests is known, so no fix can be proven: call give-up")
	case b.Box == nil:
		return nil, nil, mistakef("tests cannot be run here, so no fix can be proven: call give-up")
	}
	return t, tc, nil
}

// remember keeps what path held before its first change.
func (b *Bench) remember(t *sandbox.Tree, path string) {
	if b.base == nil {
		b.base = map[string]*string{}
	}
	if _, ok := b.base[path]; ok {
		return
	}
	b.base[path] = nil
	if was, err := t.Read(path); err == nil {
		b.base[path] = &was
	}
}

// changed names the files that differ from what the repository holds.
func (b *Bench) changed(t *sandbox.Tree) []string {
	var out []string
	for _, path := range slices.Sorted(maps.Keys(b.base)) {
		now, err := t.Read(path)
		if was := b.base[path]; (err == nil) != (was != nil) || was != nil && now != *was {
			out = append(out, path)
		}
	}
	return out
}

// state names the tree as it is now: two trees with equal files have equal states.
func (b *Bench) state(t *sandbox.Tree) string {
	h := sha256.New()
	for _, path := range b.changed(t) {
		now, err := t.Read(path)
		fmt.Fprintf(h, "%q %t %q\n", path, err == nil, now)
	}
	return "tree " + hex.EncodeToString(h.Sum(nil)[:6])
}

// numbered writes lines as "number|line"; the first has number from. Padding would cost a twentieth of a prompt.
func numbered(lines []string, from int) string {
	var b strings.Builder
	for i, l := range lines {
		fmt.Fprintf(&b, "%d|%s\n", from+i, clip(l, maxLine))
	}
	return b.String()
}

// maxLine bounds one line that the model is shown.
const maxLine = 400

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	chars := []rune(s)
	if len(chars) <= limit {
		return s
	}
	return fmt.Sprintf("%s [+%d characters]", string(chars[:limit]), len(chars)-limit)
}

// lines splits text at its line ends; the end of the text ends the last line.
func lines(text string) []string {
	text = strings.TrimSuffix(strings.ReplaceAll(text, "\r\n", "\n"), "\n")
	if text == "" {
		return nil
	}
	return strings.Split(text, "\n")
}
