package tools_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// TestDefinitions pins all that models are told of the tools. A change here changes Hash, so recorded runs have to be
// made anew.
func TestDefinitions(t *testing.T) {
	t.Parallel()
	var all []any
	b := bench(t, divide)
	b.Green = green("v1")
	for _, tool := range tools.On(b, tools.All) {
		all = append(all, tool.Definition())
	}
	data, err := json.MarshalIndent(all, "", "  ")
	require.NoError(t, err)
	golden(t, "definitions.golden.json", string(data)+"\n")
}

// TestGreenIsOfferedWhereItIsKnown: nobody is told of a commit that nobody knows.
func TestGreenIsOfferedWhereItIsKnown(t *testing.T) {
	t.Parallel()
	speaks := func(b *tools.Bench) (out []string) {
		for _, tool := range tools.On(b, tools.All) {
			data, err := json.Marshal(tool.Definition())
			require.NoError(t, err)
			if strings.Contains(string(data), "green") {
				out = append(out, tool.Definition().Name)
			}
		}
		return out
	}
	b := bench(t, divide)
	require.Empty(t, speaks(b))
	b.Green = green("v1")
	require.Equal(t, []string{"clone-repo", "read-file", "history", "run-tests"}, speaks(b))
}

// plain are the parameters whose names say all.
var plain = []string{"read-file.files[].path", "write-patch.edits[].path", "write-patch.edits[].delete"}

func TestEveryFieldIsDocumented(t *testing.T) {
	t.Parallel()
	var documented func(t *testing.T, at string, schema map[string]any)
	fields := 0
	documented = func(t *testing.T, at string, schema map[string]any) {
		if schema["type"] == "array" {
			documented(t, at+"[]", schema["items"].(map[string]any))
			return
		}
		props, ok := schema["properties"].(map[string]any)
		if !ok {
			return
		}
		for name, p := range props {
			fields++
			require.NotEmpty(t, name, at)
			if about, ok := p.(map[string]any)["description"].(string); !ok {
				require.Contains(t, plain, at+"."+name)
			} else {
				require.Greater(t, len(about), 10, "%s.%s", at, name)
			}
			documented(t, at+"."+name, p.(map[string]any))
		}
	}
	for _, tool := range tools.On(bench(t, divide), tools.All) {
		d := tool.Definition()
		require.NotEmpty(t, d.Description, d.Name)
		documented(t, d.Name, d.Parameters.(map[string]any))
	}
	require.Greater(t, fields, 20)
}

func TestHashFollowsTheDefinitions(t *testing.T) {
	t.Parallel()
	require.Len(t, tools.Hash(tools.All), 16)
	require.NotEqual(t, tools.Hash(tools.All), tools.Hash(tools.All[1:]))
}

func TestWhatIsNotOnTheBenchIsNotOffered(t *testing.T) {
	t.Parallel()
	names := func(b *tools.Bench) string {
		var out []string
		for _, tool := range tools.On(b, tools.All) {
			out = append(out, tool.Definition().Name)
		}
		return strings.Join(out, " ")
	}
	b := bench(t, divide)
	require.Equal(t, "fetch-logs clone-repo list-files search-code read-file history write-patch run-tests bisect run-command open-pr give-up", names(b))
	b.Commands = false
	require.Equal(t, "fetch-logs clone-repo list-files search-code read-file history write-patch run-tests bisect open-pr give-up", names(b))
	require.Equal(t, "clone-repo list-files search-code read-file history write-patch give-up", names(&tools.Bench{}))
}

// TestArgumentsAsModelsWriteThem: what is meant is taken, the rest is told.
func TestArgumentsAsModelsWriteThem(t *testing.T) {
	t.Parallel()
	b := bench(t, divide)
	for _, tt := range []struct{ name, tool, args string }{
		{"a number as text", "read-file", `{"files":[{"path":"ratio.go","from":"4","to":"4"}]}`},
		{"a number with a fraction of nothing", "read-file", `{"files":[{"path":"ratio.go","from":4.0,"to":4}]}`},
		{"a list as text", "read-file", `{"files":"[{\"path\":\"ratio.go\",\"from\":4,\"to\":4}]"}`},
		{"one for a list of one", "read-file", `{"files":{"path":"ratio.go","from":4,"to":4}}`},
		{"null for nothing", "read-file", `{"files":[{"path":"ratio.go","from":4,"to":4}]}`},
		{"a dot before the path", "read-file", `{"files":[{"path":"./ratio.go","from":4,"to":4}]}`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, "ratio.go, lines 4 to 4 of 11\n4|func Ratio(a, b int) int {\n", works(t, b, tt.tool, tt.args).Text)
		})
	}
	for _, tt := range []struct{ name, tool, args, want string }{
		{"nothing", "read-file", `{}`, `the call lacks "files": Files or parts of them.`},
		{"nothing where the name says all", "read-file", `{"files":[{}]}`, `files[0] lacks "path"`},
		{"an unknown field", "read-file", `{"files":[{"path":"a","lines":3}]}`, `files[0] has no field "lines": the fields are path, from, to`},
		{"text for a list", "read-file", `{"files":"ratio.go"}`, `files must be a list`},
		{"text for an object", "read-file", `{"files":["ratio.go"]}`, `files[0] must be an object`},
		{"words for a number", "read-file", `{"files":[{"path":"a","from":"top"}]}`, `files[0].from must be a whole number`},
		{"half a line", "read-file", `{"files":[{"path":"a","from":1.5}]}`, `files[0].from must be a whole number`},
		{"an object for text", "read-file", `{"files":[{"path":{}}]}`, `files[0].path must be text`},
		{"maybe", "write-patch", `{"edits":[{"path":"a","delete":"maybe"}]}`, `edits[0].delete must be true or false`},
		{"an unknown choice", "give-up", `{"reason":"bored","explanation":"x"}`,
			`reason is "bored", want one of not-reproducible, cause-unclear, not-in-this-repository, needs-a-decision, needs-access, setting-or-dependency, environment, too-risky, already-fixed`},
		{"a list instead of an object", "read-file", `[1]`, `the call must be an object`},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, says(t, b, tt.tool, tt.args))
		})
	}
}

func TestResultsAreScrubbedAndVisible(t *testing.T) {
	t.Parallel()
	secret := "ghs_" + strings.Repeat("a1B2", 9)
	files := map[string]string{"go.mod": divide["go.mod"], "a.txt": "token " + secret + "\nmark\u202eed \x1b[31mred\x1b[0m \x1b[2K" +
		"tag\U000E0041\U000E0042\U000E0043\U000E0044\U000E0045s\r\nover\rwritten zero\u200bwidth café ⚠️\n"}
	b := bench(t, files)
	got := works(t, b, "read-file", `{"files":[{"path":"a.txt"}]}`).Text
	require.NotContains(t, got, secret)
	require.Contains(t, got, "mark<U+202E>ed red <U+001B>[2Ktag<5 hidden characters>s\n")
	require.Contains(t, got, "over<U+000D>written zero<U+200B>width café ⚠️\n")

	told := says(t, b, "write-patch", patch(edit("a.txt", "token "+secret+"x\nmark", "b")))
	require.NotContains(t, told, secret)
	require.NotContains(t, told, "\u202e")
}

func TestOurFailuresAreNotTheModels(t *testing.T) {
	t.Parallel()
	b := bench(t, divide)
	down := errors.New("connection refused")
	b.Clone = func(context.Context) (*sandbox.Tree, error) { return nil, down }
	_, err := use(t, b, "clone-repo", "{}")
	require.Equal(t, down, err)
	_, err = use(t, b, "read-file", `{"files":[{"path":"a"}]}`)
	require.Equal(t, down, err)
}

// TestEndToEnd mends a real bug in a real box, with a model that follows a script: three steps from the first prompt
// to the draft.
func TestEndToEnd(t *testing.T) {
	t.Parallel()
	b := bench(t, divide)
	var draft tools.Draft
	b.Open = func(_ context.Context, d tools.Draft) (int, error) {
		draft = d
		return 12, nil
	}
	withTest := patch(edit("ratio.go", "\treturn a / b", "\tif b == 0 {\n\t\treturn 0\n\t}\n\treturn a / b"), edit("zero_test.go", "", zeroTest))
	withTest["test"] = "zero_test.go"
	model := agenttest.Play(
		agenttest.Calls(agenttest.ToolCall("fetch-logs", nil), agenttest.ToolCall("read-file", `{"files":[{"path":"ratio.go"}]}`)),
		agenttest.Call("write-patch", withTest),
		agenttest.Call("open-pr", proposal))
	a := agent.Agent{Model: model, Tools: tools.On(b, tools.All)}
	run, err := a.Run(t.Context(), agent.Task{ID: "e2e"})
	require.NoError(t, err)
	require.Equal(t, agent.Finished, run.Stop)
	require.Equal(t, 12, b.PR)
	require.True(t, b.Evidence.Proves())
	require.Contains(t, run.Steps[1].Calls[0].Result, "PASS: zero_test.go on the new code")
	require.Equal(t, "return 0 for a ratio to nothing", draft.Title)
	require.Equal(t, []hotfix.FileChange{{Path: "ratio.go", Added: 3}, {Path: "zero_test.go", Added: 9, Test: true, New: true}}, draft.Patch.Files)

	// The same transcript, taken up on a fresh bench: no question is asked, and the tree is as it was.
	again := bench(t, divide)
	run.Steps, run.Stop = run.Steps[:2], ""
	a = agent.Agent{Model: agenttest.Play(agenttest.Call("give-up", `{"reason":"environment","explanation":"enough"}`)), Tools: tools.On(again, tools.All)}
	run, err = a.Resume(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, agent.GaveUp, run.Stop)
	rebuilt, err := again.Tree.Patch(again.Tree.Toolchain())
	require.NoError(t, err)
	require.Equal(t, draft.Patch, rebuilt)
}

func TestGiveUp(t *testing.T) {
	t.Parallel()
	b := bench(t, divide)
	r := works(t, b, "give-up", map[string]any{"reason": "needs-a-decision", "explanation": "Ratio may return 0 or an error.", "needed": "A word from a maintainer."})
	require.Equal(t, agent.Result{Text: "ended without a fix", Done: true, Stop: agent.GaveUp}, r)
	require.Equal(t, "A maintainer has to decide how it should behave. Ratio may return 0 or an error. What would help: A word from a maintainer.", b.GaveUp)
	require.Equal(t, "needs-a-decision", b.Obstacle)
	require.Equal(t, "explanation is empty: say what you found out", says(t, b, "give-up", `{"reason":"environment","explanation":" "}`))
}

func TestNoRepository(t *testing.T) {
	t.Parallel()
	b := &tools.Bench{Logs: func(context.Context) (redact.Text, error) { return redact.Text{}, nil }}
	require.Equal(t, "there is no repository to work on: call give-up", says(t, b, "read-file", `{"files":[{"path":"a"}]}`))
}
