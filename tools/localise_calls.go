package tools

import (
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	callDepth  = 3  // levels of calls that are followed
	callNames  = 40 // names of one level
	callRare   = 2  // declarations that a name may have; more say nothing
	callAround = 30 // lines of a function that are shown
)

var calls = regexp.MustCompile(`([A-Za-z_$][\w$]{2,})\(`)

// byCalls follows what the likeliest lines call to where that is declared: an error is often noticed above its cause.
// Each level counts half of the one before.
func (r *ranking) byCalls(files []string) {
	sources := slices.DeleteFunc(sourcesIn(files), r.isTest)
	seen := map[string]bool{}
	at := map[string][]span{}
	for _, f := range r.best(2) {
		if !r.isTest(f) {
			at[f] = r.at[f]
		}
	}
	for weight := 2.0; weight > 2.0/(1<<callDepth) && len(at) > 0; weight /= 2 {
		names, dirs := r.calledIn(at, seen)
		at = r.follow(sources, names, dirs, weight)
	}
}

// definition matches the line that defines a function of that name. A field or a key of the same name is none.
func definition(name string) *regexp.Regexp {
	n := regexp.QuoteMeta(name)
	return regexp.MustCompile(`\b(func|function\*?|def|fn)\s+(\([^)]*\)\s*)?` + n + `\s*[\[(<]` +
		`|\b(const|let|var)\s+` + n + `\s*=\s*(async\s*)?(function\b|\(|[\w$]+\s*=>)` +
		`|^\s+(public |private |protected |static |async |get |set |\*)*` + n + `\s*\([^;]*\)\s*(:[^;]*)?\{\s*$`)
}

// calledIn names what the lines of the given places call, each once and not what was seen before, with the directory that
// calls it.
func (r *ranking) calledIn(at map[string][]span, seen map[string]bool) (names, dirs []string) {
	for _, f := range slices.Sorted(maps.Keys(at)) {
		text, err := r.tree.Read(f)
		if err != nil {
			continue
		}
		ls := lines(text)
		for _, s := range at[f] {
			for _, l := range ls[min(max(s.from-1, 0), len(ls)):min(max(s.to, 0), len(ls))] {
				for _, m := range calls.FindAllStringSubmatch(l, -1) {
					if name := m[1]; !seen[name] && len(names) < callNames {
						seen[name] = true
						names, dirs = append(names, name), append(dirs, path.Dir(f))
					}
				}
			}
		}
	}
	return names, dirs
}

// follow gives weight to the places where names are defined, and returns them. Of several, those beside the caller are meant.
func (r *ranking) follow(sources, names, dirs []string, weight float64) map[string][]span {
	declared := make([][]hit, len(names))
	res := make([]*regexp.Regexp, len(names))
	for i, n := range names {
		res[i] = definition(n)
	}
	r.mentions(sources, names, func(i int, h hit) {
		if res[i].MatchString(h.lines[h.line]) {
			declared[i] = append(declared[i], h)
		}
	})
	found := map[string][]span{}
	for i, hits := range declared {
		if near := slices.DeleteFunc(slices.Clone(hits), func(h hit) bool { return path.Dir(h.path) != dirs[i] }); len(near) > 0 {
			hits = near
		}
		if len(hits) > callRare {
			continue
		}
		for _, h := range hits {
			s := span{h.line, min(h.line+1+callAround, blockEnd(h.lines, h.line))}
			r.scores[h.path] += weight / float64(len(hits))
			r.at[h.path] = append(r.at[h.path], s)
			found[h.path] = append(found[h.path], s)
		}
	}
	return found
}

// blockEnd is the number of the line that ends what begins at line from: the next one that is indented no more than it.
func blockEnd(ls []string, from int) int {
	indent := func(l string) int { return len(l) - len(strings.TrimLeft(l, " \t")) }
	for n := from + 1; n < len(ls); n++ {
		if strings.TrimSpace(ls[n]) != "" && indent(ls[n]) <= indent(ls[from]) {
			return n + 1
		}
	}
	return len(ls)
}
