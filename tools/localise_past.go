package tools

import (
	"context"
	"fmt"
	"path"
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

const (
	latestMax = 5    // commits that the first prompt names
	sinceMax  = 15   // files that changed since the last green commit
	wishMax   = 1500 // characters of one file that tells how to work on the repository
)

// past says what happened to the code lately: the latest commits, and what changed since the checks passed last. What
// changed is more likely at fault.
func (r *ranking) past(ctx context.Context, b *Bench) (string, error) {
	commits, err := r.tree.History(latestMax, "")
	if b.seen.noPast = err == nil && len(commits) < 2; err != nil || b.seen.noPast {
		return "", err
	}
	var out strings.Builder
	green, err := b.green(ctx)
	if err != nil {
		return "", err
	}
	out.WriteString("\nlatest commits:\n")
	for _, c := range commits {
		out.WriteString(commitLine(c, c.Hash == green))
	}
	if b.seen.noGreen = green == "" || green == r.tree.Base; b.seen.noGreen {
		return out.String(), nil
	}
	d, err := r.tree.Diff(green, r.tree.Base, "")
	if err != nil {
		return "", err
	}
	d = sourcesOf(d)
	for _, f := range d.Files {
		r.scores[f.Name] += 2 / float64(max(len(d.Files), 2))
	}
	fmt.Fprintf(&out, "changed since the checks passed last, at %.10s:\n%s", green, stats(d, sinceMax))
	return out.String(), nil
}

// sourcesOf is a difference without generated files and lock files.
func sourcesOf(d sandbox.Difference) sandbox.Difference {
	kept := d.Files[:0:0]
	for _, f := range d.Files {
		if !bulk.MatchString(f.Name) && !unread(f.Name) {
			kept = append(kept, f)
		}
	}
	d.Files = kept
	return d
}

// wishFiles are where repositories say how they want to be worked on.
var wishFiles = []string{"AGENTS.md", "CLAUDE.md", ".github/copilot-instructions.md", "CONTRIBUTING.md"}

// wishes is what the repository asks of those who work on it, in its own words and short; "" if it asks nothing. It is
// outside text like any other.
func wishes(t *sandbox.Tree) string {
	var out strings.Builder
	for _, name := range wishFiles {
		text, err := t.Read(name)
		if err != nil || strings.TrimSpace(text) == "" || strings.ContainsRune(text, 0) {
			continue
		}
		fmt.Fprintf(&out, "%s:\n%s\n", name, clip(strings.TrimSpace(text), wishMax))
		if out.Len() > 2*wishMax {
			break
		}
	}
	return clean(out.String())
}

// constructs are the parts of code that raise an error whose message does not name them.
var constructs = []struct{ message, code *regexp.Regexp }{
	{regexp.MustCompile(`(?i)invalid regular expression|error parsing regexp|nothing to repeat`), regexp.MustCompile(`RegExp\(|regexp\.(Must)?Compile|re\.compile\(`)},
	{regexp.MustCompile(`(?i)valid JSON|JSON at position|end of JSON|unexpected token|looking for beginning of|JSONDecodeError`), regexp.MustCompile(`JSON\.parse\(|json\.(Unmarshal|NewDecoder|loads)|\.json\(\)`)},
	{regexp.MustCompile(`(?i)circular structure|serialize a BigInt`), regexp.MustCompile(`JSON\.stringify\(`)},
	{regexp.MustCompile(`(?i)invalid URL|unsupported protocol scheme`), regexp.MustCompile(`new URL\(|url\.Parse\(`)},
	{regexp.MustCompile(`(?i)invalid time value|invalid date|parsing time`), regexp.MustCompile(`new Date\(|toISOString|Date\.parse|time\.Parse\(`)},
	{regexp.MustCompile(`(?i)undefined or null to object`), regexp.MustCompile(`Object\.(keys|entries|values|assign)\(`)},
	{regexp.MustCompile(`(?i)is not iterable`), regexp.MustCompile(`\bof\b.*\)|\.\.\.\w`)},
	{regexp.MustCompile(`(?i)reduce of empty array`), regexp.MustCompile(`\.reduce(Right)?\(`)},
	{regexp.MustCompile(`(?i)invalid array length`), regexp.MustCompile(`new Array\(|Array\(|\.length\s*=[^=]`)},
	{regexp.MustCompile(`(?i)invalid count value|negative repeat count`), regexp.MustCompile(`\.repeat\(|strings\.Repeat`)},
	{regexp.MustCompile(`(?i)URI malformed`), regexp.MustCompile(`(de|en)codeURI(Component)?\(`)},
	{regexp.MustCompile(`(?i)BigInt`), regexp.MustCompile(`BigInt\(|\d+n\b`)},
	{regexp.MustCompile(`(?i)nil map`), regexp.MustCompile(`map\[`)},
	{regexp.MustCompile(`(?i)divi(de|sion) by zero`), regexp.MustCompile(`[\w)\]] ?/ ?[\w(]`)},
	{regexp.MustCompile(`(?i)index out of range|slice bounds`), regexp.MustCompile(`\w\[[^\]]*[-+:][^\]]*\]|\w\[\d+\]`)},
	{regexp.MustCompile(`(?i)EADDRINUSE|address already in use`), regexp.MustCompile(`\.listen\(|net\.Listen`)},
	{regexp.MustCompile(`(?i)ENOENT|no such file`), regexp.MustCompile(`readFile|os\.Open|os\.ReadFile|\bopen\(`)},
}

// byConstructs looks for the code that raises such errors.
func (r *ranking) byConstructs(ctx context.Context, files []string, message string) {
	var res []*regexp.Regexp
	for _, c := range constructs {
		if c.message.MatchString(message) {
			res = append(res, c.code)
		}
	}
	r.weigh(search(ctx, r.tree, sourcesIn(files), res), 2)
}

var (
	importsJS = regexp.MustCompile(`(?:from|import|require\()\s*["'](\.{1,2}/[^"']+)["']`)
	endingsJS = []string{"", ".ts", ".tsx", ".js", ".mjs", ".cjs", ".jsx", "/index.ts", "/index.js"}
)

// byImports lets what a likely file imports share in its score: an error often comes from one level below.
func (r *ranking) byImports(files []string) {
	have := map[string]bool{}
	for _, f := range files {
		have[f] = true
	}
	for _, f := range r.best(placesMax / 2) {
		text, err := r.tree.Read(f)
		if err != nil {
			continue
		}
		for _, m := range importsJS.FindAllStringSubmatch(text, 20) {
			if to := resolveJS(have, f, m[1]); to != "" {
				r.scores[to] += r.scores[f] / 4
			}
		}
	}
}

// resolveJS finds the file that an import means, "" if there is none. TypeScript may name the file it compiles to.
func resolveJS(have map[string]bool, from, what string) string {
	at := path.Join(path.Dir(from), what)
	for _, e := range endingsJS {
		for _, base := range []string{at, strings.TrimSuffix(at, ".js"), strings.TrimSuffix(at, ".mjs")} {
			if have[base+e] {
				return base + e
			}
		}
	}
	return ""
}
