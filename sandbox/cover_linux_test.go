package sandbox_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// TestEveryRunnerThatCanTellsTheLines: the test runs the line that mends the fault, and not the one beside it.
func TestEveryRunnerThatCanTellsTheLines(t *testing.T) {
	t.Parallel()
	modules, err := filepath.Abs("../.tools/runners/node_modules")
	require.NoError(t, err)
	require.DirExists(t, modules, "run: make setup")
	box, err := sandbox.Native(sandbox.Config{ReadOnly: []string{modules}})
	require.NoError(t, err)
	const js = "export function ratio(a, b) {\n  if (b === 0) {\n    return 0n;\n  }\n  return BigInt(a) / BigInt(b);\n}\n"
	const check = "import { ratio } from \"./ratio.js\";\n"
	for _, tt := range []struct {
		name, file string
		files      map[string]string
		source     string
		run, not   int // lines
	}{
		{"jest", "zero.test.js", map[string]string{"package.json": `{"private": true, "scripts": {"test": "jest"}, "devDependencies": {"jest": "*"}}`,
			"ratio.js":     "exports.ratio = (a, b) => {\n  if (b === 0) {\n    return 0n;\n  }\n  return BigInt(a) / BigInt(b);\n};\n",
			"zero.test.js": "const { ratio } = require(\"./ratio\");\ntest(\"zero\", () => expect(ratio(1, 0)).toBe(0n));\n"}, "ratio.js", 3, 5},
		{"node", "zero.test.js", map[string]string{"package.json": `{"type": "module", "scripts": {"test": "node --test"}}`, "ratio.js": js,
			"zero.test.js": "import test from \"node:test\";\n" + check + "test(\"zero\", () => { if (ratio(1, 0) !== 0n) throw new Error(\"no\"); });\n"}, "ratio.js", 3, 5},
		{"mocha", "zero.test.js", map[string]string{"package.json": `{"private": true, "scripts": {"test": "mocha"}, "devDependencies": {"mocha": "*"}}`,
			"ratio.js":     "// \u00fc\U0001f600\nexports.ratio = (a, b) => {\n  if (b === 0) {\n    return 0n;\n  }\n  return BigInt(a) / BigInt(b);\n};\n",
			"zero.test.js": "const { ratio } = require(\"./ratio\");\nit(\"zero\", () => { if (ratio(1, 0) !== 0n) throw new Error(\"no\"); });\n"}, "ratio.js", 4, 6},
		{"bun", "zero.test.js", map[string]string{"package.json": `{"scripts": {"test": "bun test"}}`, "ratio.js": js,
			"zero.test.js": "import { expect, test } from \"bun:test\";\n" + check + "test(\"zero\", () => expect(ratio(1, 0)).toBe(0n));\n"}, "ratio.js", 3, 5},
		{"deno", "zero_test.js", map[string]string{"deno.json": "{}", "ratio.js": js,
			"zero_test.js": check + "Deno.test(\"zero\", () => { if (ratio(1, 0) !== 0n) throw new Error(\"no\"); });\n"}, "ratio.js", 3, 5},
		{"go", "zero_test.go", map[string]string{"go.mod": goPlugin["go.mod"], "ratio.go": goFix, "zero_test.go": goTest}, "ratio.go", 5, 7},
		{"python", "tests/test_zero.py", map[string]string{"setup.cfg": "", "src/ratio.py": "def ratio(a, b):\n    if b == 0:\n        return 0\n    return a / b\n",
			"tests/test_zero.py": "from ratio import ratio\n\ndef test_zero():\n    assert ratio(1, 0) == 0\n"}, "src/ratio.py", 3, 4},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tree := plant(t, merge(tt.files, map[string]string{".gitignore": "node_modules\n"}))
			if tt.name == "jest" || tt.name == "mocha" {
				require.NoError(t, os.Symlink(modules, filepath.Join(tree.Dir, "node_modules")))
			}
			lines, err := sandbox.Covered(t.Context(), box, tree, tt.file)
			require.NoError(t, err)
			require.Contains(t, lines, tt.source)
			require.Equal(t, map[int]bool{tt.run: true, tt.not: false}, map[int]bool{tt.run: lines[tt.source][tt.run], tt.not: lines[tt.source][tt.not]})
			require.Contains(t, lines[tt.source], tt.not, "that it was not run is known")
		})
	}
}
