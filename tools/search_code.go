package tools

import (
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

type searchCodeArgs struct {
	Patterns []string `json:"patterns,omitempty" doc:"Regular expressions (RE2), line by line."`
	Symbols  []string `json:"symbols,omitempty" doc:"Names: where each is declared and used."`
	Dir      string   `json:"dir,omitempty" doc:"Only below this directory."`
	Files    string   `json:"files,omitempty" doc:"Only files of such names: *.ts."`
	Context  int      `json:"context,omitempty" doc:"Lines around each match, 0 to 10."`
}

const (
	matchMax  = 25 // per pattern
	searchMax = 8  // patterns
)

var searchCode = define("search-code",
	"Search all files for expressions or names.",
	func(ctx context.Context, b *Bench, args searchCodeArgs) (agent.Result, error) {
		wanted, err := args.compile()
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
		var res []*regexp.Regexp
		for _, w := range wanted {
			res = append(res, w.re)
		}
		found := search(ctx, t, files, res)
		if ctx.Err() != nil {
			return agent.Result{}, fmt.Errorf("search: %w", ctx.Err())
		}
		var out strings.Builder
		var facts []string
		for i, w := range wanted {
			if w.declares != nil {
				found[i].declaredFirst(w.declares)
			}
			fmt.Fprintf(&out, "%s: %d matches\n", w.name, found[i].total)
			for _, h := range found[i].hits {
				text, f := h.show(min(max(args.Context, 0), 10))
				if w.declares != nil && w.declares.MatchString(h.lines[h.line]) {
					text = "declared " + text
				}
				out.WriteString(text)
				facts = append(facts, f)
			}
			if n := found[i].total - len(found[i].hits); n > 0 {
				fmt.Fprintf(&out, "[%d more; narrow the pattern or name a directory]\n", n)
			}
		}
		return agent.Result{Text: out.String(), Facts: facts}, nil
	}).reading().needing(func(b *Bench) bool { return !b.seen.allFiles })

// A wanted is one thing to look for.
type wanted struct {
	name     string
	re       *regexp.Regexp
	declares *regexp.Regexp // for a symbol: the lines that declare it
}

// compile reads what to look for.
func (a searchCodeArgs) compile() ([]wanted, error) {
	if n := len(a.Patterns) + len(a.Symbols); n == 0 || n > searchMax {
		return nil, mistakef("patterns and symbols must hold 1 to %d entries together, they hold %d", searchMax, n)
	}
	var out []wanted
	for _, p := range a.Patterns {
		re, err := regexp.Compile(p)
		if err != nil {
			return nil, mistakef("%q is not a regular expression of RE2: %v. Escape what is meant literally", p, err)
		}
		if re.MatchString("") {
			return nil, mistakef("%q matches every line: say what to look for", p)
		}
		out = append(out, wanted{name: re.String(), re: re})
	}
	for _, s := range a.Symbols {
		name := s[strings.LastIndex(s, ".")+1:] // of Type.method, the method
		if !symbol.MatchString(name) {
			return nil, mistakef("%q is not a name: use patterns for anything else", s)
		}
		out = append(out, wanted{name: s, re: regexp.MustCompile(whole(name)), declares: declaration(name)})
	}
	return out, nil
}

var symbol = regexp.MustCompile(`^[A-Za-z_$][A-Za-z0-9_$-]*$`)

// whole matches name where it is not part of a longer one.
func whole(name string) string {
	return `(^|[^A-Za-z0-9_$])` + regexp.QuoteMeta(name) + `($|[^A-Za-z0-9_$])`
}

// declaration matches the lines that declare name in one of the languages of plugins.
func declaration(name string) *regexp.Regexp {
	n := regexp.QuoteMeta(name)
	return regexp.MustCompile(`\b(func|function\*?|class|interface|type|enum|const|let|var|def|struct|fn)\s+(\([^)]*\)\s*)?` + n + `($|[^A-Za-z0-9_$])` +
		`|^\s*(public |private |protected |static |async |readonly |get |set |\*)*` + n + `\s*(\([^;]*\)\s*(:[^;]*)?\{|[?]?\s*:|\s*=[^=>])`)
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

// note adds a hit; of many, the first are kept.
func (f *finding) note(h hit) {
	if f.total++; len(f.hits) < matchMax {
		f.hits = append(f.hits, h)
	}
}

// declaredFirst moves the hits that declare the symbol to the front.
func (f *finding) declaredFirst(declares *regexp.Regexp) {
	slices.SortStableFunc(f.hits, func(a, b hit) int {
		x, y := declares.MatchString(a.lines[a.line]), declares.MatchString(b.lines[b.line])
		switch {
		case x && !y:
			return -1
		case y && !x:
			return 1
		}
		return 0
	})
}

// search looks for each of res in files until ctx ends; what is no text is passed over.
func search(ctx context.Context, t *sandbox.Tree, files []string, res []*regexp.Regexp) []finding {
	found := make([]finding, len(res))
	for _, path := range files {
		if ctx.Err() != nil {
			break
		}
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
				found[i].note(hit{path, ls, n})
			}
		}
	}
	return found
}
