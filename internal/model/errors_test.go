package model_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestWhatIsTriedAgain(t *testing.T) {
	t.Parallel()
	fine := modeltest.Reply{Text: "Fine.", In: 10, Out: 1}
	tests := []struct {
		name     string
		provider string
		replies  []modeltest.Reply
		kind     error
		tries    int           // of the error; 0: it ends well
		wait     time.Duration // asked for; 0: ours
	}{
		{name: "429 with Retry-After", provider: model.OpenAI, wait: 7 * time.Second, replies: []modeltest.Reply{
			{Status: 429, Code: "rate_limit_exceeded", Message: "Rate limit reached, try again", Header: map[string]string{"Retry-After": "7"}}, fine}},
		{name: "429 with milliseconds", provider: model.OpenAI, wait: 1500 * time.Millisecond, replies: []modeltest.Reply{
			{Status: 429, Message: "slow down", Header: map[string]string{"Retry-After-Ms": "1500", "Retry-After": "2"}}, fine}},
		{name: "429 with a date", provider: model.Anthropic, wait: 90 * time.Second, replies: []modeltest.Reply{
			{Status: 429, Type: "rate_limit_error", Message: "slow down", Header: map[string]string{"Date": "Mon, 23 Nov 2026 10:00:00 GMT", "Retry-After": "Mon, 23 Nov 2026 10:01:30 GMT"}}, fine}},
		{name: "Google's delay in the body", provider: model.Google, wait: 36 * time.Second, replies: []modeltest.Reply{
			{Status: 429, Raw: `[{"error":{"code":429,"message":"You exceeded your current quota, please check your plan and billing details.","status":"RESOURCE_EXHAUSTED","details":[{"quotaId":"GenerateRequestsPerMinutePerProject"},{"retryDelay":"36s"}]}}]`}, fine}},
		{name: "500", provider: model.OpenAI, replies: []modeltest.Reply{{Status: 500, Message: "oops"}, fine}},
		{name: "502 of a proxy", provider: model.OpenAI, replies: []modeltest.Reply{{Status: 502, Raw: "<html><title>Bad gateway</title></html>"}, fine}},
		{name: "503 without a body", provider: model.Ollama, replies: []modeltest.Reply{{Status: 503, Raw: " "}, fine}},
		{name: "529", provider: model.Anthropic, replies: []modeltest.Reply{{Status: 529, Type: "overloaded_error", Message: "Overloaded"}, fine}},
		{name: "cut bodies", provider: model.OpenAI, replies: []modeltest.Reply{{Text: "half", Cut: true}, {Text: "half", Cut: true}, fine}},
		{name: "a cut body of Anthropic", provider: model.Anthropic, replies: []modeltest.Reply{{Text: "half", Cut: true}, fine}},
		{name: "no JSON", provider: model.OpenAI, replies: []modeltest.Reply{{Raw: "<html>welcome</html>"}, fine}},
		{name: "an error in a 200", provider: model.OpenAI, replies: []modeltest.Reply{{Message: "The server is overloaded", Status: 200}, fine}},
		{name: "an error in a choice", provider: model.OpenAI, replies: []modeltest.Reply{{Raw: `{"choices":[{"message":{"content":""},"finish_reason":"error","error":{"code":502,"message":"upstream"}}]}`}, fine}},
		{name: "an empty reply", provider: model.OpenAI, replies: []modeltest.Reply{{}, fine}},
		{name: "an empty reply of Anthropic", provider: model.Anthropic, replies: []modeltest.Reply{{}, fine}},
		{name: "no choices", provider: model.OpenAI, replies: []modeltest.Reply{{Raw: `{"choices":[]}`}, fine}},
		{name: "null choices", provider: model.OpenAI, replies: []modeltest.Reply{{Raw: `{"choices":[null]}`}, fine}},

		{name: "two empty replies", provider: model.OpenAI, replies: []modeltest.Reply{{}, {}}, kind: model.ErrEmpty, tries: 2},
		{name: "500 forever", provider: model.OpenAI, replies: []modeltest.Reply{{Status: 500}, {Status: 500}, {Status: 500}, {Status: 500}, {Status: 500}}, kind: model.ErrBusy, tries: 5},
		{name: "a wait longer than our patience", provider: model.OpenAI, replies: []modeltest.Reply{
			{Status: 429, Message: "come back later", Header: map[string]string{"Retry-After": "86400"}}}, kind: model.ErrBusy, tries: 1},
		{name: "an exhausted quota", provider: model.OpenAI, replies: []modeltest.Reply{
			{Status: 429, Code: "insufficient_quota", Message: "You exceeded your current quota"}}, kind: model.ErrQuota, tries: 1},
		{name: "no credit", provider: model.Anthropic, replies: []modeltest.Reply{
			{Status: 400, Type: "invalid_request_error", Message: "Your credit balance is too low to access the Anthropic API."}}, kind: model.ErrQuota, tries: 1},
		{name: "402", provider: model.UOS, replies: []modeltest.Reply{{Status: 402, Message: "pay first"}}, kind: model.ErrQuota, tries: 1},
		{name: "Google's daily quota", provider: model.Google, replies: []modeltest.Reply{
			{Status: 429, Raw: `[{"error":{"code":429,"message":"You exceeded your current quota","status":"RESOURCE_EXHAUSTED","details":[{"quotaId":"GenerateRequestsPerDayPerProject"}]}}]`}}, kind: model.ErrQuota, tries: 1},
		{name: "a wrong key", provider: model.OpenAI, replies: []modeltest.Reply{{Status: 401, Message: "Incorrect API key"}}, kind: model.ErrKey, tries: 1},
		{name: "a wrong question", provider: model.OpenAI, replies: []modeltest.Reply{{Status: 400, Message: "tools[0].name is wrong"}}, tries: 1},
		{name: "no such model", provider: model.Anthropic, replies: []modeltest.Reply{{Status: 404, Type: "not_found_error", Message: "model: x"}}, tries: 1},
		{name: "overflow", provider: model.OpenAI, replies: []modeltest.Reply{
			{Status: 400, Code: "context_length_exceeded", Message: "This model's maximum context length is 8192 tokens."}}, kind: model.ErrOverflow, tries: 1},
		{name: "overflow of Anthropic", provider: model.Anthropic, replies: []modeltest.Reply{
			{Status: 400, Type: "invalid_request_error", Message: "prompt is too long: 210000 tokens > 200000 maximum"}}, kind: model.ErrOverflow, tries: 1},
		{name: "413", provider: model.Anthropic, replies: []modeltest.Reply{{Status: 413, Type: "request_too_large", Message: "Request exceeds the maximum size"}}, kind: model.ErrOverflow, tries: 1},
		{name: "overflow of Google", provider: model.Google, replies: []modeltest.Reply{
			{Status: 400, Raw: `[{"error":{"code":400,"message":"The input token count (2000000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}]`}}, kind: model.ErrOverflow, tries: 1},
		{name: "overflow of llama.cpp", provider: model.Ollama, replies: []modeltest.Reply{
			{Status: 400, Type: "exceed_context_size_error", Message: "the request exceeds the available context size"}}, kind: model.ErrOverflow, tries: 1},
		{name: "overflow at the end of a reply", provider: model.Anthropic, replies: []modeltest.Reply{{Stop: "model_context_window_exceeded"}}, kind: model.ErrOverflow, tries: 1},
		{name: "a refusal", provider: model.OpenAI, replies: []modeltest.Reply{{Raw: `{"choices":[{"message":{"content":null,"refusal":"I cannot help."},"finish_reason":"stop"}]}`}}, kind: model.ErrRefused, tries: 1},
		{name: "a content filter", provider: model.OpenAI, replies: []modeltest.Reply{{Text: "I", Stop: "content_filter"}}, kind: model.ErrRefused, tries: 1},
		{name: "a content filter on the question", provider: model.OpenAI, replies: []modeltest.Reply{{Status: 400, Code: "content_filter", Message: "The response was filtered due to the prompt triggering content management policy"}}, kind: model.ErrRefused, tries: 1},
		{name: "a refusal of Anthropic", provider: model.Anthropic, replies: []modeltest.Reply{{Text: "I cannot", Stop: "refusal"}}, kind: model.ErrRefused, tries: 1},
		{name: "a redirect", provider: model.OpenAI, replies: []modeltest.Reply{{Status: 307, Raw: "x", Header: map[string]string{"Location": "http://192.0.2.1/"}}}, tries: 1},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := open(t, tt.provider, tt.replies)
			resp, err := ask(t, b.model, start())
			require.Len(t, b.server.Requests(), len(tt.replies))
			if tt.tries == 0 {
				require.NoError(t, err)
				require.Equal(t, "Fine.", resp.Choices[0].Content)
				require.Equal(t, len(tt.replies), resp.Choices[0].GenerationInfo["Tries"])
				require.Len(t, b.waits.times, len(tt.replies)-1)
				if tt.wait != 0 {
					require.Equal(t, tt.wait, b.waits.times[0])
				}
				return
			}
			var e *model.APIError
			require.ErrorAs(t, err, &e)
			require.Equal(t, tt.tries, e.Tries)
			if tt.kind != nil {
				require.ErrorIs(t, err, tt.kind)
			}
			require.Equal(t, tt.kind, errors.Unwrap(e))
			require.Equal(t, errors.Is(tt.kind, model.ErrOverflow), e.Overflow())
		})
	}
}

func TestWhatAnErrorSays(t *testing.T) {
	t.Parallel()
	secret := "ghs_" + strings.Repeat("aB3", 12)
	b := open(t, model.OpenAI, []modeltest.Reply{{Status: 404, Type: "invalid_request_error", Code: "model_not_found",
		Message: "no such model, token " + secret + strings.Repeat("!", 10_000), Header: map[string]string{"X-Request-Id": "req_1"}}})
	_, err := ask(t, b.model, start())
	var e *model.APIError
	require.ErrorAs(t, err, &e)
	require.Equal(t, []any{404, "invalid_request_error", "model_not_found", "req_1"}, []any{e.Status, e.Type, e.Code, e.RequestID})
	require.True(t, strings.HasPrefix(err.Error(), "openai:some-model: status 404 (model_not_found): no such model, token "))
	require.Less(t, len(err.Error()), 3000)
	require.Less(t, len(e.Body.String()), 3000)
	require.NotContains(t, err.Error(), secret)
	require.NotContains(t, e.Body.String(), secret)
}

func TestBackoffGrowsWithinBounds(t *testing.T) {
	t.Parallel()
	replies := make([]modeltest.Reply, 9)
	for i := range replies {
		replies[i].Status = 500
	}
	b := open(t, model.OpenAI, replies, func(c *model.Config) { c.Retries = 8 })
	_, err := ask(t, b.model, start())
	require.ErrorIs(t, err, model.ErrBusy)
	require.Len(t, b.waits.times, 8)
	for i, d := range b.waits.times {
		top := min(time.Second<<i, 30*time.Second)
		require.GreaterOrEqual(t, d, top/2, i)
		require.LessOrEqual(t, d, top+1, i)
	}
}

func TestTokensOfFailedTriesCount(t *testing.T) {
	t.Parallel()
	b := open(t, model.OpenAI, []modeltest.Reply{{In: 100, Out: 7}, {Text: "Fine.", In: 100, Out: 5}})
	resp, err := ask(t, b.model, start())
	require.NoError(t, err)
	require.Equal(t, model.Usage{In: 200, Out: 12, Model: "served-model"}, model.UsageOf(resp))
}

func TestATimeoutIsTriedAgainAndACancelIsNot(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{model.OpenAI, model.Anthropic} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			slow := func(c *model.Config) { c.Timeout = 20 * time.Millisecond }
			b := open(t, provider, []modeltest.Reply{{Hang: true}, {Hang: true}}, slow, func(c *model.Config) { c.Retries = 1 })
			_, err := ask(t, b.model, start())
			require.ErrorIs(t, err, model.ErrNetwork)
			require.ErrorContains(t, err, "no reply in time; 2 tries")

			b = open(t, provider, []modeltest.Reply{{Drip: true}, {Text: "Yes.", In: 3, Out: 1}}, slow)
			resp, err := ask(t, b.model, start())
			require.NoError(t, err, "a reply that comes too slowly is asked for again")
			require.Equal(t, "Yes.", resp.Choices[0].Content)

			ctx, cancel := context.WithCancel(t.Context())
			b = open(t, provider, []modeltest.Reply{{Do: func(modeltest.Request) modeltest.Reply { cancel(); return modeltest.Reply{Hang: true} }}})
			_, err = b.model.GenerateContent(ctx, start())
			require.ErrorIs(t, err, context.Canceled)
			require.Len(t, b.server.Requests(), 1)

			ctx, cancel = context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			b = open(t, provider, []modeltest.Reply{{Hang: true}})
			_, err = b.model.GenerateContent(ctx, start())
			require.ErrorIs(t, err, context.DeadlineExceeded)
		})
	}
}

func TestNobodyThere(t *testing.T) {
	t.Parallel()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	address := l.Addr().String()
	require.NoError(t, l.Close())
	b := open(t, model.OpenAI, nil, func(c *model.Config) { c.BaseURL, c.Retries = "http://"+address+"/v1", -1 })
	_, err = ask(t, b.model, start())
	require.ErrorIs(t, err, model.ErrNetwork)
	require.NotContains(t, err.Error(), "/v1", "an address may hold a secret")
}

func TestACertificateThatIsNoGoodIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	s := httptest.NewTLSServer(http.NotFoundHandler())
	defer s.Close()
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	b := open(t, model.OpenAI, nil, func(c *model.Config) { c.BaseURL = s.URL })
	_, err := ask(t, b.model, start())
	require.ErrorContains(t, err, "certificate")
	require.Empty(t, b.waits.times)
}

// body is a transport that answers everything with one body.
type body []byte

func (b body) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(bytes.NewReader(b)), Header: http.Header{}, Request: r}, nil
}

func FuzzReplies(f *testing.F) {
	for _, seed := range []string{
		`{"choices":[{"message":{"content":"x","tool_calls":[{"id":"a","function":{"name":"f","arguments":"{}"},"extra":1}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":1}}`,
		`{"choices":[{"message":{"content":[{"text":1}],"function_call":null},"finish_reason":"function_call"}]}`,
		`{"choices":[null]}`, `[{"error":{"code":400,"message":"x","details":[{"retryDelay":"1s"}]}}]`, `{"error":"x"}`, `[]`, `null`, `""`,
		`{"content":[{"type":"thinking"},{"type":"tool_use","id":"a","name":"b","input":[1]},{"type":"text","text":"x"}],"stop_reason":"tool_use"}`,
		`{"content":null,"stop_reason":"max_tokens","usage":{"input_tokens":-1}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, provider := range []string{model.OpenAI, model.Anthropic} {
			m, err := model.New(model.Config{Provider: provider, Name: "m", Key: redact.NewSecret("key-of-the-test-bench"), HTTP: body(data), Retries: -1})
			require.NoError(t, err)
			resp, err := m.GenerateContent(t.Context(), start())
			if err != nil {
				var e *model.APIError
				require.ErrorAs(t, err, &e, "every failure is typed")
				continue
			}
			require.Len(t, resp.Choices, 1)
			_, err = m.GenerateContent(t.Context(), after(start(), resp, make([]string, len(resp.Choices[0].ToolCalls))...))
			require.NoError(t, err, "what came can be sent back")
		}
	})
}

func TestTheKeyDoesNotFollowARedirect(t *testing.T) {
	t.Parallel()
	var asked int
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked++ }))
	defer elsewhere.Close()
	for _, provider := range []string{model.OpenAI, model.Anthropic} {
		b := open(t, provider, []modeltest.Reply{{Status: 308, Raw: "moved", Header: map[string]string{"Location": elsewhere.URL}}})
		_, err := ask(t, b.model, start())
		require.ErrorContains(t, err, "status 308: the address redirects elsewhere")
	}
	require.Zero(t, asked)
}

func TestAnEndpointTeachesWhatItAccepts(t *testing.T) {
	t.Parallel()
	fine := modeltest.Reply{Text: "Fine."}
	warm := []llms.CallOption{llms.WithTemperature(0.3), llms.WithToolChoice("required")}
	tests := []struct {
		name     string
		provider string
		refusals []modeltest.Reply
		want     map[string]any // nil: not sent
	}{
		{name: "no temperature", provider: model.Anthropic, want: map[string]any{"temperature": nil},
			refusals: []modeltest.Reply{{Status: 400, Type: "invalid_request_error", Message: "`temperature` is deprecated for this model."}}},
		{name: "no forced tools", provider: model.Anthropic, want: map[string]any{"tool_choice": nil},
			refusals: []modeltest.Reply{{Status: 400, Type: "invalid_request_error", Message: "tool_choice: forced tool use is not supported for this model"}}},
		{name: "no reasoning with tools", provider: model.OpenAI, want: map[string]any{"reasoning_effort": "none"},
			refusals: []modeltest.Reply{{Status: 400, Param: "reasoning_effort", Message: "Function tools with reasoning_effort are not supported for m in /v1/chat/completions. To use function tools, use /v1/responses or set reasoning_effort to 'none'."}}},
		{name: "another name for the bound", provider: model.OpenAI, want: map[string]any{"max_tokens": nil, "max_completion_tokens": 8192.0},
			refusals: []modeltest.Reply{{Status: 400, Param: "max_tokens", Code: "unsupported_parameter", Message: "Unsupported parameter: 'max_tokens' is not supported with this model. Use 'max_completion_tokens' instead."}}},
		{name: "a lower bound", provider: model.Anthropic, want: map[string]any{"max_tokens": 4096.0},
			refusals: []modeltest.Reply{{Status: 400, Type: "invalid_request_error", Message: "max_tokens: 8192 > 4096, which is the maximum allowed number of output tokens for m"}}},
		{name: "a lower bound of OpenAI", provider: model.OpenAI, want: map[string]any{"max_tokens": 4096.0},
			refusals: []modeltest.Reply{{Status: 400, Message: "max_tokens is too large: 8192. This model supports at most 4096 completion tokens"}}},
		{name: "two things", provider: model.OpenAI, want: map[string]any{"temperature": nil, "tool_choice": nil},
			refusals: []modeltest.Reply{{Status: 400, Param: "temperature", Message: "Unsupported value"}, {Status: 422, Message: "tool_choice: extra inputs are not permitted"}}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := open(t, tt.provider, append(append([]modeltest.Reply{}, tt.refusals...), fine, fine))
			for i := range 2 {
				_, err := ask(t, b.model, start(), warm...)
				require.NoError(t, err)
				asked := b.server.Requests()
				require.Len(t, asked, len(tt.refusals)+1+i, "what was learnt is not forgotten")
				for k, v := range tt.want {
					require.Equal(t, v, asked[len(asked)-1].Body[k], k)
				}
			}
			require.Empty(t, b.waits.times)
		})
	}
	t.Run("never content", func(t *testing.T) {
		t.Parallel()
		no := modeltest.Reply{Status: 400, Param: "max_tokens", Message: "Use 'max_completion_tokens' instead of max_tokens, or the other way round"}
		b := open(t, model.OpenAI, []modeltest.Reply{no, no, no, no, no, no})
		_, err := ask(t, b.model, start())
		require.ErrorContains(t, err, "the other way round")
	})
	t.Run("former thinking", func(t *testing.T) {
		t.Parallel()
		b := open(t, model.Anthropic, []modeltest.Reply{
			{Thinking: "hm", Calls: []modeltest.Call{{ID: "c1", Name: "stop", Args: "{}"}}},
			{Status: 400, Type: "invalid_request_error", Message: "messages.1.content.0: Invalid `signature` in `thinking` block"}, fine})
		resp, err := ask(t, b.model, start())
		require.NoError(t, err)
		_, err = ask(t, b.model, after(start(), resp, "ok"))
		require.NoError(t, err)
		require.Equal(t, []string{"tool_use"}, types(b.server.Requests()[2].Body["messages"].([]any)[1]))
	})
}
