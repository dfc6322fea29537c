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
