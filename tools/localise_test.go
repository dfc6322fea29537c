package tools_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// rewards is a plugin with many files, one of which is at fault.
func rewards() map[string]string {
	files := map[string]string{
		"package.json":               `{"name": "rewards", "type": "module", "scripts": {"test": "node --test"}}`,
		"src/index.ts":               "import { review } from './parser/review-incentivizer.ts';\nreview([]);\n",
		"test/review.test.ts":        "import test from 'node:test';\ntest('review counts', () => {});\n",
		"test/wallet.test.ts":        "import test from 'node:test';\ntest('wallet', () => {});\n",
		"dist/index.js":              strings.Repeat("a.user.login;", 1000),
		"src/config/evaluation.yaml": "contentEvaluator: true\n",
	}
	var long strings.Builder
	for i := 1; i <= 400; i++ {
		if i == 300 {
			long.WriteString("    names.push(assignee.user.login); // collectAssignees\n")
			continue
		}
		fmt.Fprintf(&long, "// line %d\n", i)
	}
	files["src/parser/review-incentivizer.ts"] = long.String()
	for i := range 40 {
		files[fmt.Sprintf("src/other/part-%d.ts", i)] = fmt.Sprintf("export const part%d = { login: %d };\n", i, i) + strings.Repeat("// more\n", 40)
	}
	return files
}

func TestLocalise(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		f     hotfix.Failure
		first string // the first excerpt
		has   []string
		lacks []string
	}{
		{"a stack of the deployed program", hotfix.Failure{Message: redact.Scrub("TypeError: Cannot read properties of undefined (reading 'login')"),
			Stack: redact.Scrub("at collect (file:///app/src/parser/review-incentivizer.ts:300:18)\n    at node:internal/process (node_modules/x/a.js:1:1)")},
			"src/parser/review-incentivizer.ts (400 lines)",
			[]string{"300|    names.push(assignee.user.login)", "270|// line 270\n", "a test to follow in style: \ntest/review.test.ts (2 lines)"},
			[]string{"200|// line 200\n", "dist/index.js ("}},
		{"a name only", hotfix.Failure{Message: redact.Scrub("collectAssignees failed for the ghost")}, "src/parser/review-incentivizer.ts (400 lines)",
			[]string{"300|    names.push"}, []string{"line 200"}},
		{"a key of the configuration", hotfix.Failure{Message: redact.Scrub("Invalid settings: 'contentEvaluator' must be an object")},
			"src/config/evaluation.yaml (1 lines)", []string{"1|contentEvaluator: true"}, nil},
		{"a file in the log", hotfix.Failure{Message: redact.Scrub("Process exited with code 1"), Logs: []redact.Text{redact.Scrub("src/index.ts:2:1 - error TS2304")}},
			"src/index.ts (2 lines)", []string{"review([]);"}, nil},
		{"nothing to go by", hotfix.Failure{Message: redact.Scrub("HTTP 500")}, "", []string{"47 files", "Nothing in the failure names a file or a name of this repository.", "src/index.ts (2 lines)", "a test to follow in style"}, []string{"part-1.ts ("}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := bench(t, rewards())
			v, err := tools.Look(t.Context(), b, tt.f, nil)
			require.NoError(t, err)
			got := v.Repository.String()
			require.NotNil(t, b.Tree)
			require.Contains(t, got, "commit "+b.Tree.Base)
			require.Less(t, len(got), 30_000)
			_, excerpts, _ := strings.Cut(got, "\n\n")
			if tt.first != "" {
				require.True(t, strings.HasPrefix(excerpts, tt.first), "the first excerpt is %.80q", excerpts)
			}
			for _, want := range tt.has {
				require.Contains(t, got, want)
			}
			for _, not := range tt.lacks {
				require.NotContains(t, got, not)
			}
		})
	}
}

func TestLocaliseIsBounded(t *testing.T) {
	t.Parallel()
	files := map[string]string{"package.json": "{}"}
	for i := range 300 {
		files[fmt.Sprintf("src/f%d.ts", i)] = strings.Repeat("export const rareName = 1;\n", 300)
	}
	f := hotfix.Failure{Message: redact.Scrub("rareName at src/f1.ts:20, src/f2.ts:30, src/f3.ts:40, src/f4.ts:50, src/f5.ts:60, src/f6.ts:70, src/f7.ts:80")}
	v, err := tools.Look(t.Context(), bench(t, files), f, nil)
	require.NoError(t, err)
	got := v.Repository.String()
	require.Less(t, len(got), 30_000)
	require.Contains(t, got, "src/f1.ts (300 lines)")
}

func TestFrames(t *testing.T) {
	t.Parallel()
	f := hotfix.Failure{
		Stack: redact.Scrub("    at f (/app/src/a.ts:12:3)\n    at async file:///app/src/b.mjs:4:1\n  File \"lib/c.py\", line 9, in g\n\t/go/src/d.go:77 +0x1f"),
		Logs:  []redact.Text{redact.Scrub("src/e.tsx(3,4): error TS1005")},
	}
	require.Equal(t, []tools.Frame{{"/app/src/a.ts", 12}, {"///app/src/b.mjs", 4}, {"lib/c.py", 9}, {"/go/src/d.go", 77}, {"src/e.tsx", 3}}, tools.Frames(f))
}

// TestLocaliseFollowsCalls: what was noticed in one file is often caused two calls below, in files that no message names.
func TestLocaliseFollowsCalls(t *testing.T) {
	t.Parallel()
	b := bench(t, map[string]string{
		"go.mod":           "module example.com/board\n\ngo 1.24\n",
		"board/board.go":   "package board\n\nfunc Write(all []Case) error {\n\tfor _, c := range all {\n\t\trow(c.Pace())\n\t}\n\treturn nil\n}\n",
		"cases/case.go":    "package cases\n\n// Pace is how fast it comes.\nfunc (c Case) Pace() float64 {\n\treturn perDay(c.N, c.Over)\n}\n\nfunc unrelated() {}\n",
		"cases/silence.go": "package cases\n\nfunc perDay(n int, over float64) float64 {\n\treturn float64(n) / over\n}\n",
		"table.go":         "package main\n" + strings.Repeat("// filling\n", 1500),
	})
	v, err := tools.Look(t.Context(), b, hotfix.Failure{Message: redact.Scrub("json: unsupported value: +Inf at board.Write (board/board.go:5)")}, nil)
	require.NoError(t, err)
	require.Contains(t, v.Repository.String(), "4|func (c Case) Pace() float64 {\n5|	return perDay(c.N, c.Over)\n6|}\n")
	require.Contains(t, v.Repository.String(), "3|func perDay(n int, over float64) float64 {\n4|	return float64(n) / over\n")
	require.NotContains(t, v.Repository.String(), "// filling")
}
