package tools

import (
	"context"
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type historyArgs struct {
	Show string `json:"show,omitempty" enum:"log,diff,blame" doc:"log (default): the latest commits. diff: what changed between two. blame: who wrote each line."`
	Path string `json:"path,omitempty" doc:"Only this file or directory."`
	From string `json:"from,omitempty" doc:"diff: the older commit, by default the parent of to. green: when the checks passed last."`
	To   string `json:"to,omitempty" doc:"diff: the newer commit, by default the one that failed."`
	Line int    `json:"line,omitempty" doc:"blame: this line and those around it."`
}

const (
	logMax    = 20
	diffMax   = 9000 // characters
	blameSide = 15   // lines on either side
)

var history = define("history",
	"See how the code came to be as it is.",
	func(ctx context.Context, b *Bench, args historyArgs) (agent.Result, error) {
		t, err := b.tree(ctx)
		if err != nil {
			return agent.Result{}, err
		}
		path := strings.Trim(strings.TrimPrefix(args.Path, "./"), "/")
		switch args.Show {
		case "diff":
			return b.diff(ctx, t, path, args.From, args.To)
		case "blame":
			return blame(t, path, args.Line)
		}
		return b.commits(ctx, t, path)
	}).reading().needing(func(b *Bench) bool { return !b.seen.noPast })

// commits lists the latest commits, and marks the last green one.
func (b *Bench) commits(ctx context.Context, t *sandbox.Tree, path string) (agent.Result, error) {
	found, err := t.History(logMax, path)
	if err != nil {
		return agent.Result{}, err
	}
	if len(found) == 0 {
		return agent.Result{}, mistakef("no commit at hand changed %s", path)
	}
	green, err := b.green(ctx)
	if err != nil {
		return agent.Result{}, err
	}
	var out strings.Builder
	var facts []string
	for _, c := range found {
		out.WriteString(commitLine(c, c.Hash == green))
		facts = append(facts, c.Hash)
	}
	if len(found) < logMax {
		out.WriteString("[no older commits are at hand]\n")
	} else {
		out.WriteString("[older ones are left out]\n")
	}
	return agent.Result{Text: out.String(), Facts: facts}, nil
}

func commitLine(c sandbox.Commit, green bool) string {
	mark := ""
	if green {
		mark = " [green: its checks passed]"
	}
	return fmt.Sprintf("%.10s %s %s: %s%s\n", c.Hash, c.When.UTC().Format("2006-01-02"), clip(c.Author, 40), clip(c.Subject(), 160), mark)
}

// green is the hash of the last commit whose checks passed, among those at hand; "" if that is not known.
func (b *Bench) green(ctx context.Context) (string, error) {
	if b.Green == nil || b.Tree == nil {
		return "", nil
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.lastGreen != nil {
		return *b.lastGreen, nil
	}
	known, err := b.Green(ctx)
	if ctx.Err() != nil {
		return "", ctx.Err()
	}
	hash := ""
	for i := 0; err == nil && hash == "" && i < len(known); i++ { // that nobody can be asked is nothing to fail over
		if c, err := b.Tree.Resolve(known[i]); err == nil {
			hash = c.Hash
		}
	}
	b.lastGreen = &hash
	return hash, nil
}

// commit finds the commit that the model means.
func (b *Bench) commit(ctx context.Context, t *sandbox.Tree, name string) (string, error) {
	if name != "green" {
		c, err := t.Resolve(name)
		return c.Hash, err
	}
	hash, err := b.green(ctx)
	if err != nil {
		return "", err
	}
	if hash == "" {
		return "", mistakef("it is not known at which commit the checks passed last: name a commit from the log")
	}
	return hash, nil
}

// diff shows what changed between two commits.
func (b *Bench) diff(ctx context.Context, t *sandbox.Tree, path, from, to string) (agent.Result, error) {
	now, err := t.Base, error(nil)
	if to != "" {
		if now, err = b.commit(ctx, t, to); err != nil {
			return agent.Result{}, err
		}
	}
	old := ""
	if from != "" {
		if old, err = b.commit(ctx, t, from); err != nil {
			return agent.Result{}, err
		}
	} else if parent, ok := t.Parent(now); ok {
		old = parent.Hash
	} else {
		return agent.Result{}, mistakef("there is no commit before %.10s at hand: name the older one in from", now)
	}
	d, err := t.Diff(old, now, path)
	if err != nil {
		return agent.Result{}, err
	}
	fact := fmt.Sprintf("diff %.10s %.10s %s", old, now, path)
	if len(d.Files) == 0 {
		return agent.Result{Text: fmt.Sprintf("nothing differs between %.10s and %.10s\n", old, now), Facts: []string{fact}}, nil
	}
	return agent.Result{Text: fmt.Sprintf("from %.10s to %.10s\n%s%s", old, now, stats(d, 40), clip(withoutBulk(d.Text), diffMax)), Facts: []string{fact}}, nil
}

// stats names the changed files, the first limit of them.
func stats(d sandbox.Difference, limit int) string {
	var out strings.Builder
	for i, f := range d.Files {
		if i == limit {
			fmt.Fprintf(&out, "[%d more files]\n", len(d.Files)-i)
			break
		}
		fmt.Fprintf(&out, "%s +%d -%d\n", f.Name, f.Addition, f.Deletion)
	}
	return out.String()
}

// withoutBulk leaves the generated files out of a unified diff.
func withoutBulk(diff string) string {
	parts := strings.Split("\n"+diff, "\ndiff --git ")
	var out strings.Builder
	for _, p := range parts[1:] {
		head, _, _ := strings.Cut(p, "\n")
		name := head[strings.LastIndex(head, " b/")+1:]
		if name = strings.TrimPrefix(name, "b/"); bulk.MatchString(name) || hotfix.Protected(name).Locks() {
			continue
		}
		out.WriteString("diff --git " + p + "\n")
	}
	return out.String()
}

// blame shows who wrote the lines around one, or the first of them.
func blame(t *sandbox.Tree, path string, line int) (agent.Result, error) {
	if path == "" {
		return agent.Result{}, mistakef("blame needs the path of a file")
	}
	wrote, err := t.Blame(path)
	if err != nil {
		return agent.Result{}, nearby(t, path, err)
	}
	if line < 0 || line > len(wrote) {
		return agent.Result{}, mistakef("%s has %d lines: line must be one of them", path, len(wrote))
	}
	from, to := max(line-blameSide, 1), min(max(line, blameSide)+blameSide, len(wrote))
	var out strings.Builder
	last := ""
	for n := from; n <= to; n++ {
		w := wrote[n-1]
		if w.Hash != last {
			fmt.Fprintf(&out, "-- %s", commitLine(w.Commit, false))
		}
		last = w.Hash
		out.WriteString(numbered([]string{w.Text}, n))
	}
	return agent.Result{Text: out.String(), Facts: []string{fmt.Sprintf("blame %s:%d-%d", path, from, to)}}, nil
}
