package modeltest_test

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
)

func TestServersRefuseWhatTheRealOnesRefuse(t *testing.T) {
	t.Parallel()
	const (
		call = `{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]}`
		user = `{"role":"user","content":"x"}`
		use  = `{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"b","name":"f","input":{}}]}`
		said = `{"role":"user","content":[{"type":"text","text":"x"}]}`
	)
	result := func(ids ...string) string {
		var out []string
		for _, id := range ids {
			out = append(out, `{"role":"tool","tool_call_id":"`+id+`","content":""}`)
		}
		return strings.Join(out, ",")
	}
	results := func(ids ...string) string {
		var out []string
		for _, id := range ids {
			out = append(out, `{"type":"tool_result","tool_use_id":"`+id+`","content":""}`)
		}
		return `{"role":"user","content":[` + strings.Join(out, ",") + `]}`
	}
	tests := []struct {
		name      string
		anthropic bool
		body      string
		want      string // in the error; "" is fine
	}{
		{name: "fine", body: `{"messages":[` + user + "," + call + "," + result("a", "b") + `]}`},
		{name: "not JSON", body: `{`, want: "no JSON object"},
		{name: "nothing", body: `{}`, want: "messages is empty"},
		{name: "both bounds", body: `{"max_tokens":1,"max_completion_tokens":1,"messages":[` + user + `]}`, want: "both set"},
		{name: "a stream", body: `{"stream":true,"messages":[` + user + `]}`, want: "does not stream"},
		{name: "a missing result", body: `{"messages":[` + user + "," + call + "," + result("a") + "," + user + `]}`, want: "1 tool calls before it have no result"},
		{name: "no results at the end", body: `{"messages":[` + user + "," + call + `]}`, want: "have no result"},
		{name: "a result of nothing", body: `{"messages":[` + user + "," + result("z") + `]}`, want: `there is no tool call "z"`},
		{name: "silence", body: `{"messages":[` + user + `,{"role":"assistant","content":""}]}`, want: "says nothing"},
		{name: "no type", body: `{"messages":[` + strings.ReplaceAll(call, `"type":"function",`, "") + `]}`, want: "has the type"},
		{name: "arguments that are no JSON", body: `{"messages":[` + strings.Replace(call, `"{}"`, `"{"`, 1) + `]}`, want: "no JSON text"},
		{name: "the same id twice", body: `{"messages":[` + strings.Replace(call, `"b"`, `"a"`, 1) + `]}`, want: "has the id"},
		{name: "an unknown role", body: `{"messages":[{"role":"x"}]}`, want: `the role "x"`},

		{name: "fine", anthropic: true, body: `{"max_tokens":1,"messages":[` + said + "," + use + "," + results("a", "b") + `]}`},
		{name: "no bound", anthropic: true, body: `{"messages":[` + said + `]}`, want: "max_tokens"},
		{name: "two turns of one role", anthropic: true, body: `{"max_tokens":1,"messages":[` + said + "," + said + `]}`, want: "in a row"},
		{name: "the assistant begins", anthropic: true, body: `{"max_tokens":1,"messages":[` + use + `]}`, want: "in a row"},
		{name: "the assistant ends", anthropic: true, body: `{"max_tokens":1,"messages":[` + said + "," + use + `]}`, want: "not the user's"},
		{name: "a missing result", anthropic: true, body: `{"max_tokens":1,"messages":[` + said + "," + use + "," + results("a") + `]}`, want: "without tool_result"},
		{name: "a result of nothing", anthropic: true, body: `{"max_tokens":1,"messages":[` + results("a") + `]}`, want: "no tool_use in the turn before"},
		{name: "empty text", anthropic: true, body: `{"max_tokens":1,"messages":[{"role":"user","content":[{"type":"text","text":""}]}]}`, want: "non-empty"},
		{name: "late thinking", anthropic: true, body: `{"max_tokens":1,"messages":[` + said + `,{"role":"assistant","content":[{"type":"text","text":"x"},{"type":"thinking"}]},` + said + `]}`, want: "thinking must come first"},
		{name: "five marks", anthropic: true, body: `{"max_tokens":1,"messages":[{"role":"user","content":[` + strings.TrimSuffix(strings.Repeat(`{"type":"text","text":"x","cache_control":{}},`, 5), ",") + `]}]}`, want: "found 5"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			s, path := modeltest.OpenAI(modeltest.Reply{Text: "Yes."}), "/chat/completions"
			if tt.anthropic {
				s, path = modeltest.Anthropic(modeltest.Reply{Text: "Yes."}), "/messages"
			}
			defer s.Close()
			resp, err := http.Post(s.URL+path, "application/json", strings.NewReader(tt.body))
			require.NoError(t, err)
			defer func() { require.NoError(t, resp.Body.Close()) }()
			data, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			if tt.want == "" {
				require.Equal(t, http.StatusOK, resp.StatusCode, string(data))
				return
			}
			require.Equal(t, http.StatusBadRequest, resp.StatusCode)
			require.Contains(t, strings.ReplaceAll(string(data), `\"`, `"`), tt.want)
		})
	}
}
