package tools_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// past lays out a bench over a repository with one commit per element of changes, and returns the commits' hashes.
func past(t *testing.T, changes ...map[string]string) (*tools.Bench, []string) {
	t.Helper()
	dir := origin(t, changes[0])
	r, err := git.PlainOpen(dir)
	require.NoError(t, err)
	head, err := r.Head()
	require.NoError(t, err)
	hashes := []string{head.Hash().String()}
	w, err := r.Worktree()
	require.NoError(t, err)
	for i, files := range changes[1:] {
		for name, data := range files {
			require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(data), 0o644))
		}
		require.NoError(t, w.AddWithOptions(&git.AddOptions{All: true}))
		by := &object.Signature{Name: "Other", Email: "other@example.com", When: time.Unix(1_700_000_000+int64(i+1)*86_400, 0).UTC()}
		h, err := w.Commit(fmt.Sprintf("feat: change %d", i+1), &git.CommitOptions{Author: by})
		require.NoError(t, err)
		hashes = append(hashes, h.String())
	}
	b := bench(t, divide)
	return cloned(t, b, dir), hashes
}

const guarded = "package plugin\n\n// Ratio says how often b goes into a.\nfunc Ratio(a, b int) int {\n\tif b == 0 {\n\t\treturn 0\n\t}\n\treturn a / b\n}\n\n" +
	"// Half is half of a.\nfunc Half(a int) int {\n\treturn Ratio(a, 2)\n}\n"

// broke is a plugin whose guard was lost in the third of five commits.
func broke(t *testing.T) (*tools.Bench, []string) {
	t.Helper()
	first := map[string]string{"go.mod": divide["go.mod"], "ratio.go": guarded, "ratio_test.go": divide["ratio_test.go"]}
	return past(t, first, map[string]string{"README.md": "one\n"}, map[string]string{"ratio.go": divide["ratio.go"]},
		map[string]string{"README.md": "two\n"}, map[string]string{"other.go": "package plugin\n"})
}

func green(hashes ...string) func(context.Context) ([]string, error) {
	return func(context.Context) ([]string, error) { return hashes, nil }
}

func TestHistory(t *testing.T) {
	t.Parallel()
	b, at := broke(t)
	b.Green = green(strings.Repeat("e", 40), at[1]) // the first is of another branch
	log := works(t, b, "history", "{}").Text
	require.Equal(t, at[4][:10]+" 2023-11-18 Other: feat: change 4\n", strings.SplitAfter(log, "\n")[0])
	require.Contains(t, log, at[1][:10]+" 2023-11-15 Other: feat: change 1 [green: its checks passed]\n")
	require.Contains(t, log, "[no older commits are at hand]")
	log = works(t, b, "history", `{"path":"./ratio.go"}`).Text
	require.Equal(t, at[2][:10]+" 2023-11-16 Other: feat: change 2\n"+at[0][:10]+" 2023-11-14 Someone: feat: a plugin\n[no older commits are at hand]\n", log)

	diff := works(t, b, "history", `{"show":"diff","from":"green","path":"ratio.go"}`).Text
	require.True(t, strings.HasPrefix(diff, fmt.Sprintf("from %.10s to %.10s\nratio.go +0 -3\n", at[1], at[4])), diff)
	require.Contains(t, diff, "-\tif b == 0 {\n")
	require.Equal(t, diff[strings.Index(diff, "ratio.go"):], func() string {
		text := works(t, b, "clone-repo", `{"at":"green"}`).Text
		require.Contains(t, text, "README.md +1 -1\nother.go +1 -0\nratio.go +0 -3\n")
		return diff[strings.Index(diff, "ratio.go"):]
	}())
	require.Contains(t, works(t, b, "history", `{"show":"diff"}`).Text, "other.go +1 -0\n")
	require.Equal(t, fmt.Sprintf("nothing differs between %.10s and %.10s\n", at[3], at[4]),
		works(t, b, "history", fmt.Sprintf(`{"show":"diff","path":"ratio.go","to":"%.12s"}`, at[4])).Text)

	blame := works(t, b, "history", `{"show":"blame","path":"ratio.go","line":5}`).Text
	require.Contains(t, blame, "-- "+at[0][:10]+" 2023-11-14 Someone: feat: a plugin\n1|package plugin\n")

	require.Contains(t, works(t, b, "read-file", `{"files":[{"path":"ratio.go","from":4,"to":6}],"at":"green"}`).Text, "5|\tif b == 0 {\n")
	require.Equal(t, fmt.Sprintf("other.go does not exist at commit %.10s", at[1]), says(t, b, "read-file", `{"files":[{"path":"other.go"}],"at":"green"}`))
}

func TestHistoryMistakes(t *testing.T) {
	t.Parallel()
	b, at := broke(t)
	for _, tt := range []struct{ name, tool, args, want string }{
		{"no green known", "history", `{"show":"diff","from":"green"}`, "it is not known at which commit the checks passed last: name a commit from the log"},
		{"a short hash", "history", `{"show":"diff","from":"abc"}`, `"abc" is no commit: give at least 7 characters of its hash`},
		{"a foreign hash", "history", `{"show":"diff","from":"0123456789"}`, `no commit "0123456789" leads to the one that failed, as far as the history is at hand`},
		{"the first commit", "history", fmt.Sprintf(`{"show":"diff","to":"%s"}`, at[0]), fmt.Sprintf("there is no commit before %.10s at hand: name the older one in from", at[0])},
		{"blame without a file", "history", `{"show":"blame"}`, "blame needs the path of a file"},
		{"blame beyond the end", "history", `{"show":"blame","path":"ratio.go","line":99}`, "ratio.go has 11 lines: line must be one of them"},
		{"blame of nothing", "history", `{"show":"blame","path":"gone.go"}`, "gone.go does not exist at the commit that failed"},
		{"a path never changed", "history", `{"path":"gone.go"}`, "no commit at hand changed gone.go"},
		{"a symbol that is none", "search-code", `{"symbols":["a b"]}`, `"a b" is not a name: use patterns for anything else`},
		{"bisect without a test", "bisect", `{"file":""}`, "file is empty: write a test that fails first, and name it"},
		{"bisect with a file that is no test", "bisect", `{"file":"ratio.go"}`, "ratio.go is not a test file by the rules of this project's runner (go)"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, says(t, b, tt.tool, tt.args))
		})
	}
	b.Green = func(context.Context) ([]string, error) { return nil, errors.New("forbidden") }
	require.NotContains(t, works(t, b, "history", "{}").Text, "green", "that nobody can be asked is no failure")
}

func TestBisect(t *testing.T) {
	t.Parallel()
	b, at := broke(t)
	works(t, b, "write-patch", patch(edit("zero_test.go", "", zeroTest)))
	got := works(t, b, "bisect", `{"file":"zero_test.go"}`)
	require.True(t, got.Pin)
	require.Regexp(t, `^after \d+ runs: it fails since\n`+at[2][:10]+` 2023-11-16 Other: feat: change 2\nratio.go \+0 -3\n`, got.Text)
	require.Contains(t, got.Text, "-\tif b == 0 {\n")

	always, _ := past(t, divide, map[string]string{"README.md": "one\n"})
	works(t, always, "write-patch", patch(edit("zero_test.go", "", zeroTest)))
	require.Equal(t, "inconclusive after 2 runs: The fault is there as far back as the tests can be run, 1 commits.\n",
		works(t, always, "bisect", `{"file":"zero_test.go"}`).Text)

	sound, _ := past(t, map[string]string{"go.mod": divide["go.mod"], "ratio.go": guarded, "ratio_test.go": divide["ratio_test.go"]}, map[string]string{"README.md": "one\n"})
	require.Equal(t, "ratio_test.go passes on the old code, so it shows no fault to look for", says(t, sound, "bisect", `{"file":"ratio_test.go"}`))
}

func TestRunTestsByNameAndOnGreenCode(t *testing.T) {
	t.Parallel()
	b, at := broke(t)
	b.Green = green(at[0])
	works(t, b, "write-patch", patch(edit("zero_test.go", "", zeroTest)))
	require.Contains(t, works(t, b, "run-tests", `{"file":"zero_test.go","code":"green"}`).Text, "PASS: zero_test.go on the green code")
	r := works(t, b, "run-tests", `{"name":"TestZero"}`)
	require.Contains(t, r.Text, "FAIL: all tests, tests with \"TestZero\" in their names, on the new code")
	require.Contains(t, r.Text, "0 passed, 1 failed, 1 tests in all\n")
	require.Contains(t, says(t, b, "run-tests", `{"name":"Nobody"}`), `has a name that contains "Nobody". There are: `)
}

func TestSearchSymbols(t *testing.T) {
	t.Parallel()
	b := bench(t, map[string]string{"go.mod": divide["go.mod"], "a.go": "package plugin\n\nvar x = Ratio(4, 2)\n", "ratio.go": divide["ratio.go"],
		"web/app.ts": "import { Ratios } from './r';\nexport const Ratio = (a: number) => a;\nclass C {\n  async Ratio(x: number): Promise<void> {\n  }\n}\n"})
	require.Equal(t, "Ratio: 6 matches\ndeclared ratio.go:4: func Ratio(a, b int) int {\ndeclared web/app.ts:2: export const Ratio = (a: number) => a;\n"+
		"declared web/app.ts:4: async Ratio(x: number): Promise<void> {\na.go:3: var x = Ratio(4, 2)\nratio.go:3: // Ratio says how often b goes into a.\n"+
		"ratio.go:10: return Ratio(a, 2)\n", works(t, b, "search-code", `{"symbols":["Ratio"]}`).Text)
}

func TestPastInTheFirstPrompt(t *testing.T) {
	t.Parallel()
	b, at := broke(t)
	b.Green = green(at[1])
	v, err := tools.Look(t.Context(), b, hotfix.Failure{Message: redact.Scrub("panic: runtime error: integer divide by zero")}, nil)
	require.NoError(t, err)
	got := v.Repository.String()
	require.Contains(t, got, "\nlatest commits:\n"+at[4][:10]+" 2023-11-18 Other: feat: change 4\n")
	require.Contains(t, got, fmt.Sprintf("changed since the checks passed last, at %.10s:\nREADME.md +1 -1\nother.go +1 -0\nratio.go +0 -3\n", at[1]))
	require.Contains(t, got, "The whole of it:\n\nratio.go\n", "what raises such an error comes first")
}

func TestWishes(t *testing.T) {
	t.Parallel()
	b := bench(t, map[string]string{"go.mod": divide["go.mod"], "AGENTS.md": "Run go test.\n", "CONTRIBUTING.md": strings.Repeat("x", 5000)})
	v, err := tools.Look(t.Context(), b, hotfix.Failure{}, nil)
	require.NoError(t, err)
	require.Equal(t, "AGENTS.md:\nRun go test.\nCONTRIBUTING.md:\n"+strings.Repeat("x", 1500)+" [+3500 characters]\n", v.Wishes.String())
}
