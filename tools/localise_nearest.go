package tools

import (
	"path"
	"slices"
	"strings"
)

// nearestTest is the first test in order, or else the one whose name and place are closest to the best file. Of equally near
// ones that one is taken which the failure points to most.
func (r *ranking) nearestTest(files, order []string) string {
	if i := slices.IndexFunc(order, r.holdsTests); i >= 0 {
		return order[i]
	}
	if len(order) == 0 {
		return ""
	}
	about, best, most := order[0], "", -1.0
	for _, f := range files {
		if bulk.MatchString(f) || !r.holdsTests(f) {
			continue
		}
		score := min(r.scores[f], 0.9)
		if stem(about) != "" && strings.Contains(stem(f), stem(about)) {
			score += 10
		}
		for x, y := path.Dir(f), path.Dir(about); x != "." && y != "."; x, y = path.Dir(x), path.Dir(y) {
			if x == y {
				score++
			}
		}
		if score > most {
			best, most = f, score
		}
	}
	return best
}

// holdsTests reports whether there are tests in a file: some runners take every file of a directory for one.
func (r *ranking) holdsTests(f string) bool {
	text, err := r.tree.Read(f)
	return err == nil && r.isTest(f) && testCases.MatchString(text)
}

// helpers are the files beside a test that it imports: a new test needs them too.
func (r *ranking) helpers(files []string, test string) []string {
	have := map[string]bool{}
	for _, f := range files {
		have[f] = path.Dir(f) == path.Dir(test)
	}
	text, err := r.tree.Read(test)
	if err != nil {
		return nil
	}
	var out []string
	for _, m := range importsJS.FindAllStringSubmatch(text, 20) {
		if f := resolveJS(have, test, m[1]); f != "" && !r.holdsTests(f) && !slices.Contains(out, f) {
			out = append(out, f)
		}
	}
	return out
}

// namesake is the test that is called like the first file in order that no frame names, or like its directory: what is noticed in
// one file is often caused in one that it calls, and tested there. "" if there is none.
func (r *ranking) namesake(files, order []string) string {
	for _, about := range without(order, r.framed) {
		for _, name := range []string{stem(about), path.Base(path.Dir(about))} {
			for _, f := range files {
				if stem(f) == name && !bulk.MatchString(f) && r.holdsTests(f) {
					return f
				}
			}
		}
	}
	return ""
}

// stem is the name of a file without directories and endings.
func stem(f string) string {
	name, _, _ := strings.Cut(path.Base(f), ".")
	if name == "" || name == "index" {
		return path.Base(path.Dir(f))
	}
	return strings.TrimSuffix(name, "_test")
}
