package sandbox

import (
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

const (
	terrainCommits = 50   // of history that are looked at
	terrainFiles   = 5000 // that are searched for imports
)

// Terrain looks at the repository around a patch: who imports the files that it changes, how often these were changed
// of late, and how old the lines are that it removes. It reads files and history only; nothing is run.
func (t *Tree) Terrain(tc *Toolchain, p hotfix.Patch, now time.Time) (hotfix.Terrain, error) {
	out := hotfix.Terrain{Importers: map[string]int{}, Changes: map[string]int{}, Age: map[string]time.Duration{}}
	files, _, err := sources(tc, p)
	if err != nil {
		return out, err
	}
	names, err := t.Files()
	if err != nil {
		return out, err
	}
	history, err := t.firstParents(terrainCommits)
	if err != nil {
		return out, err
	}
	for _, f := range files {
		if f.IsNew {
			continue
		}
		if n := t.importers(f.OldName, names); n > 0 {
			out.Importers[f.OldName] = n
		}
		var removed []string
		for _, fragment := range f.TextFragments {
			for _, l := range fragment.Lines {
				if text := strings.TrimSpace(l.Line); l.Old() && !l.New() && len(text) > 3 {
					removed = append(removed, text)
				}
			}
		}
		changes, since := t.past(f.OldName, history, removed)
		out.Changes[f.OldName] = changes
		if len(removed) > 0 && !since.IsZero() {
			out.Age[f.OldName] = max(now.Sub(since), 0)
		}
	}
	return out, nil
}

// importers counts the files that import name, by what an import of it ends with: its path without the extension, or
// for Go its directory.
func (t *Tree) importers(name string, all []string) int {
	stem := strings.TrimSuffix(path.Base(name), path.Ext(name))
	if stem == "index" {
		stem = path.Base(path.Dir(name))
	}
	shape := regexp.MustCompile(`(?:\bfrom|\bimport|\brequire)\b[^"'\n]*["'][^"'\n]*/` + regexp.QuoteMeta(stem) + `(?:\.[cm]?[jt]sx?)?["']`)
	if path.Ext(name) == ".go" {
		dir := path.Dir(name)
		if dir == "." {
			return 0
		}
		shape = regexp.MustCompile(`"[^"\n]+/` + regexp.QuoteMeta(dir) + `"`)
	}
	n := 0
	for _, other := range all[:min(len(all), terrainFiles)] {
		if other == name || !importing(other) {
			continue
		}
		if text, err := t.Read(other); err == nil && shape.MatchString(text) {
			n++
		}
	}
	return n
}

// importing reports whether a file can import others.
func importing(name string) bool {
	return slices.Contains([]string{".js", ".mjs", ".cjs", ".ts", ".mts", ".cts", ".jsx", ".tsx", ".go"}, path.Ext(name))
}

// past counts the commits that changed a file, and says since when the youngest of lines has stood in it.
func (t *Tree) past(name string, history []Commit, lines []string) (changes int, since time.Time) {
	var last plumbing.Hash
	standing := len(lines) > 0
	for i, c := range history {
		commit, err := object.GetCommit(t.store, plumbing.NewHash(c.Hash))
		if err != nil {
			return changes, since
		}
		f, err := commit.File(name)
		if err != nil {
			return changes + 1, since // it came into being after this commit
		}
		if i > 0 && f.Hash == last {
			if standing {
				since = c.When
			}
			continue
		}
		if i > 0 {
			changes++
		}
		last = f.Hash
		if text, err := f.Contents(); err != nil || !hasLines(text, lines) {
			standing = false
		}
		if standing {
			since = c.When
		}
	}
	return changes, since
}

// hasLines reports whether text has every one of lines.
func hasLines(text string, lines []string) bool {
	have := map[string]bool{}
	for l := range strings.Lines(text) {
		have[strings.TrimSpace(l)] = true
	}
	return !slices.ContainsFunc(lines, func(l string) bool { return !have[l] })
}

// rules are files in which a repository says what it thinks of proposals by machines.
var rules = []string{"AI_POLICY.md", ".github/AI_POLICY.md", "docs/AI_POLICY.md", "AI-POLICY.md", ".github/AI-POLICY.md", "CONTRIBUTING.md", ".github/CONTRIBUTING.md", "docs/CONTRIBUTING.md"}

var (
	forbids = regexp.MustCompile(`(?i)\b(?:no|not accept\w*|reject\w*|forbid\w*|prohibit\w*|ban(?:s|ned)?|closed? without|do(?:es)? not (?:accept|want|allow|submit)|must not|may not|never)\b`)
	machine = regexp.MustCompile(`(?i)\b(?:AI|LLM|machine|bot|agent|copilot|chatgpt|generative)[- ]?(?:generated|written|authored|assisted|made)?\b.{0,60}\b(?:pull requests?|PRs?|contributions?|patch(?:es)?|code|submissions?)\b|\b(?:pull requests?|PRs?|contributions?|patch(?:es)?|code (?:written|generated|made)|submissions?)\b.{0,60}\b(?:by|from|of|using|with|through)\b.{0,20}\b(?:AIs?|LLMs?|bots?|agents?|copilot|chatgpt|generative|machines?)\b`)
)

// Forbids looks for a sentence by which the repository declines proposals by machines, nil if there is none. A
// sentence that only might mean so counts: to stay away is always allowed.
func (t *Tree) Forbids() *hotfix.Reason {
	for _, name := range rules {
		text, err := t.Read(name)
		if err != nil {
			continue
		}
		for line := range strings.Lines(text) {
			for sentence := range strings.SplitSeq(line, ". ") {
				if forbids.MatchString(sentence) && machine.MatchString(sentence) {
					return &hotfix.Reason{Rule: "repository-rules", Because: name + " says that the repository takes no proposals made by machines."}
				}
			}
		}
	}
	return nil
}
