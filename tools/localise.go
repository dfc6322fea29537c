package tools

import (
	"cmp"
	"context"
	"fmt"
	"regexp"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

const (
	excerptMax  = 15_000 // characters of all excerpts
	wholeMax    = 12_000 // characters of a repository that is shown whole
	wholeFile   = 160    // lines of a file that is shown whole
	frameAround = 30     // lines around a frame
	identAround = 10     // lines around a mention of an identifier
	placesMax   = 6      // files
	besideMax   = 2_000  // characters of a file that a test imports, and of a further test
)

// localise checks out the repository and finds what of it a failure is most likely about: a map, and excerpts around
// the frames, names and tests that the failure leads to. With it in the first prompt most failures need no search.
func localise(ctx context.Context, b *Bench, f hotfix.Failure, frames []Frame) (string, error) {
	t, err := b.tree(ctx)
	if err != nil {
		return "", err
	}
	files, err := t.Files()
	if err != nil {
		return "", fmt.Errorf("localise: %w", err)
	}
	if len(frames) == 0 {
		frames = Frames(f)
	}
	b.outside = []string{f.Message.String(), f.Stack.String()}
	for _, l := range f.Logs {
		b.outside = append(b.outside, l.String())
	}
	b.progress("looking for the cause in %d files", len(files))
	r := ranking{tree: t, tests: t.Toolchain(), scores: map[string]float64{}, at: map[string][]span{}}
	r.byFrames(files, frames)
	r.framed = r.best(len(files))
	raising := r.framed // an error whose frames are known was raised there
	if len(raising) == 0 {
		raising = files
	}
	past, err := r.past(ctx, b)
	if err != nil {
		return "", fmt.Errorf("localise: %w", err)
	}
	r.byNames(files, identifiers(f))
	r.byConstructs(ctx, raising, f.Message.String()+"\n"+f.Stack.String())
	if len(r.scores) == 0 {
		past += "\nNothing in the failure names a file or a name of this repository.\n"
		for _, f := range entries(files) {
			r.scores[f] = 1
		}
	}
	r.byImports(files)
	if whole := r.whole(files); whole != "" {
		b.seen.allFiles = true
		return clean(setting(t) + past + whole), nil
	}
	b.seen.allNames = len(files) <= mapMax && !slices.ContainsFunc(files, bulk.MatchString)
	r.byCalls(files)
	return clean(setting(t) + fileMap(files) + past + r.excerpts(files)), nil
}

// A ranking gathers which files a failure points to, and which of their lines.
type ranking struct {
	tree   *sandbox.Tree
	tests  *sandbox.Toolchain // nil if none is known
	scores map[string]float64
	at     map[string][]span
	framed []string // files that frames name
}

// byFrames follows the frames of a stack. A deployed program has other directories above its files than the repository,
// so the longest common end of the path decides.
func (r *ranking) byFrames(files []string, frames []Frame) {
	for i, frame := range frames {
		if bulk.MatchString(frame.Path) {
			continue
		}
		best, depth := []string(nil), 0
		for _, f := range files {
			if bulk.MatchString(f) {
				continue
			}
			switch n := commonEnd(f, frame.Path); {
			case n > depth:
				best, depth = []string{f}, n
			case n == depth && n > 0:
				best = append(best, f)
			}
		}
		if len(best) > 3 { // a name like index.ts alone says nothing
			continue
		}
		for _, f := range best {
			r.scores[f] += 10 / float64(len(best)) / (1 + float64(i)/4)
			if frame.Line > 0 {
				r.at[f] = append(r.at[f], span{frame.Line - frameAround, frame.Line + frameAround})
			}
		}
	}
}

// commonEnd counts the path elements that two paths share at their ends.
func commonEnd(a, b string) int {
	x, y := strings.Split(a, "/"), strings.Split(b, "/")
	n := 0
	for n < len(x) && n < len(y) && x[len(x)-1-n] == y[len(y)-1-n] {
		n++
	}
	return n
}

var (
	word   = regexp.MustCompile(`[A-Za-z_$][A-Za-z0-9_$]{2,}`)
	called = regexp.MustCompile(`([A-Za-z_$][\w$]{2,})(?:\(| \((?:\S*/)?[\w.-]+\.\w+:\d)`)
	unfit  = regexp.MustCompile(`([A-Za-z_$][\w$]*) is not (?:a function|iterable|defined|a constructor)`)
	quoted = regexp.MustCompile("[\"'`]([^\"'`\\n]{3,60})[\"'`]")
	common = regexp.MustCompile(`(?i)^(error|typeerror|rangeerror|referenceerror|exception|cannot|read|properties|property|undefined|null|the|and|for|not|with|from|this|that|failed|failure|unexpected|token|object|function|async|await|http|https|www|com|github|node|internal|level|msg|info|warn|debug|true|false|main|index|test|panic|runtime|goroutine|was|were|has|have|could|unable|invalid|value|string|number|array|process|exit|code|file|line|row|col|column|time|status|request|response|data|type)$`)
)

// identifiers are the words of a failure that look like names in code: what it quotes first, then words of mixed case.
func identifiers(f hotfix.Failure) []string {
	text := f.Message.String() + "\n" + f.Stack.String()
	for _, l := range f.Logs {
		text += "\n" + l.String()
	}
	var out []string
	add := func(s string) {
		if !common.MatchString(s) && !slices.Contains(out, s) && len(out) < 25 {
			out = append(out, s)
		}
	}
	for _, m := range called.FindAllStringSubmatch(text, 20) {
		add(m[1])
	}
	for _, m := range unfit.FindAllStringSubmatch(text, 10) {
		add(m[1])
	}
	for _, m := range quoted.FindAllStringSubmatch(text, 40) {
		add(strings.TrimSpace(m[1]))
	}
	for _, w := range word.FindAllString(text, 400) {
		if mixed(w) {
			add(w)
		}
	}
	return out
}

// mixed reports whether a word is written as names in code are: parts joined by case or underscores.
func mixed(w string) bool {
	return strings.Contains(strings.Trim(w, "_"), "_") || strings.ToLower(w[1:]) != w[1:] && strings.ToUpper(w) != w
}

// byNames looks for the identifiers in the code. A rare name says more than a common one, and where it is declared more
// than where it is used.
func (r *ranking) byNames(files, names []string) {
	uses, declared := make([]finding, len(names)), make([]finding, len(names))
	var declares []*regexp.Regexp
	for _, n := range names {
		declares = append(declares, declaration(n))
	}
	r.mentions(sourcesIn(files), names, func(i int, h hit) {
		uses[i].note(h)
		if declares[i].MatchString(h.lines[h.line]) {
			declared[i].note(h)
		}
	})
	r.weigh(declared, 4)
	r.weigh(uses, 3)
}

// mentions tells note of each line that holds one of the names.
func (r *ranking) mentions(sources, names []string, note func(name int, h hit)) {
	for _, f := range sources {
		text, err := r.tree.Read(f)
		if err != nil || strings.ContainsRune(text[:min(len(text), 8000)], 0) {
			continue
		}
		ls := lines(text)
		for i, name := range names {
			if !strings.Contains(text, name) {
				continue
			}
			for n, l := range ls {
				if strings.Contains(l, name) {
					note(i, hit{f, ls, n})
				}
			}
		}
	}
}

// commonest is how often something may occur before it says nothing.
const commonest = 60

// weigh gives weight to the files in which something was found, the more the rarer it is and the earlier it stands.
func (r *ranking) weigh(found []finding, weight float64) {
	for i, found := range found {
		if found.total == 0 || found.total > commonest {
			continue
		}
		for _, h := range found.hits {
			w := weight / float64(found.total) / (1 + float64(i)/10)
			if r.isTest(h.path) {
				w /= 4
			}
			r.scores[h.path] += w
			r.at[h.path] = append(r.at[h.path], span{h.line + 1 - identAround, h.line + 1 + identAround})
		}
	}
}

// sourcesIn are the files that people write.
func sourcesIn(files []string) []string {
	var out []string
	for _, f := range files {
		if source.MatchString(f) && !bulk.MatchString(f) {
			out = append(out, f)
		}
	}
	return out
}

var source = regexp.MustCompile(`\.(ts|tsx|mts|cts|js|jsx|mjs|cjs|go|py|rb|rs|java|kt|json|ya?ml|toml)$|(^|/)go\.mod$`)

func (r *ranking) isTest(f string) bool {
	return r.tests != nil && r.tests.IsTest(f)
}

// best are the files with the highest scores, the first n.
func (r *ranking) best(n int) []string {
	var order []string
	for f := range r.scores {
		if !unread(f) {
			order = append(order, f)
		}
	}
	slices.SortFunc(order, func(a, b string) int {
		return cmp.Or(cmp.Compare(r.scores[b], r.scores[a]), strings.Compare(a, b))
	})
	return order[:min(len(order), n)]
}

// whole shows every file of a small repository, the likeliest first; "" if it is not small.
func (r *ranking) whole(files []string) string {
	shown := r.best(len(files))
	for _, tests := range []bool{false, true} {
		for _, f := range sourcesIn(files) {
			if !unread(f) && !strings.HasPrefix(f, ".") && !slices.Contains(shown, f) && r.isTest(f) == tests {
				shown = append(shown, f)
			}
		}
	}
	for _, f := range files {
		if strings.EqualFold(f, "README.md") {
			shown = append(shown, f)
		}
	}
	var b strings.Builder
	b.WriteString("\nThe whole of it:\n")
	all := ranking{tree: r.tree}
	for _, f := range shown {
		if b.WriteString(all.excerpt(f, wholeMax)); b.Len() > wholeMax {
			return ""
		}
	}
	if others := without(files, shown); len(others) > 0 {
		fmt.Fprintf(&b, "\nfiles not shown: %s\n", clip(strings.Join(others, ", "), 1000))
	}
	return b.String()
}

// without is files less those of shown.
func without(files, shown []string) []string {
	return slices.DeleteFunc(slices.Clone(files), func(f string) bool { return slices.Contains(shown, f) })
}

// excerpts shows the best files, and a test whose style the new one can follow.
func (r *ranking) excerpts(files []string) string {
	order := r.best(placesMax)
	var b strings.Builder
	for i, f := range order {
		share := (excerptMax - b.Len()) / max(2, len(order)-i)
		if i == 0 {
			share = excerptMax / 2
		}
		b.WriteString(r.excerpt(f, share))
	}
	test := r.nearestTest(files, order)
	if test != "" && !slices.Contains(order, test) {
		b.WriteString("\na test to follow: " + r.excerpt(test, max(2000, min(4000, excerptMax-b.Len()))))
	}
	beside := r.helpers(files, test)
	if more := r.namesake(files, order); more != "" && more != test {
		beside = append(beside, more)
	}
	for _, f := range without(beside, order) {
		b.WriteString(r.excerpt(f, besideMax))
	}
	return b.String()
}

var entry = regexp.MustCompile(`^(src/)?(index|main|plugin|app|worker|action)\.(ts|js|mjs|go|py)$`)

// entries are where a program begins, for failures that name nothing.
func entries(files []string) []string {
	var out []string
	for _, f := range files {
		if entry.MatchString(f) && len(out) < 3 {
			out = append(out, f)
		}
	}
	return out
}

// unread reports whether a file is left out of what the first prompt shows.
func unread(f string) bool { return !hotfix.Protected(f).Shown() && !strings.HasSuffix(f, ".yml") }

// excerpt shows a short file whole, and of a long one the lines that matter.
func (r *ranking) excerpt(f string, room int) string {
	text, err := r.tree.Read(f)
	if err != nil || strings.ContainsRune(text, 0) {
		return ""
	}
	ls := lines(text)
	spans := r.at[f]
	if len(spans) == 0 || len(ls) <= wholeFile && len(text) <= room {
		spans = []span{{1, len(ls)}}
	}
	spans = fitting(spans, ls, room)
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s", f)
	if len(spans) != 1 || spans[0] != (span{1, len(ls)}) {
		fmt.Fprintf(&b, ", %d lines", len(ls))
	}
	b.WriteByte('\n')
	last := 0
	for _, s := range spans {
		from, to := max(s.from, last+1, 1), min(s.to, len(ls))
		if from > to {
			continue
		}
		if from > last+1 {
			b.WriteString("...\n")
		}
		for n := from; n <= to; n++ {
			if b.Len() > room {
				fmt.Fprintf(&b, "[cut here; read-file shows lines %d to %d]\n", n, len(ls))
				return b.String()
			}
			b.WriteString(numbered(ls[n-1:n], n))
		}
		last = to
	}
	if last < len(ls) {
		b.WriteString("...\n")
	}
	return b.String()
}

// fitting are the spans that have room together, in the order of their lines. What was found first says most, so it goes
// first; the very first may be longer than the room.
func fitting(spans []span, ls []string, room int) []span {
	var out []span
	shown := map[int]bool{}
	for _, s := range spans {
		size := 0
		for n := max(s.from, 1); n <= min(s.to, len(ls)); n++ {
			if !shown[n] {
				size += min(len(ls[n-1]), maxLine) + 6
			}
		}
		if size > room && len(out) > 0 {
			continue
		}
		room -= size
		out = append(out, s)
		for n := s.from; n <= s.to; n++ {
			shown[n] = true
		}
	}
	slices.SortFunc(out, func(a, b span) int { return a.from - b.from })
	return out
}
