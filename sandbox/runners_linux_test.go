package sandbox_test

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// Jest and Vitest run for real, with dependencies that lie in the tree, and their tests are told by name.
func TestNodeRunners(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Abs("../.tools/runners/node_modules")
	require.NoError(t, err)
	require.DirExists(t, modules, "run: make setup")
	box, err := sandbox.Native(sandbox.Config{ReadOnly: []string{modules}})
	require.NoError(t, err)
	tests := []struct{ name, script, test string }{
		{"vitest", "vitest run", "import { expect, test } from \"vitest\";\nimport { add } from \"./add\";\ntest(\"adds\", () => expect(add(1, 2)).toBe(3));\ntest(\"is wrong\", () => expect(add(1, 2)).toBe(4));\n"},
		{"jest", "jest", "const { add } = require(\"./add\");\ntest(\"adds\", () => expect(add(1, 2)).toBe(3));\ntest(\"is wrong\", () => expect(add(1, 2)).toBe(4));\n"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			add := "export const add = (a, b) => a + b;\n"
			kind := `"type": "module", `
			if tt.name == "jest" {
				add, kind = "exports.add = (a, b) => a + b;\n", ""
			}
			tree := plant(t, map[string]string{
				"package.json": `{` + kind + `"private": true, "scripts": {"test": "` + tt.script + `"}, "devDependencies": {"` + tt.name + `": "*"}}`,
				"add.js":       add, "add.test.js": tt.test, ".gitignore": "node_modules\n",
			})
			require.NoError(t, os.Symlink(modules, filepath.Join(tree.Dir, "node_modules")))
			tc := tree.Toolchain()
			require.NotNil(t, tc)
			for _, file := range []string{"", "add.test.js"} {
				run, err := sandbox.Test(context.Background(), box, tree, tc, file)
				require.NoError(t, err)
				require.False(t, run.Passed)
				status := map[string]string{}
				for _, r := range run.Tests {
					status[filepath.Base(r.Name)] = r.Status
				}
				require.Len(t, status, 2, "%+v\n%s", run.Tests, run.Output)
				var passed, failed int
				for _, s := range status {
					switch s {
					case "pass":
						passed++
					case "fail":
						failed++
					}
				}
				require.Equal(t, [2]int{1, 1}, [2]int{passed, failed}, "%+v", run.Tests)
			}
		})
	}
}

// statuses maps the last word of each test's name to how it went.
func statuses(tests []hotfix.TestResult) map[string]string {
	m := map[string]string{}
	for _, r := range tests {
		if strings.HasSuffix(r.Name, "/plugin") {
			continue // a package of Go
		}
		name := strings.ToLower(r.Name[strings.LastIndexAny(r.Name, " ._")+1:])
		m[strings.TrimPrefix(name, "test")] = r.Status
	}
	return m
}

// TestByName: where the runner has a flag for it, tests of another name are not run at all; what the flag cannot find is
// found by running everything.
func TestByName(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Abs("../.tools/runners/node_modules")
	require.NoError(t, err)
	require.DirExists(t, modules, "run: make setup")
	box, err := sandbox.Native(sandbox.Config{ReadOnly: []string{modules}})
	require.NoError(t, err)
	script := func(runner, dep string) string {
		return `{"private": true, "scripts": {"test": "` + runner + `"}, "devDependencies": {"` + dep + `": "*"}}`
	}
	const js = "test(\"adds (one)\", () => {});\ntest(\"prints\", () => { console.log(\"prin\" + \"ted\"); throw new Error(\"no\"); });\n"
	const nodeJS = "const { test } = require(\"node:test\");\n" + js
	for _, tt := range []struct {
		name, want string // the test that is asked for
		files      map[string]string
	}{
		{"node", "adds (one)", map[string]string{"package.json": `{"scripts": {"test": "node --test"}}`, "a.test.js": nodeJS}},
		{"vitest", "adds (one)", map[string]string{"package.json": script("vitest run", "vitest"), "a.test.mjs": "import { test } from \"vitest\";\n" + js}},
		{"jest", "adds (one)", map[string]string{"package.json": script("jest", "jest"), "a.test.js": js}},
		{"mocha", "adds (one)", map[string]string{"package.json": script("mocha a.test.js", "mocha"), "a.test.js": strings.ReplaceAll(js, "test(", "it(")}},
		{"bun", "adds (one)", map[string]string{"package.json": `{"scripts": {"test": "bun test"}}`, "a.test.js": "import { test } from \"bun:test\";\n" + js}},
		{"deno", "adds (one)", map[string]string{"deno.json": `{}`, "a_test.js": strings.ReplaceAll(js, "test(", "Deno.test(")}},
		{"go", "plugin.TestAdds", map[string]string{"go.mod": "module example.org/plugin\n\ngo 1.21\n", "a_test.go": "package plugin\n\nimport \"testing\"\n\n" +
			"func TestAdds(t *testing.T) {}\n\nfunc TestPrints(t *testing.T) { t.Fatal(\"prin\" + \"ted\") }\n"}},
		{"python", "test_adds", map[string]string{"setup.cfg": "", "test_a.py": "def test_adds():\n    pass\n\ndef test_prints():\n    print('prin' + 'ted')\n    assert False\n"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.files[".gitignore"] = "node_modules\n"
			tree := plant(t, tt.files)
			if strings.Contains(tt.files["package.json"], "devDependencies") {
				require.NoError(t, os.Symlink(modules, filepath.Join(tree.Dir, "node_modules")))
			}
			tc := tree.Toolchain()
			run, found, err := sandbox.TestNamed(t.Context(), box, tree, tc, "", tt.want)
			require.NoError(t, err)
			require.True(t, found, "%+v\n%s", run.Tests, run.Output)
			require.True(t, run.Passed, run.Output)
			require.Len(t, run.Tests, 1)
			require.Contains(t, run.Tests[0].Name, tt.want)
			require.NotContains(t, run.Output.String(), "printed", "the other test was not run")

			run, found, err = sandbox.TestNamed(t.Context(), box, tree, tc, "", "nobody's")
			require.NoError(t, err)
			require.False(t, found)
			require.GreaterOrEqual(t, len(run.Tests), 2, "all that there are")
		})
	}
}
