package model_test

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// waits notes how long the model would have waited, and does not.
type waits struct{ times []time.Duration }

func (w *waits) wait(ctx context.Context, d time.Duration) error {
	w.times = append(w.times, d)
	return ctx.Err()
}

type bench struct {
	model  agent.Model
	server *modeltest.Server
	waits  *waits
}

// open starts a server of the provider's kind and a model that asks it.
func open(t *testing.T, provider string, replies []modeltest.Reply, change ...func(*model.Config)) bench {
	t.Helper()
	start := modeltest.OpenAI
	if provider == model.Anthropic {
		start = modeltest.Anthropic
	}
	s := start(replies...)
	t.Cleanup(s.Close)
	w := &waits{}
	c := model.Config{Provider: provider, Name: "some-model", BaseURL: s.URL, Key: redact.NewSecret("key-of-the-test-bench"), Wait: w.wait,
		Log: slog.New(slog.NewTextHandler(t.Output(), nil))}
	for _, f := range change {
		f(&c)
	}
	m, err := model.New(c)
	require.NoError(t, err)
	return bench{m, s, w}
}

var tools = []llms.Tool{{Type: "function", Function: &llms.FunctionDefinition{Name: "read-file", Description: "Reads a file.",
	Parameters: map[string]any{"type": "object", "properties": map[string]any{"path": map[string]any{"type": "string"}}}}},
	{Type: "function", Function: &llms.FunctionDefinition{Name: "stop", Parameters: map[string]string{"$schema": "x", "$id": "y"}}}}

func start() []llms.MessageContent {
	return []llms.MessageContent{
		llms.TextParts(llms.ChatMessageTypeSystem, "You mend things."),
		llms.TextParts(llms.ChatMessageTypeHuman, "Mend this."),
	}
}

// after appends a reply to a history as the loop does, with a result for each of its calls.
func after(history []llms.MessageContent, resp *llms.ContentResponse, results ...string) []llms.MessageContent {
	choice := resp.Choices[0]
	said := llms.MessageContent{Role: llms.ChatMessageTypeAI}
	if choice.Content != "" {
		said.Parts = append(said.Parts, llms.TextPart(choice.Content))
	}
	var told []llms.MessageContent
	for i, c := range choice.ToolCalls {
		said.Parts = append(said.Parts, c)
		told = append(told, llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{
			llms.ToolCallResponse{ToolCallID: c.ID, Name: c.FunctionCall.Name, Content: results[i]}}})
	}
	return append(append(history, said), told...)
}

func ask(t *testing.T, m agent.Model, history []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	t.Helper()
	return m.GenerateContent(t.Context(), history, append([]llms.CallOption{llms.WithTools(tools)}, options...)...)
}

var everyProvider = []string{model.OpenAI, model.Anthropic, model.Ollama, model.Google, model.UOS}

func TestAConversationWithParallelCalls(t *testing.T) {
	t.Parallel()
	for _, provider := range everyProvider {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			b := open(t, provider, []modeltest.Reply{
				{Text: "Two files.", In: 120, Out: 30, Cached: 100, Calls: []modeltest.Call{
					{ID: "c1", Name: "read-file", Args: `{"path":"a.go","n":9007199254740993}`}, {ID: "c2", Name: "read-file", Args: `{"path":"b.go"}`}}},
				{Text: "Done.", In: 150, Out: 5},
			})
			resp, err := ask(t, b.model, start())
			require.NoError(t, err)
			require.Len(t, resp.Choices, 1)
			choice := resp.Choices[0]
			require.Equal(t, "Two files.", choice.Content)
			require.Equal(t, "tool_calls", choice.StopReason)
			require.Len(t, choice.ToolCalls, 2)
			require.Equal(t, `{"path":"a.go","n":9007199254740993}`, choice.ToolCalls[0].FunctionCall.Arguments)
			require.Equal(t, "c2", choice.ToolCalls[1].ID)
			require.Equal(t, model.Usage{In: 120, Out: 30, Cached: 100, Model: "served-model"}, model.UsageOf(resp))
			require.Equal(t, 150, choice.GenerationInfo["TotalTokens"])

			resp, err = ask(t, b.model, after(start(), resp, "package a", "package b"))
			require.NoError(t, err)
			require.Equal(t, "Done.", resp.Choices[0].Content)
			require.Equal(t, "stop", resp.Choices[0].StopReason)
			require.Empty(t, resp.Choices[0].ToolCalls)
			require.Contains(t, string(b.server.Requests()[1].Raw), "9007199254740993", "digits of a large number are lost")
		})
	}
}

func TestAnthropicGetsWholeTurns(t *testing.T) {
	t.Parallel()
	b := open(t, model.Anthropic, []modeltest.Reply{
		{Text: "Look.", Thinking: "hm", Calls: []modeltest.Call{{ID: "c1", Name: "read-file", Args: `{}`}, {ID: "c2", Name: "stop", Args: `{}`}}},
		{Text: "Done."},
	})
	resp, err := ask(t, b.model, start())
	require.NoError(t, err)
	history := append(after(start(), resp, "one", ""), llms.TextParts(llms.ChatMessageTypeHuman, "Hurry."))
	_, err = ask(t, b.model, history, llms.WithToolChoice("required"))
	require.NoError(t, err)

	body := b.server.Requests()[1].Body
	require.Equal(t, map[string]any{"type": "any"}, body["tool_choice"])
	require.NotContains(t, body, "temperature")
	require.InDelta(t, 8192, body["max_tokens"], 0)
	system := body["system"].([]any)[0].(map[string]any)
	require.Equal(t, map[string]any{"type": "ephemeral"}, system["cache_control"])
	messages := body["messages"].([]any)
	require.Len(t, messages, 3, "user, assistant, user")
	require.Equal(t, []string{"thinking", "redacted_thinking", "text", "tool_use", "tool_use"}, types(messages[1]))
	require.Equal(t, []string{"tool_result", "tool_result", "text"}, types(messages[2]))
}

func types(message any) []string {
	var out []string
	for _, b := range message.(map[string]any)["content"].([]any) {
		out = append(out, b.(map[string]any)["type"].(string))
	}
	return out
}

func TestWhatOpenAIIsSent(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name    string
		change  func(*model.Config)
		options []llms.CallOption
		want    map[string]any // nil: not sent
	}{
		{name: "nothing that nobody asked for", want: map[string]any{"temperature": nil, "parallel_tool_calls": nil, "max_tokens": 8192.0, "model": "some-model"}},
		{name: "a temperature that was asked for", options: []llms.CallOption{llms.WithTemperature(0)}, want: map[string]any{"temperature": 0.0}},
		{name: "no temperature for a model that refuses it", options: []llms.CallOption{llms.WithTemperature(0.5)},
			change: func(c *model.Config) { c.Name = "openai/gpt-5.4-mini" }, want: map[string]any{"temperature": nil}},
		{name: "one call at a time", change: func(c *model.Config) { c.OneCall = true }, want: map[string]any{"parallel_tool_calls": false}},
		{name: "a bound on the reply", options: []llms.CallOption{llms.WithMaxTokens(77)}, want: map[string]any{"max_tokens": 77.0}},
		{name: "a choice of tool", options: []llms.CallOption{llms.WithToolChoice("required")}, want: map[string]any{"tool_choice": "required"}},
		{name: "no model for a gateway that chooses", change: func(c *model.Config) { c.Provider, c.Name = model.UOS, "" }, want: map[string]any{"model": nil}},
		{name: "no stream", options: []llms.CallOption{llms.WithStreamingFunc(func(context.Context, []byte) error { return nil })}, want: map[string]any{"stream": nil}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var change []func(*model.Config)
			if tt.change != nil {
				change = append(change, tt.change)
			}
			b := open(t, model.OpenAI, []modeltest.Reply{{Text: "Yes."}}, change...)
			_, err := ask(t, b.model, start(), tt.options...)
			require.NoError(t, err)
			body := b.server.Requests()[0].Body
			for k, v := range tt.want {
				require.Equal(t, v, body[k], k)
			}
			require.Equal(t, map[string]any{"type": "object", "properties": map[string]any{}},
				body["tools"].([]any)[1].(map[string]any)["function"].(map[string]any)["parameters"])
		})
	}
}

func TestMalformedArgumentsComeThroughAndGoBackAsAnObject(t *testing.T) {
	t.Parallel()
	b := open(t, model.OpenAI, []modeltest.Reply{
		{Calls: []modeltest.Call{{ID: "c1", Name: "read-file", Args: `{"path": "a.go`}, {ID: "c1", Name: "stop", Args: ``}}},
		{Text: "Sorry."},
	})
	resp, err := ask(t, b.model, start())
	require.NoError(t, err)
	calls := resp.Choices[0].ToolCalls
	require.Equal(t, `{"path": "a.go`, calls[0].FunctionCall.Arguments)
	require.Equal(t, `{}`, calls[1].FunctionCall.Arguments)
	require.NotEqual(t, calls[0].ID, calls[1].ID, "an id that is used twice cannot be answered")
	_, err = ask(t, b.model, after(start(), resp, "error: no JSON", "ok"))
	require.NoError(t, err)
	sent := b.server.Requests()[1].Body["messages"].([]any)[2].(map[string]any)["tool_calls"].([]any)[0].(map[string]any)
	require.JSONEq(t, `{"unreadable_arguments": "{\"path\": \"a.go"}`, sent["function"].(map[string]any)["arguments"].(string))
}

func TestOddReplies(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, raw string
		text      string
		calls     []string
	}{
		{name: "arguments as an object", raw: `{"choices":[{"message":{"content":null,"tool_calls":[{"id":"x","function":{"name":"f","arguments":{"a":1}}}]},"finish_reason":"tool_calls"}]}`, calls: []string{`f {"a":1}`}},
		{name: "content in parts", raw: `{"choices":[{"message":{"content":[{"type":"text","text":"a"},{"type":"text","text":"b"}]},"finish_reason":"stop"}]}`, text: "a\nb"},
		{name: "the old way to call", raw: `{"choices":[{"message":{"content":"","function_call":{"name":"f","arguments":"{}"}},"finish_reason":"function_call"}]}`, calls: []string{"f {}"}},
		{name: "no id, no type, no finish reason", raw: `{"choices":[{"message":{"content":"","tool_calls":[{"function":{"name":"f","arguments":"{}"}}]},"finish_reason":null}]}`, calls: []string{"f {}"}},
		{name: "null error beside a reply", raw: `{"error":null,"choices":[{"message":{"content":"hi"},"finish_reason":"stop"}]}`, text: "hi"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := open(t, model.OpenAI, []modeltest.Reply{{Raw: tt.raw}})
			resp, err := ask(t, b.model, start())
			require.NoError(t, err)
			require.Equal(t, tt.text, resp.Choices[0].Content)
			var calls []string
			for _, c := range resp.Choices[0].ToolCalls {
				require.NotEmpty(t, c.ID)
				require.Equal(t, "function", c.Type)
				require.True(t, json.Valid([]byte(c.FunctionCall.Arguments)))
				calls = append(calls, c.FunctionCall.Name+" "+c.FunctionCall.Arguments)
			}
			require.Equal(t, tt.calls, calls)
		})
	}
}

func TestWhatAProviderSentAlongGoesBack(t *testing.T) {
	t.Parallel()
	signature := map[string]any{"google": map[string]any{"thought_signature": "c2ln"}}
	b := open(t, model.Google, []modeltest.Reply{
		{Thinking: "hm", Calls: []modeltest.Call{{ID: "c1", Name: "stop", Args: "{}", Extra: map[string]any{"extra_content": signature}}}},
		{Text: "Done."}, {Text: "Done."},
	})
	resp, err := ask(t, b.model, start())
	require.NoError(t, err)
	_, err = ask(t, b.model, after(start(), resp, "ok"))
	require.NoError(t, err)
	said := b.server.Requests()[1].Body["messages"].([]any)[2].(map[string]any)
	require.Equal(t, "hm", said["reasoning_content"])
	require.Equal(t, signature, said["tool_calls"].([]any)[0].(map[string]any)["extra_content"])

	resp.Choices[0].ToolCalls[0].ID = "made-before-a-restart"
	_, err = ask(t, b.model, after(start(), resp, "ok"))
	require.NoError(t, err)
	require.Contains(t, string(b.server.Requests()[2].Raw), "skip_thought_signature_validator")
}

func TestAReplyThatWasCut(t *testing.T) {
	t.Parallel()
	for provider, word := range map[string]string{model.OpenAI: "length", model.Anthropic: "max_tokens"} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			b := open(t, provider, []modeltest.Reply{
				{Text: "I write", Stop: word, Calls: []modeltest.Call{{ID: "c1", Name: "write-patch", Args: `{"path":"a"}`}}},
				{Stop: word, In: 9, Out: 100},
			})
			resp, err := ask(t, b.model, start())
			require.NoError(t, err)
			require.Empty(t, resp.Choices[0].ToolCalls)
			require.Equal(t, "length", resp.Choices[0].StopReason)
			require.Equal(t, "I write\n[the reply was cut here, at its limit of 8192 tokens; its calls of write-patch may be incomplete and were not made]",
				resp.Choices[0].Content)
			resp, err = ask(t, b.model, start(), llms.WithMaxTokens(100))
			require.NoError(t, err, "a reply that thought too long is cut, not empty")
			require.Equal(t, "[the reply was cut here, at its limit of 100 tokens]", resp.Choices[0].Content)
		})
	}
}

func TestTheGatewayLearnsWhoAsks(t *testing.T) {
	t.Parallel()
	b := open(t, model.UOS, []modeltest.Reply{{Text: "Yes."}}, func(c *model.Config) {
		c.Headers = model.KernelHeaders(redact.NewSecret("the-kernels-own-token"), "o", "r", "42")
	})
	_, err := ask(t, b.model, start())
	require.NoError(t, err)
	h := b.server.Requests()[0].Header
	require.Equal(t, "Bearer key-of-the-test-bench", h.Get("Authorization"))
	require.Equal(t, "the-kernels-own-token", h.Get("X-Ubiquity-Kernel-Token"))
	require.Equal(t, []string{"o", "r", "42"}, []string{h.Get("X-GitHub-Owner"), h.Get("X-GitHub-Repo"), h.Get("X-GitHub-Installation-Id")})
}

func TestHeadersThatCannotBeHad(t *testing.T) {
	t.Parallel()
	b := open(t, model.UOS, nil, func(c *model.Config) {
		c.Headers = func(context.Context) (http.Header, error) { return nil, errors.New("the token has expired") }
	})
	_, err := ask(t, b.model, start())
	require.EqualError(t, err, "uos:some-model: headers: the token has expired")
	require.Empty(t, b.server.Requests())
}

func TestManyAskAtOnce(t *testing.T) {
	t.Parallel()
	const n = 20
	reply := modeltest.Reply{Thinking: "hm", Calls: []modeltest.Call{{Name: "stop", Args: "{}"}}}
	replies := []modeltest.Reply{{Status: 400, Param: "temperature", Message: "Unsupported value"}}
	for range 3 * n {
		replies = append(replies, reply)
	}
	b := open(t, model.OpenAI, replies)
	ids := make([]string, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			resp, err := b.model.GenerateContent(t.Context(), start(), llms.WithTemperature(0.5))
			if err == nil {
				ids[i] = resp.Choices[0].ToolCalls[0].ID
				_, err = b.model.GenerateContent(t.Context(), after(start(), resp, "ok"))
			}
			if err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	slices.Sort(ids)
	require.Len(t, slices.Compact(ids), n, "made-up ids are all different")
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	key := redact.NewSecret(strings.Repeat("k", 20))
	tests := []struct {
		name string
		c    model.Config
		want string
	}{
		{"an unknown provider", model.Config{Provider: "x"}, `there is no model provider "x": choose one of openai, anthropic, ollama, google, uos`},
		{"no name", model.Config{Provider: model.OpenAI, Key: key}, "openai: which model? Set HOTFIX_MODEL"},
		{"no key", model.Config{Provider: model.Anthropic, Name: "m"}, "anthropic: there is no key. Set ANTHROPIC_API_KEY"},
		{"no key for the gateway", model.Config{Provider: model.UOS}, "uos: there is no key. Set UOS_AI_TOKEN, or pass on the token of the delivery"},
		{"no address", model.Config{Provider: model.OpenAI, Name: "m", Key: key, BaseURL: "api.example.com"}, `openai: "api.example.com" is no address of a model: write https://host/path, without user, query or fragment`},
		{"a key in the clear", model.Config{Provider: model.OpenAI, Name: "m", Key: key, BaseURL: "http://api.example.com/v1"}, "openai: the key would go to api.example.com without encryption: use https"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := model.New(tt.c)
			require.EqualError(t, err, tt.want)
		})
	}
}
