package sandbox_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A ratio whose divisor may be zero, in two languages.
var (
	goPlugin = map[string]string{
		"go.mod":        "module example.com/plugin\n\ngo 1.24\n",
		"ratio.go":      "package plugin\n\nfunc Ratio(a, b int) int { return a / b }\n",
		"ratio_test.go": "package plugin\n\nimport \"testing\"\n\nfunc TestRatio(t *testing.T) {\n\tif Ratio(6, 3) != 2 {\n\t\tt.Fatal(\"6/3\")\n\t}\n}\n",
	}
	goFix  = "package plugin\n\nfunc Ratio(a, b int) int {\n\tif b == 0 {\n\t\treturn 0\n\t}\n\treturn a / b\n}\n"
	goTest = "package plugin\n\nimport \"testing\"\n\nfunc TestZero(t *testing.T) {\n\tif Ratio(6, 0) != 0 {\n\t\tt.Fatal(\"6/0\")\n\t}\n}\n"

	nodePlugin = map[string]string{
		"package.json":       `{"name": "plugin", "type": "module", "scripts": {"test": "node --test"}}`,
		"src/ratio.js":       "export function ratio(a, b) { return BigInt(a) / BigInt(b); }\n",
		"test/ratio.test.js": "import test from 'node:test';\nimport assert from 'node:assert';\nimport { ratio } from '../src/ratio.js';\ntest('six by three', () => assert.equal(ratio(6, 3), 2n));\n",
	}
	nodeFix  = "export function ratio(a, b) { return b === 0 ? 0n : BigInt(a) / BigInt(b); }\n"
	nodeTest = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { ratio } from '../src/ratio.js';\ntest('six by zero', () => assert.equal(ratio(6, 0), 0n));\n"
)

func TestProve(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		plugin map[string]string
		write  map[string]string
		remove []string
		gaps   []string
	}{
		{name: "node, proven", plugin: nodePlugin, write: map[string]string{"src/ratio.js": nodeFix, "test/zero.test.js": nodeTest}},
		{name: "no test", plugin: nodePlugin, write: map[string]string{"src/ratio.js": nodeFix}, gaps: []string{"no-test"}},
		{name: "test that passes anyway", plugin: nodePlugin,
			write: map[string]string{"src/ratio.js": nodeFix, "test/zero.test.js": "import test from 'node:test';\ntest('nothing', () => {});\n"},
			gaps:  []string{"test-did-not-fail"}},
		{name: "fix that does not fix", plugin: nodePlugin,
			write: map[string]string{"src/ratio.js": nodePlugin["src/ratio.js"] + "// tried\n", "test/zero.test.js": nodeTest},
			gaps:  []string{"test-does-not-pass"}},
		{name: "fix that breaks another test", plugin: nodePlugin,
			write: map[string]string{"src/ratio.js": "export function ratio(a, b) { return 0n; }\n", "test/zero.test.js": nodeTest},
			gaps:  []string{"regression"}},
		{name: "fix that removes a test", plugin: nodePlugin, remove: []string{"test/ratio.test.js"},
			write: map[string]string{"src/ratio.js": nodeFix, "test/zero.test.js": nodeTest}, gaps: []string{"tests-removed"}},
		{name: "tests that differ from run to run", plugin: merge(nodePlugin, map[string]string{
			"test/dice.test.js": "import test from 'node:test';\ntest('dice ' + process.hrtime.bigint(), () => {});\n"}),
			write: map[string]string{"src/ratio.js": nodeFix, "test/zero.test.js": nodeTest}, gaps: []string{"environment-unusable", "tests-removed"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			e := prove(t, c.plugin, c.write, c.remove)
			require.Equal(t, c.gaps, rules(e), "%+v", e)
			require.Equal(t, c.gaps == nil, e.Proves())
		})
	}
}

func TestProveGo(t *testing.T) {
	t.Parallel()
	e := prove(t, goPlugin, map[string]string{"ratio.go": goFix, "zero_test.go": goTest}, nil)
	require.Empty(t, e.Gaps)
	require.True(t, e.Proves())
	require.Len(t, e.Before, 3)
	require.Contains(t, e.Before[0].Output.String(), "integer divide by zero")
	require.Contains(t, e.Suite.Tests, hotfix.TestResult{Name: "example.com/plugin.TestZero", Status: "pass"})
}

// prove makes a plugin, changes it and gathers the evidence.
func prove(t *testing.T, plugin, write map[string]string, remove []string, with ...func(*sandbox.Prover)) hotfix.Evidence {
	t.Helper()
	tree := plant(t, plugin)
	for name, data := range write {
		require.NoError(t, tree.Write(name, data))
	}
	for _, name := range remove {
		require.NoError(t, tree.Remove(name))
	}
	tc := tree.Toolchain()
	p, err := tree.Patch(tc)
	require.NoError(t, err)
	v := sandbox.Prover{Box: native(t), Progress: func(s string) { t.Log(s) }}
	for _, change := range with {
		change(&v)
	}
	e, err := v.Prove(context.Background(), tree, tc, p)
	require.NoError(t, err)
	return e
}

// merge returns all entries of a and b.
func merge(a, b map[string]string) map[string]string {
	m := map[string]string{}
	for _, from := range []map[string]string{a, b} {
		for k, v := range from {
			m[k] = v
		}
	}
	return m
}

func TestProveNeedsTheFixItself(t *testing.T) {
	t.Parallel()
	// The test is red on the old code for want of a file that the patch brings along, whatever the fix does.
	reads := "import test from 'node:test';\nimport assert from 'node:assert';\nimport fs from 'node:fs';\n" +
		"test('six by zero', () => assert.equal(fs.readFileSync('test/zero.txt', 'utf8'), '0'));\n"
	e := prove(t, nodePlugin, map[string]string{"src/ratio.js": nodeFix, "test/zero.test.js": reads, "test/zero.txt": "0"}, nil)
	require.Equal(t, []string{"fix-not-needed"}, rules(e))
	require.False(t, e.Proves())

	e = prove(t, nodePlugin, map[string]string{"src/ratio.js": nodeFix, "test/zero.test.js": nodeTest}, nil)
	require.Empty(t, e.Gaps)
	require.Len(t, e.Unfixed, 1)
	require.False(t, e.Unfixed[0].Passed)
	require.Equal(t, []string{"six by zero"}, e.Shown)
	require.Equal(t, &hotfix.Coverage{Lines: 1, Run: 1}, e.Lines)
}

func TestProveWantsATestThatLoads(t *testing.T) {
	t.Parallel()
	write := map[string]string{"src/ratio.js": nodeFix + "export const zero = 0n;\n",
		"test/zero.test.js": "import test from 'node:test';\nimport assert from 'node:assert';\nimport { zero } from '../src/ratio.js';\ntest('zero', () => assert.equal(zero, 0n));\n"}
	require.Equal(t, []string{"test-not-loaded"}, rules(prove(t, nodePlugin, write, nil)))
	e := prove(t, nodePlugin, write, nil, func(v *sandbox.Prover) {
		v.Reported = redact.Scrub("SyntaxError: The requested module './ratio.js' does not provide an export named 'zero'")
	})
	require.Empty(t, e.Gaps, "this is what was reported")
}

// Of tests side by side that each panic, chance says which one ends the program.
func TestProveTakesAnyOfSeveralPanics(t *testing.T) {
	t.Parallel()
	tests := "package plugin\n\nimport \"testing\"\n"
	for i := range 12 {
		tests += fmt.Sprintf("\nfunc TestZero%d(t *testing.T) {\n\tt.Parallel()\n\tif Ratio(%d, 0) != 0 {\n\t\tt.Fatal(%d)\n\t}\n}\n", i, i, i)
	}
	e := prove(t, goPlugin, map[string]string{"ratio.go": goFix, "zero_test.go": tests}, nil, func(v *sandbox.Prover) {
		v.Reported = redact.Scrub("panic: runtime error: integer divide by zero")
	})
	require.Empty(t, e.Gaps)
	require.True(t, e.Proves())
}

// One file of tests shows what was reported; another may show another side of the fault.
func TestProveWantsTheReportedReasonOnce(t *testing.T) {
	t.Parallel()
	reported := func(v *sandbox.Prover) {
		v.Reported = redact.Scrub("RangeError: Division by zero\n    at ratio (src/ratio.js:1:50)")
	}
	alone := "import test from 'node:test';\nimport assert from 'node:assert';\nimport { ratio } from '../src/ratio.js';\ntest('guarded', () => assert.ok(String(ratio).length > 60));\n"
	e := prove(t, nodePlugin, map[string]string{"src/ratio.js": nodeFix, "test/other.test.js": alone}, nil, reported)
	require.Equal(t, []string{"reported-reason"}, rules(e))
	e = prove(t, nodePlugin, map[string]string{"src/ratio.js": nodeFix, "test/zero.test.js": nodeTest, "test/other.test.js": alone}, nil, reported)
	require.Empty(t, e.Gaps, "one file of the two")
}

func TestProveLeavesKnownFlakyTestsOut(t *testing.T) {
	t.Parallel()
	plugin := merge(nodePlugin, map[string]string{"test/dice.test.js": "import test from 'node:test';\nimport assert from 'node:assert';\n" +
		"test('dice', () => assert.ok(process.hrtime.bigint() % 2n));\n"})
	e := prove(t, plugin, map[string]string{"src/ratio.js": nodeFix, "test/zero.test.js": nodeTest}, nil, func(v *sandbox.Prover) { v.Flaky = []string{"dice", "gone"} })
	require.Empty(t, e.Gaps)
	require.Equal(t, []string{"dice"}, e.Flaky)
}

func TestProveMeasuresWhatTheTestsRun(t *testing.T) {
	t.Parallel()
	fix := "package plugin\n\nfunc Ratio(a, b int) int {\n\tif b == 0 {\n\t\treturn 0\n\t}\n\tif b == 77 {\n\t\treturn 1\n\t}\n\treturn a / b\n}\n"
	e := prove(t, goPlugin, map[string]string{"ratio.go": fix, "zero_test.go": goTest}, nil)
	require.Empty(t, e.Gaps)
	require.NotNil(t, e.Lines)
	require.Contains(t, e.Lines.Missed, "ratio.go:8")
	require.Less(t, e.Lines.Run, e.Lines.Lines)
}

func TestMinimalTakesOutWhatTheProofDoesNotNeed(t *testing.T) {
	t.Parallel()
	pad := strings.Repeat("// padding\n", 20)
	plugin := merge(nodePlugin, map[string]string{"src/ratio.js": nodePlugin["src/ratio.js"] + pad + "export const unit = 1n;\n", "src/other.js": "export const other = 1;\n"})
	tree := plant(t, plugin)
	for name, data := range map[string]string{"src/ratio.js": nodeFix + pad + "export const unit = BigInt(1);\n", "src/other.js": "export const other = 2;\n", "test/zero.test.js": nodeTest} {
		require.NoError(t, tree.Write(name, data))
	}
	tc := tree.Toolchain()
	p, err := tree.Patch(tc)
	require.NoError(t, err)
	v := sandbox.Prover{Box: native(t)}
	e, err := v.Prove(context.Background(), tree, tc, p)
	require.NoError(t, err)
	require.Empty(t, e.Gaps)
	less, proof, err := v.Minimal(context.Background(), tree, tc, p, e)
	require.NoError(t, err)
	require.True(t, proof.Proves())
	require.Len(t, less.Files, 2)
	require.Equal(t, []string{"src/other.js, line 1", "src/ratio.js, line 22"}, proof.Dropped)
	text, err := tree.Read("src/ratio.js")
	require.NoError(t, err)
	require.Equal(t, nodeFix+pad+"export const unit = 1n;\n", text)

	same, _, err := v.Minimal(context.Background(), tree, tc, less, proof)
	require.NoError(t, err)
	require.Equal(t, less, same, "nothing more can be taken out")
}

func rules(e hotfix.Evidence) []string {
	var out []string
	for _, g := range e.Gaps {
		out = append(out, g.Rule)
	}
	return out
}
