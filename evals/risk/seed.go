// Package risk makes the labelled patches that the risk weights are trained on and judged by: seeds and fixtures are
// varied, each variant is proven as a model's patch would be, and the judge's own tests say whether it is right.
package risk

import (
	"encoding/json"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"

	"github.com/bluekeyes/go-gitdiff/gitdiff"
	"golang.org/x/tools/txtar"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
)

// Files are texts by path; an empty one is a file that is removed.
type Files map[string]string

// A Seed is one fault with fixes for it, right ones and wrong ones. It is a txtar file:
//
//	prose              what is wrong
//	failure.txt        what the failure said
//	repo/...           the plugin's repository
//	judge/...          tests that say whether a fix is right
//	test/NAME/...      regression tests that a fix may bring along
//	right/NAME/...     fixes that the judge accepts
//	wrong/NAME/...     fixes that the judge refuses, most of them green in some of the tests
type Seed struct {
	Name         string
	Failure      string
	Repo, Judge  Files
	Tests        map[string]Files
	Right, Wrong map[string]Files
}

// Load reads the seed in file.
func Load(file string) (Seed, error) {
	a, err := txtar.ParseFile(file)
	if err != nil {
		return Seed{}, fmt.Errorf("seed: %w", err)
	}
	s := Seed{Name: strings.TrimSuffix(filepath.Base(file), ".txtar"), Repo: Files{}, Judge: Files{},
		Tests: map[string]Files{}, Right: map[string]Files{}, Wrong: map[string]Files{}}
	for _, part := range a.Files {
		dir, rest, _ := strings.Cut(part.Name, "/")
		text := string(part.Data)
		switch dir {
		case "failure.txt":
			s.Failure = strings.TrimSpace(text)
		case "repo":
			s.Repo[rest] = text
		case "judge":
			s.Judge[rest] = text
		case "test", "right", "wrong":
			name, path, _ := strings.Cut(rest, "/")
			into := map[string]map[string]Files{"test": s.Tests, "right": s.Right, "wrong": s.Wrong}[dir]
			if into[name] == nil {
				into[name] = Files{}
			}
			into[name][path] = text
		default:
			return Seed{}, fmt.Errorf("seed %s: unknown part %q", s.Name, part.Name)
		}
	}
	if s.Failure == "" || len(s.Repo) == 0 || len(s.Judge) == 0 || len(s.Tests) == 0 || len(s.Right) == 0 {
		return Seed{}, fmt.Errorf("seed %s: failure.txt, repo/, judge/, test/ and right/ are needed", s.Name)
	}
	return s, nil
}

// Seeds reads all seeds in dir, and makes seeds of the fixtures that have a patch which the judge accepts.
func Seeds(dir, fixtures string) ([]Seed, error) {
	files, err := filepath.Glob(filepath.Join(dir, "*.txtar"))
	if err != nil {
		return nil, err
	}
	var out []Seed
	for _, file := range files {
		s, err := Load(file)
		if err != nil {
			return nil, err
		}
		out = append(out, s)
	}
	all, err := evals.All(fixtures, "")
	if err != nil {
		return nil, err
	}
	for _, f := range all {
		s, ok, err := fromFixture(f)
		if err != nil {
			return nil, err
		}
		if ok {
			out = append(out, s)
		}
	}
	return out, nil
}

// fromFixture makes a seed of a fixture. ok is false where the fixture has no patch, or is of another kind: with a
// history of its own, texts that are filled in when it is played, or a judge that only some tests must please.
func fromFixture(f *evals.Fixture) (s Seed, ok bool, err error) {
	diff := f.Want["patch.diff"]
	if diff == "" || f.Bundle != "" || len(f.History) > 0 || len(f.Judge) == 0 || f.Want["fail-to-pass"] != "" {
		return s, false, nil
	}
	for _, text := range f.Files {
		if strings.Contains(text, "{{") {
			return s, false, nil
		}
	}
	s = Seed{Name: "fixture-" + f.Name, Repo: f.Files, Judge: f.Judge, Tests: map[string]Files{"recorded": {}}, Right: map[string]Files{"recorded": {}}}
	for _, name := range slices.Sorted(maps.Keys(f.Events)) {
		var event struct{ Error struct{ Message string } }
		if json.Unmarshal([]byte(f.Events[name]), &event) == nil && event.Error.Message != "" && s.Failure == "" {
			s.Failure = event.Error.Message
		}
	}
	parsed, _, err := gitdiff.Parse(strings.NewReader(plain(diff)))
	if err != nil {
		return s, false, fmt.Errorf("fixture %s: want/patch.diff: %w", f.Name, err)
	}
	for _, p := range parsed {
		if p.IsDelete || p.IsRename || p.IsBinary {
			return s, false, nil
		}
		var now strings.Builder
		if err := gitdiff.Apply(&now, strings.NewReader(f.Files[p.OldName]), p); err != nil {
			return s, false, fmt.Errorf("fixture %s: want/patch.diff: %s: %w", f.Name, p.NewName, err)
		}
		if testFile(p.NewName) {
			s.Tests["recorded"][p.NewName] = now.String()
		} else {
			s.Right["recorded"][p.NewName] = now.String()
		}
	}
	return s, s.Failure != "" && len(s.Tests["recorded"]) > 0 && len(s.Right["recorded"]) > 0, nil
}

// plain is a golden diff without the lines whose hashes were masked.
func plain(diff string) string {
	var b strings.Builder
	for line := range strings.Lines(diff) {
		if !strings.HasPrefix(line, "index ") {
			b.WriteString(line)
		}
	}
	return b.String()
}

func testFile(name string) bool {
	return strings.HasPrefix(name, "test/") || strings.Contains(name, ".test.") || strings.HasSuffix(name, "_test.go")
}

// over returns a with the files of b laid over it.
func over(a, b Files) Files {
	out := maps.Clone(a)
	maps.Copy(out, b)
	return out
}
