package main

import (
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// pages are those that people read, by name.
func pages(t *testing.T) map[string]string {
	t.Helper()
	names, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	out := map[string]string{}
	for _, name := range append(names, "../../README.md", "../../SECURITY.md", "../../CONTRIBUTING.md", "../../CHANGELOG.md") {
		text, err := os.ReadFile(name)
		require.NoError(t, err)
		out[strings.TrimPrefix(name, "../../")] = string(text)
	}
	return out
}

// sources is the text of every file of the project with one of these endings.
func sources(t *testing.T, endings ...string) string {
	t.Helper()
	var out strings.Builder
	require.NoError(t, filepath.WalkDir("../..", func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if d.IsDir() {
			switch d.Name() {
			case ".git", ".tools", "out", "bin", "node_modules":
				return filepath.SkipDir
			}
			return nil
		}
		for _, ending := range endings {
			if strings.HasSuffix(path, ending) {
				text, err := os.ReadFile(path)
				out.Write(text)
				return err
			}
		}
		return nil
	}))
	return out.String()
}

// What the pages name is there: tests, variables, files and folders.
func TestPagesNameWhatIsThere(t *testing.T) {
	t.Parallel()
	tests, code := sources(t, "_test.go", "/suite.go"), sources(t, ".go", ".yml", ".tmpl")
	for page, text := range pages(t) {
		for _, name := range regexp.MustCompile("`((?:Test|Fuzz|Benchmark)[A-Z]\\w+)`").FindAllStringSubmatch(text, -1) {
			require.True(t, strings.Contains(tests, "func "+name[1]+"("), "%s names %s, which is no test", page, name[1])
		}
		for _, name := range regexp.MustCompile(`\b(?:HOTFIX|UOS)_[A-Z_]*[A-Z]`).FindAllString(text, -1) {
			require.True(t, strings.Contains(code, name), "%s names %s, which no code knows", page, name)
		}
		for _, m := range regexp.MustCompile("`((?:internal|cmd|sandbox|agent|tools|prompts|evals|docs|\\.ci|\\.github)/[\\w./*-]+)`").FindAllStringSubmatch(text, -1) {
			name := "../../" + m[1]
			found, err := filepath.Glob(name)
			require.NoError(t, err)
			if strings.Contains(name, "NAME") || len(found) > 0 { // a name that the reader chooses
				continue
			}
			require.True(t, strings.Contains(code, m[1]), "%s names %s, which is not there", page, m[1])
		}
	}
}

// flags are the names of all flags, with those that switch something off, by command; "" has all of them.
func flags(t *testing.T) map[string]map[string]bool {
	t.Helper()
	out := map[string]map[string]bool{"": {"--help": true, "--version": true}}
	for _, leaf := range newParser(t.Context(), streams{}).Model.Leaves(true) {
		name := leaf.Path()
		out[name] = map[string]bool{"--help": true}
		for _, f := range leaf.Flags {
			for _, n := range []string{"--" + f.Name, "--no-" + f.Name} {
				out[name][n], out[""][n] = true, true
			}
		}
	}
	return out
}

var (
	aBlock    = regexp.MustCompile("(?s)```.*?```|(?m)^    .*$")
	aCodeSpan = regexp.MustCompile("`([^`]+)`")
	aFlag     = regexp.MustCompile(`(?:^|\s)(--[a-z][a-z-]*[a-z])\b`)
	ofOthers  = regexp.MustCompile(`^(evals|go run|go test|git|pg_dump|node|npm|make|podman|docker|compare|export|import|judge|predict|record|run|update)\b|^--(live|resume|make|train)\b|deno |GOFLAGS`)
)

// codeOf is what a page has in code spans, each on one line, and the lines of its blocks of code.
func codeOf(page string) (out []string) {
	prose := aBlock.ReplaceAllStringFunc(page, func(block string) string {
		out = append(out, strings.Split(strings.Trim(block, "`"), "\n")...)
		return ""
	})
	for _, m := range aCodeSpan.FindAllStringSubmatch(prose, -1) {
		out = append(out, strings.ReplaceAll(m[1], "\n", " "))
	}
	return out
}

// A flag that a page names in a code span or a block of code is a flag of this program. What belongs to other programs
// begins with their names; `evals` has its own test.
func TestPagesNameFlagsThatAre(t *testing.T) {
	t.Parallel()
	all := flags(t)
	for page, text := range pages(t) {
		for _, span := range codeOf(text) {
			span = strings.TrimPrefix(strings.TrimSpace(span), "bin/")
			if ofOthers.MatchString(span) {
				continue
			}
			span, _, _ = strings.Cut(span, " -- ")
			command := ""
			if words := strings.Fields(span); len(words) > 1 && words[0] == "daemon-hotfix" {
				command = words[0] + " " + words[1]
				if len(words) > 2 && all[command+" "+words[2]] != nil {
					command += " " + words[2]
				}
			}
			known := all[command]
			if known == nil {
				known = all[""] // a group, or a command with an argument in front
			}
			for _, m := range aFlag.FindAllStringSubmatch(span, -1) {
				require.True(t, known[m[1]], "%s: %q names %s", page, span, m[1])
			}
		}
	}
}
