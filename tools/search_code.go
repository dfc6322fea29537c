package tools

import (
	"context"
	"fmt"
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type searchCodeArgs struct {
	Patterns []string `json:"patterns" doc:"Regular expressions (RE2), each searched for line by line. Several at once save turns."`
	Dir      string   `json:"dir,omitempty" doc:"Directory to search. Empty is the whole repository."`
	Files    string   `json:"files,omitempty" doc:"Only files with such a name, for example *.ts."`
	Context  int      `json:"context,omitempty" doc:"Lines to show around each match, 0 to 10."`
}

const (
	matchMax  = 25 // per pattern
	searchMax = 8  // patterns
)

var searchCode = define("search-code",
	"Search the repository's files for regular expressions. Shows numbered lines.",
	func(ctx context.Context, b *Bench, args searchCodeArgs) (agent.Result, error) {
		res, err := compile(args.Patterns)
		if err != nil {
			return agent.Result{}, err
		}
		t, err := b.tree(ctx)
		if err != nil {
			return agent.Result{}, err
		}
		files, err := t.Files()
		if err != nil {
			return agent.Result{}, fmt.Errorf("search: %w", err)
		}
		if files, err = matching(files, args.Dir, args.Files); err != nil {
			return agent.Result{}, err
		}
		found := search(t, files, res)
		var out strings.Builder
		var facts []string
		for i, re := range res {
			fmt.Fprintf(&out, "%s: %d matches\n", re, found[i].total)
			for _, h := range found[i].hits {
				text, f := h.show(min(max(args.Context, 0), 10))
				out.WriteString(text)
				facts = append(facts, f)
			}
			if n := found[i].total - len(found[i].hits); n > 0 {
				fmt.Fprintf(&out, "[%d more; narrow the pattern or name a directory]\n", n)
			}
		}
		return agent.Result{Text: out.String(), Facts: facts}, nil
	}).reading()

func compile(patterns []string) ([]*regexp.Regexp, error) {
	if len(patterns) == 0 || len(patterns) > searchMax {
		return nil, mistakef("patterns must hold 1 to %d regular expressions, it holds %d", searchMax, len(patterns))
	}
	var out []*regexp.Regexp
	for _, p := range patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, mistakef("%q is not a regular expression of RE2: %v. Escape what is meant literally", p, err)
		}
		if re.MatchString("") {
			return nil, mistakef("%q matches every line: say what to look for", p)
		}
		out = append(out, re)
	}
	return out, nil
}

// A hit is one matching line, counted from 0.
type hit struct {
	path  string
	lines []string
	line  int
}

// show writes the hit with n lines around it, and names it.
func (h hit) show(n int) (text, fact string) {
	fact = fmt.Sprintf("%s:%d", h.path, h.line+1)
	if n == 0 {
		return fmt.Sprintf("%s: %s\n", fact, clip(strings.TrimSpace(h.lines[h.line]), maxLine)), fact
	}
	from, to := max(h.line-n, 0), min(h.line+n+1, len(h.lines))
	return fmt.Sprintf("%s\n%s", fact, numbered(h.lines[from:to], from+1)), fact
}

// A finding is what one pattern matched.
type finding struct {
	total int
	hits  []hit
}

// search looks for each of res in files; what is no text is passed over.
func search(t *sandbox.Tree, files []string, res []*regexp.Regexp) []finding {
	found := make([]finding, len(res))
	for _, path := range files {
		if bulk.MatchString(path) {
			continue
		}
		text, err := t.Read(path)
		if err != nil || strings.ContainsRune(text[:min(len(text), 8000)], 0) {
			continue
		}
		ls := lines(text)
		for i, re := range res {
			for n, l := range ls {
				if !re.MatchString(l) {
					continue
				}
				found[i].total++
				if len(found[i].hits) < matchMax {
					found[i].hits = append(found[i].hits, hit{path, ls, n})
				}
			}
		}
	}
	return found
}
