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
			"src/parser/review-incentivizer.ts, 400 lines",
			[]string{"300|    names.push(assignee.user.login)", "270|// line 270\n", "a test to follow: \ntest/review.test.ts\n"},
			[]string{"200|// line 200\n", "dist/index.js ("}},
		{"a name only", hotfix.Failure{Message: redact.Scrub("collectAssignees failed for the ghost")}, "src/parser/review-incentivizer.ts, 400 lines",
			[]string{"300|    names.push"}, []string{"line 200"}},
		{"a key of the configuration", hotfix.Failure{Message: redact.Scrub("Invalid settings: 'contentEvaluator' must be an object")},
			"src/config/evaluation.yaml\n", []string{"1|contentEvaluator: true"}, nil},
		{"a name in the log", hotfix.Failure{Message: redact.Scrub("HTTP 500"), Logs: []redact.Text{redact.Scrub("INFO settings {\"contentEvaluator\":true}")}},
			"src/config/evaluation.yaml\n", []string{"1|contentEvaluator: true"}, nil},
		{"a file in the log", hotfix.Failure{Message: redact.Scrub("Process exited with code 1"), Logs: []redact.Text{redact.Scrub("src/index.ts:2:1 - error TS2304")}},
			"src/index.ts\n", []string{"review([]);"}, nil},
		{"nothing to go by", hotfix.Failure{Message: redact.Scrub("HTTP 500")}, "", []string{"47 files", "Nothing in the failure names a file or a name of this repository.", "src/index.ts\n", "a test to follow"}, []string{"part-1.ts ("}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := bench(t, rewards())
			v, err := tools.Look(t.Context(), b, tt.f, nil)
			require.NoError(t, err)
			got := v.Repository.String()
			require.NotNil(t, b.Tree)
			require.Contains(t, got, "commit "+b.Tree.Base[:10])
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
	require.Contains(t, got, "src/f1.ts, 300 lines")
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

// TestLocaliseFollowsCallsPastFields: a field of a function's name, and a function of that name elsewhere, hide nothing. In a
// long file there is room for what was found first.
func TestLocaliseFollowsCallsPastFields(t *testing.T) {
	t.Parallel()
	var long strings.Builder
	for i := range 60 {
		fmt.Fprintf(&long, "// Other%d is called by nothing that failed.\nfunc Other%d() {\n%s}\n\n", i, i, strings.Repeat("\t// filling\n", 9))
	}
	b := bench(t, map[string]string{
		"go.mod":          "module example.com/board\n\ngo 1.24\n",
		"board/board.go":  "package board\n\ntype Row struct {\n\tRate float64\n}\n\nfunc Write(all []Case) error {\n\tfor _, c := range all {\n\t\trow(Row{Rate: c.Rate()}, Other1, Other2)\n\t}\n\treturn nil\n}\n",
		"board/rows.go":   "package board\n\ntype Line struct {\n\tRate float64\n}\n\ntype Sum struct {\n\tRate float64\n}\n\nconst Rate = 1\n",
		"cases/case.go":   "package cases\n\n" + long.String() + "// Rate is how fast it comes.\nfunc (c Case) Rate() float64 {\n\treturn perDay(c.N, c.Over)\n}\n",
		"cases/day.go":    "package cases\n\nfunc perDay(n int, over float64) float64 {\n\treturn float64(n) / over\n}\n",
		"other/a.go":      "package other\n\nfunc perDay() {}\n",
		"other/b/b.go":    "package b\n\nfunc perDay() {}\n",
		"other/table.go":  "package main\n" + strings.Repeat("// filling\n", 1500),
		"board/w_test.go": "package board\n\nfunc TestWrite(t *testing.T) {}\n",
		"cases/a_test.go": "package cases\n\nfunc TestOther(t *testing.T) {}\n",

		"cases/case_test.go": "package cases\n\nfunc TestPace(t *testing.T) {}\n",
	})
	v, err := tools.Look(t.Context(), b, hotfix.Failure{Message: redact.Scrub("json: unsupported value: +Inf at board.Write (board/board.go:9)")}, nil)
	require.NoError(t, err)
	require.Contains(t, v.Repository.String(), "func (c Case) Rate() float64 {\n")
	require.Contains(t, v.Repository.String(), "3|func perDay(n int, over float64) float64 {\n")
	require.NotContains(t, v.Repository.String(), "func perDay() {}")
	require.Contains(t, v.Repository.String(), "\ncases/case_test.go\n1|package cases\n2|\n3|func TestPace(t *testing.T) {}\n", "the test of what was called")
	require.NotContains(t, v.Repository.String(), "TestOther")
}

// TestTheNearestTestIsShown: of the tests that are equally near that one which the failure points to, with what it imports
// from beside it; a file of helpers is no test.
func TestTheNearestTestIsShown(t *testing.T) {
	t.Parallel()
	files := map[string]string{
		"package.json":        `{"name": "labels", "type": "module", "scripts": {"test": "node --test"}}`,
		"src/labels.js":       "export function addLabels(names) {\n  throw new Error(names[0]);\n}\n" + strings.Repeat("// filling\n", 1500),
		"test/a.test.js":      "import test from 'node:test';\ntest('help', () => {});\n",
		"test/github.js":      "export const github = () => ({ addLabels() {} });\n",
		"test/issues.test.js": "import test from 'node:test';\nimport { github } from './github.js';\ntest('adds', () => github().addLabels());\n",
		"test/others.js":      "export const others = 1;\n",
	}
	for i := range 6 { // which the failure points to more than to any test
		files[fmt.Sprintf("src/part%d.js", i)] = "import { addLabels } from './labels.js';\naddLabels([]);\n"
	}
	b := bench(t, files)
	v, err := tools.Look(t.Context(), b, hotfix.Failure{Message: redact.Scrub("Error: urgent at addLabels (file:///app/src/labels.js:2:11)")}, nil)
	require.NoError(t, err)
	_, shown, _ := strings.Cut(v.Repository.String(), "\na test to follow: \n")
	require.Equal(t, "test/issues.test.js\n1|import test from 'node:test';\n2|import { github } from './github.js';\n3|test('adds', () => github().addLabels());\n"+
		"\ntest/github.js\n1|export const github = () => ({ addLabels() {} });\n", shown)
}
