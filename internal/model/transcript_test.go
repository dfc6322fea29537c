package model_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
)

// converse asks m until it calls nothing, answering its calls with results in turn.
func converse(t *testing.T, m agent.Model, history []llms.MessageContent, results ...string) (*llms.ContentResponse, error) {
	t.Helper()
	for {
		resp, err := ask(t, m, history)
		if err != nil || len(resp.Choices[0].ToolCalls) == 0 {
			return resp, err
		}
		n := len(resp.Choices[0].ToolCalls)
		history = after(history, resp, results[:n]...)
		results = results[n:]
	}
}

const testOutput = "--- FAIL: TestDiv (0.03s)\n    div_test.go:9: at /tmp/TestX123/001/div_test.go\nfrom 4f2a91c on 2026-01-02T03:04:05Z via http://127.0.0.1:40001/x\nFAIL"

// record makes a transcript of three steps.
func record(t *testing.T, h model.Header) string {
	t.Helper()
	b := open(t, model.OpenAI, []modeltest.Reply{
		{Text: "Read.", In: 100, Out: 10, Calls: []modeltest.Call{{ID: "a", Name: "read-file", Args: `{"path": "div.go", "a": 1.0}`}, {ID: "b", Name: "read-file", Args: `{"path": "go.mod"}`}}},
		{In: 200, Out: 20, Cached: 50, Calls: []modeltest.Call{{ID: "c", Name: "run-tests", Args: `not JSON`}}},
		{Text: "Done.", In: 300, Out: 30},
	})
	var out bytes.Buffer
	m, err := model.Record(b.model, h, &out)
	require.NoError(t, err)
	resp, err := converse(t, m, start(), "package x", "module x", testOutput)
	require.NoError(t, err)
	require.Equal(t, "Done.", resp.Choices[0].Content)
	return out.String()
}

func replay(t *testing.T, transcript string, want model.Expect) *model.Replayer {
	t.Helper()
	p, err := model.Replay(strings.NewReader(transcript), want)
	require.NoError(t, err)
	return p
}

func TestAReplayAnswersAsRecorded(t *testing.T) {
	t.Parallel()
	transcript := record(t, model.Header{Prompt: "p1", Tools: "t1", Note: "three steps"})
	require.Equal(t, 4, strings.Count(transcript, "\n"), "a header and three turns")
	p := replay(t, transcript, model.Expect{PromptHash: "p1", ToolsHash: "t1"})
	require.Equal(t, "openai:some-model", p.Header.Model)
	resp, err := ask(t, p, start())
	require.NoError(t, err)
	require.Equal(t, "Read.", resp.Choices[0].Content)
	require.Equal(t, `{"path":"div.go","a":1.0}`, resp.Choices[0].ToolCalls[0].FunctionCall.Arguments)
	require.Equal(t, "b", resp.Choices[0].ToolCalls[1].ID)
	require.Equal(t, model.Usage{In: 100, Out: 10, Model: "served-model"}, model.UsageOf(resp))
	require.Equal(t, 2, p.Left())

	history := after(start(), resp, "package x", "module x")
	resp, err = ask(t, p, history)
	require.NoError(t, err)
	require.Equal(t, "not JSON", resp.Choices[0].ToolCalls[0].FunctionCall.Arguments)

	other := strings.NewReplacer("0.03s", "1.2s", "TestX123", "TestX99", "4f2a91c", "aaaa1111", "2026-01-02T03:04:05Z", "2027-11-12T13:14:15Z", "40001", "33333").Replace(testOutput)
	require.NotEqual(t, testOutput, other)
	resp, err = ask(t, p, after(history, resp, other))
	require.NoError(t, err, "only what differs from run to run differs")
	require.Equal(t, "Done.", resp.Choices[0].Content)

	_, err = ask(t, p, start())
	require.EqualError(t, err, "replay: step 4: the transcript ends after 3 steps, and the model is asked once more")
}

func TestADivergenceIsNamed(t *testing.T) {
	t.Parallel()
	transcript := record(t, model.Header{})
	longer := testOutput + "\nand more"
	tests := []struct {
		name    string
		history []llms.MessageContent
		results []string
		want    string // "" fits
		loose   string // the same, if texts may differ
	}{
		{name: "nothing", history: start(), results: []string{"package x", "module x", testOutput}},
		{name: "a line of a result", history: start(), results: []string{"package x", "module x", strings.Replace(testOutput, "div_test.go:9", "div_test.go:10", 1)},
			want: `replay: step 3: the result of run-tests differs from the recorded one: line 2 was "    div_test.go:9: at <tmp>/div_test.go", is "    div_test.go:10: at <tmp>/div_test.go"`},
		{name: "one more line", history: start(), results: []string{"package x", "module x", longer},
			want: `replay: step 3: the result of run-tests differs from the recorded one: line 5 is new: "and more"`},
		{name: "one line less", history: start(), results: []string{"package x", "module x", strings.TrimSuffix(testOutput, "\nFAIL")},
			want: `replay: step 3: the result of run-tests differs from the recorded one: line 4 is missing, it was "FAIL"`},
		{name: "a changed prompt", history: []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeSystem, "You break things."), start()[1]}, results: []string{"package x", "module x", testOutput},
			want: `replay: step 1: the system prompt differs from the recorded one: line 1 was "You mend things.", is "You break things."`},
		{name: "a further message", history: append(start(), llms.TextParts(llms.ChatMessageTypeHuman, "Hurry.")), results: []string{"", "", ""},
			want:  `replay: step 1: the message to the model was not there when it was recorded: "Hurry."`,
			loose: `replay: step 1: the message to the model was not there when it was recorded: "Hurry."`},
		{name: "a missing message", history: start()[:1], results: []string{"", "", ""},
			want:  `replay: step 1: the message to the model is missing, which was shown when it was recorded: "Mend this."`,
			loose: `replay: step 1: the message to the model is missing, which was shown when it was recorded: "Mend this."`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			for _, mode := range []struct {
				loose bool
				want  string
			}{{false, tt.want}, {true, tt.loose}} {
				_, err := converse(t, replay(t, transcript, model.Expect{Loose: mode.loose}), tt.history, tt.results...)
				if mode.want == "" {
					require.NoError(t, err)
					continue
				}
				var d *model.Divergence
				require.ErrorAs(t, err, &d)
				require.EqualError(t, err, mode.want)
			}
		})
	}
	t.Run("a result that may differ", func(t *testing.T) {
		t.Parallel()
		_, err := converse(t, replay(t, record(t, model.Header{Tolerate: []string{"run-tests"}}), model.Expect{}), start(), "package x", "module x", longer)
		require.NoError(t, err)
		_, err = converse(t, replay(t, record(t, model.Header{Tolerate: []string{"run-tests"}}), model.Expect{}), start(), "package y", "module x", longer)
		require.ErrorContains(t, err, "step 2: the result of read-file differs")
	})
	t.Run("a changed tool", func(t *testing.T) {
		t.Parallel()
		changed := *tools[0].Function
		changed.Description = "Reads another file."
		_, err := replay(t, transcript, model.Expect{}).GenerateContent(t.Context(), start(),
			llms.WithTools([]llms.Tool{{Type: "function", Function: &changed}, tools[1]}))
		require.EqualError(t, err, "replay: step 1: the tool read-file is not defined as it was when it was recorded")
		_, err = replay(t, transcript, model.Expect{}).GenerateContent(t.Context(), start(), llms.WithTools(tools[:1]))
		require.EqualError(t, err, "replay: step 1: the tool stop is gone since it was recorded")
	})
	t.Run("far down a long result", func(t *testing.T) {
		t.Parallel()
		lines := make([]string, 200)
		for i := range lines {
			lines[i] = fmt.Sprintf("line %d", i)
		}
		b := open(t, model.OpenAI, []modeltest.Reply{{Calls: []modeltest.Call{{ID: "a", Name: "stop", Args: "{}"}}}, {Text: "Done."}})
		var out bytes.Buffer
		m, err := model.Record(b.model, model.Header{}, &out)
		require.NoError(t, err)
		_, err = converse(t, m, start(), strings.Join(lines, "\n"))
		require.NoError(t, err)
		lines[150] = "another"
		_, err = converse(t, replay(t, out.String(), model.Expect{}), start(), strings.Join(lines, "\n"))
		require.EqualError(t, err, "replay: step 2: the result of stop differs from the recorded one: the first 60 lines are equal, and the transcript keeps no more")
	})
}

func TestAStaleTranscriptIsRefused(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, transcript, want string
	}{
		{"another prompt", `{"version":1,"prompt":"p0"}`, "transcript: it was recorded with the prompt p0 and the prompt is now p1: record it again"},
		{"other tools", `{"version":1,"prompt":"p1","tools":"t0"}`, "transcript: it was recorded with the tools t0 and the tools are now t1: record it again"},
		{"another version", `{"version":2}`, "transcript, line 1: it has version 2 and this program reads version 1"},
		{"nothing", "\n", "transcript: it is empty"},
		{"a turn without an answer", "{\"version\":1}\n\n{\"n\":1}", "transcript, line 3: the turn has no reply, no calls and no error"},
		{"a lost turn", "{\"version\":1}\n{\"n\":2,\"reply\":\"x\"}", "transcript, line 2: it is turn 2, where turn 1 should be"},
		{"a misspelt member", "{\"version\":1}\n{\"replies\":\"x\"}", `transcript, line 2: json: unknown field "replies"`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := model.Replay(strings.NewReader(tt.transcript), model.Expect{PromptHash: "p1", ToolsHash: "t1"})
			require.EqualError(t, err, tt.want)
		})
	}
}

func TestATranscriptWrittenByHand(t *testing.T) {
	t.Parallel()
	p := replay(t, `{"version": 1, "note": "by hand"}
{"calls": [{"name": "read-file", "arguments": {"path": "a"}}, {"name": "stop", "arguments": {}}]}
{"reply": "Done."}`, model.Expect{PromptHash: "p1"})
	resp, err := converse(t, p, start(), "anything", "at all")
	require.NoError(t, err)
	require.Equal(t, "Done.", resp.Choices[0].Content)
	require.Zero(t, p.Left())
}

func TestATranscriptHoldsNoSecret(t *testing.T) {
	t.Parallel()
	secret := "ghs_" + strings.Repeat("aB3", 12)
	escaped := strings.Replace(secret, "ghs_", `g\u0068s_`, 1)
	b := open(t, model.OpenAI, []modeltest.Reply{
		{Text: "The token is " + secret, Calls: []modeltest.Call{
			{ID: "a", Name: "stop", Args: `{"token":"` + secret + `","n":9007199254740993}`}, {ID: "b", Name: "stop", Args: `{"x":["` + escaped + `"]}`},
			{ID: "c", Name: "stop", Args: `{"token":"` + secret}}},
		{Status: 400, Message: "bad token " + secret},
	})
	var out bytes.Buffer
	m, err := model.Record(b.model, model.Header{Note: "with " + secret}, &out)
	require.NoError(t, err)
	_, err = converse(t, m, start(), "ok "+secret, "ok", "ok")
	require.Error(t, err)
	require.NotContains(t, err.Error(), secret)
	require.NotContains(t, out.String(), secret)
	require.NotContains(t, out.String(), `\u0068s_`)
	require.NotContains(t, out.String(), secret[4:], "a part of it would do")
	require.Contains(t, out.String(), "9007199254740993")

	for line := range strings.Lines(out.String()) {
		require.True(t, json.Valid([]byte(line)))
	}
	_, err = converse(t, replay(t, out.String(), model.Expect{}), start(), "ok "+secret, "ok", "ok")
	require.ErrorContains(t, err, "bad token")
}

func TestARecordedErrorComesAgain(t *testing.T) {
	t.Parallel()
	b := open(t, model.OpenAI, []modeltest.Reply{{Status: 400, Code: "context_length_exceeded", Message: "too long"}, {Text: "Shorter."}})
	var out bytes.Buffer
	m, err := model.Record(b.model, model.Header{}, &out)
	require.NoError(t, err)
	_, err = ask(t, m, start())
	require.ErrorIs(t, err, model.ErrOverflow)
	_, err = ask(t, m, start())
	require.NoError(t, err)

	p := replay(t, out.String(), model.Expect{})
	_, err = ask(t, p, start())
	require.ErrorIs(t, err, model.ErrOverflow)
	resp, err := ask(t, p, start())
	require.NoError(t, err)
	require.Equal(t, "Shorter.", resp.Choices[0].Content)
}

func TestNormalise(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"go test", "ok  \tx/y\t0.003s", "ok  \tx/y\t<took>"},
		{"cached", "ok  \tx/y\t(cached)", "ok  \tx/y\t<took>"},
		{"durations", "took 1m30.5s, 12 ms, 3 seconds", "took <took>, <took>, <took>"},
		{"counts stay", "3 of 14 tests failed at line 120", "3 of 14 tests failed at line 120"},
		{"values stay", "want 3, got 4.5 (exit 2)", "want 3, got 4.5 (exit 2)"},
		{"a hash", "HEAD is now at 4f2a91c8 fix", "HEAD is now at <hex> fix"},
		{"a word that looks like one", "the effaced facade", "the effaced facade"},
		{"temporary paths", "/tmp/hotfix-81/tree/div.go:7:2 in /tmp/x and /var/folders/ab/c_d/T/go-build12345/b001/x.test", "<tmp>/div.go:7:2 in <tmp> and <tmp>/x.test"},
		{"loopback", "GET http://localhost:4123/a from [::1]:99 and 127.0.0.1", "GET http://<loopback>/a from <loopback> and <loopback>"},
		{"other hosts stay", "GET https://api.github.com:443/a", "GET https://api.github.com:443/a"},
		{"times", "2026-11-23T01:02:03.5Z 2026-11-23 01:02:03 01:02:03.123 Mon Jan 2 15:04:05 2006 -0700", "<time> <time> <time> <time>"},
		{"a trace", "goroutine 17 [running]:\nmain.f(0xc000010030)\n\t/src/x.go:3 +0x1d", "goroutine <n> [running]:\nmain.f(<addr>)\n\t/src/x.go:3 +<addr>"},
		{"toolchains", "go1.26.8 go 1.26 Node.js v22.1.0 bun 1.2.3", "go<version> go <version> Node.js v<version> bun <version>"},
		{"dependencies stay", "require example.com/m v1.2.3", "require example.com/m v1.2.3"},
		{"line ends", "a  \r\nb\n\n", "a\nb"},
		{"colours", "\x1b[31mred\x1b[0m", "red"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := model.Normalise(tt.in)
			require.Equal(t, tt.want, got)
			require.Equal(t, got, model.Normalise(got), "twice is once")
		})
	}
}
