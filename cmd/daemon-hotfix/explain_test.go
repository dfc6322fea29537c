package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

func TestExplain(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		in     string
		args   []string
		action string
		rules  []string
	}{
		{"a bug", `{"event":"kernel.plugin_error","timestamp":"2026-05-03T14:20:11.000Z","stateId":"s","trigger":{"githubEvent":"issues.opened","deliveryId":"d","repo":"acme/shop"},` +
			`"plugin":{"type":"workflow","id":"acme/greet:compute.yml","owner":"acme","repo":"greet","workflowId":"compute.yml","ref":"main"},` +
			`"error":{"message":"TypeError: x is not a function\n    at greet (src/greet.js:3:4)","status":null,"category":"workflow"}}`, nil, "fix", []string{"no-objection"}},
		{"a repository that is not allowed", `{"event":"kernel.plugin_error","timestamp":"2026-05-03T14:20:11.000Z","stateId":"s","trigger":{"githubEvent":"issues.opened","deliveryId":"d","repo":"acme/shop"},` +
			`"plugin":{"type":"workflow","id":"acme/greet:compute.yml","owner":"acme","repo":"greet","workflowId":"compute.yml","ref":"main"},"error":{"message":"boom","status":null,"category":"workflow"}}`,
			[]string{"--allow", "acme/other"}, "ignore", []string{"repository-not-allowed"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out, errs strings.Builder
			status := run(t.Context(), append([]string{"explain", "-", "--json"}, tt.args...), streams{strings.NewReader(tt.in), &out, &errs})
			require.Zero(t, status, errs.String())
			var got explanation
			require.NoError(t, json.Unmarshal([]byte(out.String()), &got))
			require.Equal(t, tt.action, got.Action)
			var rules []string
			for _, r := range got.Reasons {
				rules = append(rules, r.Rule)
			}
			require.Equal(t, tt.rules, rules)
			out.Reset()
			require.Zero(t, run(t.Context(), append([]string{"explain", "-"}, tt.args...), streams{strings.NewReader(tt.in), &out, &errs}))
			require.Contains(t, out.String(), "decision     "+tt.action+", risk ")
			require.Contains(t, out.String(), "Nothing was stored, sent or changed.\n")
		})
	}
	var errs strings.Builder
	require.Equal(t, 1, run(t.Context(), []string{"explain", "-"}, streams{strings.NewReader(" "), &strings.Builder{}, &errs}))
	require.Contains(t, errs.String(), "the signal is empty")
}

func TestTranscript(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "run.jsonl")
	f, err := os.Create(file)
	require.NoError(t, err)
	r := &agent.Run{Task: agent.Task{ID: "local-1", System: "You mend.", Prompt: "It broke <b>badly</b>."}, Model: "openai:m", Stop: agent.GaveUp, Because: "no idea", Steps: []agent.Step{
		{Reply: "Let me look.", Tokens: agent.Tokens{In: 900, Out: 20, Cached: 100}, Cost: 0.0125, Calls: []agent.Call{
			{ID: "1", Tool: "read-file", Args: json.RawMessage(`{"files":[{"path":"a.js"}]}`), Result: "<script>alert(1)</script> \x1b[2J" + strings.Repeat("long ", 400)},
			{ID: "2", Tool: "open-pr", Args: json.RawMessage(`{}`), Result: "error: title must be one line", Err: "title must be one line"}}}}}
	require.NoError(t, agent.Transcript{Prompt: "aa", Tools: "bb", Run: r}.Write(f))
	require.NoError(t, f.Close())
	show := func(args ...string) string {
		var out, errs strings.Builder
		require.Zero(t, run(t.Context(), append([]string{"transcript", file}, args...), streams{Out: &out, Err: &errs}), errs.String())
		return out.String()
	}
	text := show()
	require.Contains(t, text, "run local-1 of ")
	require.Contains(t, text, "It was made with another prompt than this program's.")
	require.Contains(t, text, "--- step 1: 900 tokens in (100 cached), 20 out, $0.0125, 0s ---\nLet me look.\n> read-file {\"files\":[{\"path\":\"a.js\"}]}\n")
	require.Contains(t, text, "more characters; --full shows them]")
	require.Contains(t, text, "--- gave-up ---\nno idea\n1 step, 920 tokens, $0.0125, 0s\n")
	require.NotContains(t, text, "\x1b")
	require.NotContains(t, show("--full"), "more characters")

	page := show("--html", "-")
	require.Contains(t, page, "<title>Run local-1</title>")
	require.Contains(t, page, "&lt;script&gt;alert(1)&lt;/script&gt;")
	require.NotContains(t, page, "<script")
	require.NotContains(t, page, "http://")
	require.NotContains(t, page, "https://")
	require.Contains(t, page, "open-pr (refused)")

	require.NoError(t, os.WriteFile(file, []byte("{}"), 0o600))
	var errs strings.Builder
	require.Equal(t, 1, run(t.Context(), []string{"transcript", file}, streams{Out: &strings.Builder{}, Err: &errs}))
	require.Contains(t, errs.String(), "run.jsonl: it is no transcript: the first line must be an object with a version")
}
