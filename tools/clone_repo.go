package tools

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type cloneRepoArgs struct {
	At string `json:"at,omitempty" enum:"failed,green" doc:"Which commit. green: what changed since the checks passed last."`
}

var cloneRepo = redone(define("clone-repo",
	"Check out the repository at the commit that failed, if it is not yet, and list its files.",
	func(ctx context.Context, b *Bench, args cloneRepoArgs) (agent.Result, error) {
		t, err := b.tree(ctx)
		if err != nil {
			return agent.Result{}, err
		}
		if args.At == "green" {
			return b.diff(ctx, t, "", "green", "")
		}
		files, err := t.Files()
		if err != nil {
			return agent.Result{}, fmt.Errorf("list files: %w", err)
		}
		return agent.Result{Text: setting(t) + fileMap(files), Facts: []string{"commit " + t.Base}}, nil
	}), func(ctx context.Context, b *Bench, _ cloneRepoArgs) error {
	_, err := b.tree(ctx)
	return err
}).needing(func(b *Bench) bool { return !b.seen.noPast && !b.seen.noGreen })

// mapMax bounds how many paths an overview names.
const mapMax = 120

// setting says what t is: commit and toolchain.
func setting(t *sandbox.Tree) string {
	var b strings.Builder
	fmt.Fprintf(&b, "commit %.10s", t.Base)
	if t.Branch != "" {
		fmt.Fprintf(&b, " of branch %s", t.Branch)
	}
	b.WriteByte('\n')
	if t.Note != "" {
		b.WriteString(t.Note + "\n")
	}
	tc := t.Toolchain()
	if tc != nil {
		fmt.Fprintf(&b, "toolchain %s, all tests run with: %s\n", tc.Name, plainCommand(tc.Test("")))
	} else {
		b.WriteString("no known toolchain: tests cannot be run\n")
	}
	return b.String()
}

// machinery is what a command holds for our own reading of its results.
var machinery = regexp.MustCompile(` --(test-)?reporter(-destination)?=\S+| --outputFile=\S+| --json\b| -json\b|^sh -c `)

// plainCommand is a command as a person would type it.
func plainCommand(args []string) string {
	return machinery.ReplaceAllString(strings.Join(args, " "), "")
}

// bulk are directories of files that nobody edits by hand.
var bulk = regexp.MustCompile(`(^|/)(node_modules|vendor|dist|build|coverage|third_party|\.yarn|\.git|__snapshots__)/`)

// byDirectory names files, those of one directory in one line after its name.
func byDirectory(files []string) []string {
	in, order := map[string][]string{}, []string{}
	for _, f := range files {
		dir, name := path.Split(f)
		if in[dir] == nil {
			order = append(order, dir)
		}
		in[dir] = append(in[dir], name)
	}
	for i, dir := range order {
		order[i] = strings.TrimSpace(dir + " " + strings.Join(in[dir], ", "))
	}
	return order
}

// fileMap names the files, or, if they are many, the directories with their counts and the files near the root.
func fileMap(files []string) string {
	var shown []string
	for _, f := range files {
		if !bulk.MatchString(f) {
			shown = append(shown, f)
		}
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%d files", len(files))
	if n := len(files) - len(shown); n > 0 {
		fmt.Fprintf(&b, " (%d generated or vendored ones not shown)", n)
	}
	b.WriteString(":\n")
	if len(shown) <= mapMax {
		for _, d := range byDirectory(shown) {
			b.WriteString(d + "\n")
		}
		return b.String()
	}
	counts, order := map[string]int{}, []string{}
	for _, f := range shown {
		d := path.Dir(f)
		if parts := strings.Split(d, "/"); len(parts) > 3 {
			d = strings.Join(parts[:3], "/")
		}
		if counts[d] == 0 {
			order = append(order, d)
		}
		counts[d]++
	}
	slices.Sort(order)
	for i, d := range order {
		if i == mapMax {
			fmt.Fprintf(&b, "[%d more directories; list-files shows them]\n", len(order)-i)
			break
		}
		fmt.Fprintf(&b, "%s/ %d files\n", d, counts[d])
	}
	for _, f := range shown {
		if path.Dir(f) == "." {
			b.WriteString(f + "\n")
		}
	}
	return b.String()
}
