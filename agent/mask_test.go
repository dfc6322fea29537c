package agent_test

import (
	"context"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
)

// long is a tool with results of 1,000 characters; those of "evidence" are pinned.
var long = agenttest.Tool{Named: "long", Read: true, Do: func(_ context.Context, args json.RawMessage) (agent.Result, error) {
	return agent.Result{Text: strings.Repeat("x", 1000), Pin: strings.Contains(string(args), "evidence"), Facts: []string{string(args)}}, nil
}}

func TestOldResultsAreLeftOutFirst(t *testing.T) {
	t.Parallel()
	var turns []agenttest.Turn
	for i := range 11 {
		args := map[string]any{"n": i}
		if i == 1 {
			args["kind"] = "evidence"
		}
		turns = append(turns, agenttest.Call("long", args))
	}
	turns = append(turns, agenttest.Call("submit", nil))
	a := &agent.Agent{Model: agenttest.Play(turns...), Tools: []agent.Tool{vary{long}, submit}, Observe: agent.Observe{Total: 8000, Keep: 2}}
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, agent.Finished, run.Stop)

	asked := a.Model.(*agenttest.Script).Asked()
	var shape []string
	for _, h := range asked {
		line := ""
		for _, m := range h {
			for _, p := range m.Parts {
				if r, ok := p.(llms.ToolCallResponse); ok && len(r.Content) >= 1000 {
					line += "#"
				} else if ok {
					line += "."
					require.Equal(t, "[1001 characters left out to save room; call long again if you need them]", r.Content)
				}
			}
		}
		shape = append(shape, line)
	}
	// The total is passed at the eighth result: then all but the evidence and the latest go, down to half of it.
	require.Equal(t, []string{"", "#", "##", "###", "####", "#####", "######", "#######", ".#....##", ".#....###", ".#....####", ".#....#####"}, shape)
}

// vary makes results differ, so that nothing looks like a circle.
type vary struct{ agenttest.Tool }

func (v vary) Call(ctx context.Context, args json.RawMessage) (agent.Result, error) {
	r, err := v.Tool.Call(ctx, args)
	var a struct{ N int }
	if err == nil {
		err = json.Unmarshal(args, &a)
	}
	r.Text += string(rune('a' + a.N))
	return r, err
}

func TestLongResultsAreCutInTheMiddle(t *testing.T) {
	t.Parallel()
	text := strings.Repeat("é", 4000) + strings.Repeat("m", 500) + strings.Repeat("z", 6000)
	a := play(agenttest.Call("big", nil), agenttest.Call("wide", nil), agenttest.Call("empty", nil), agenttest.Call("submit", nil))
	give := func(name string, r agent.Result) agenttest.Tool {
		return agenttest.Tool{Named: name, Do: func(context.Context, json.RawMessage) (agent.Result, error) { return r, nil }}
	}
	a.Tools = append(a.Tools, give("big", agent.Result{Text: text}), give("wide", agent.Result{Text: text, Limit: 20_000}), give("empty", agent.Result{}))
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	got := run.Steps[0].Calls[0].Result
	require.Equal(t, strings.Repeat("é", 4000)+"\n[... 500 characters left out here; ask for less at a time to see them ...]\n"+strings.Repeat("z", 6000), got)
	require.Equal(t, text, run.Steps[1].Calls[0].Result)
	require.Equal(t, "(nothing)", run.Steps[2].Calls[0].Result)
}

// TestRepliesSpreadOverChoices is how one provider sends text and calls: a choice for each, with the same counts.
func TestRepliesSpreadOverChoices(t *testing.T) {
	t.Parallel()
	info := map[string]any{"InputTokens": 100, "OutputTokens": 7, "CacheReadInputTokens": 40, "CacheCreationInputTokens": 3}
	call := func(id string) *llms.ContentChoice {
		c := agenttest.ToolCall("read", fmt.Sprintf(`{"path":%q}`, id))
		c.ID, c.Type = "same", ""
		return &llms.ContentChoice{ToolCalls: []llms.ToolCall{c}, GenerationInfo: info}
	}
	m := &replies{[]*llms.ContentResponse{
		{Choices: []*llms.ContentChoice{{Content: "First", GenerationInfo: info}, nil, call("a"), call("b")}},
		{Choices: []*llms.ContentChoice{{ToolCalls: []llms.ToolCall{agenttest.ToolCall("submit", nil)}, GenerationInfo: info}}},
	}}
	a := &agent.Agent{Model: m, Tools: []agent.Tool{read, submit}}
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	s := run.Steps[0]
	require.Equal(t, "First", s.Reply)
	require.Equal(t, agent.Tokens{In: 143, Out: 7, Cached: 40}, s.Tokens)
	require.Equal(t, []string{"same", "call-2-same"}, []string{s.Calls[0].ID, s.Calls[1].ID})
	require.Equal(t, 300, run.Tokens())
	require.Equal(t, "call-1-", run.Steps[1].Calls[0].ID, "a call without an id gets one")
}

type replies struct{ left []*llms.ContentResponse }

func (r *replies) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	next := r.left[0]
	r.left = r.left[1:]
	return next, nil
}

func TestAnEmptyResponseIsOurFailure(t *testing.T) {
	t.Parallel()
	a := &agent.Agent{Model: &replies{[]*llms.ContentResponse{{}}}}
	_, err := a.Run(t.Context(), task)
	require.EqualError(t, err, "step 1: ask model: the reply is empty")
}

func TestQuestionsCarryToolsAndTheLengthOfAReply(t *testing.T) {
	t.Parallel()
	a := play(agenttest.Call("submit", nil))
	half, warm := 0.5, task
	warm.Temperature = &half
	_, err := a.Run(t.Context(), warm)
	require.NoError(t, err)
	opts := a.Model.(*agenttest.Script).Options()[0]
	require.Len(t, opts.Tools, 4)
	require.Equal(t, "function", opts.Tools[0].Type)
	require.Equal(t, 8192, opts.MaxTokens)
	require.InDelta(t, 0.5, opts.Temperature, 1e-9)
}

// tight is a model that accepts few characters.
type tight struct {
	agent.Model
	limit int
}

type tooLong struct{}

func (tooLong) Error() string { return "too long" }
func (tooLong) TooLong() bool { return true }

func (m tight) GenerateContent(ctx context.Context, h []llms.MessageContent, o ...llms.CallOption) (*llms.ContentResponse, error) {
	size := 0
	for _, message := range h {
		for _, p := range message.Parts {
			if r, ok := p.(llms.ToolCallResponse); ok {
				size += len(r.Content)
			}
		}
	}
	if size > m.limit {
		return nil, tooLong{}
	}
	return m.Model.GenerateContent(ctx, h, o...)
}

func TestAHistoryThatIsTooLongForTheModelIsHalved(t *testing.T) {
	t.Parallel()
	var turns []agenttest.Turn
	for i := range 9 {
		turns = append(turns, agenttest.Call("long", map[string]any{"n": i}))
	}
	turns = append(turns, agenttest.Call("submit", nil))
	a := &agent.Agent{Model: tight{agenttest.Play(turns...), 5000}, Tools: []agent.Tool{vary{long}, submit}, Observe: agent.Observe{Total: 16_000}}
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, agent.Finished, run.Stop)
	require.Equal(t, 2, run.Tight)

	a.Model = tight{agenttest.Play(turns...), 500}
	run, err = a.Run(t.Context(), task)
	require.EqualError(t, err, "step 2: ask model: too long")
	require.Equal(t, agent.Broken, run.Stop)
	require.Equal(t, 4, run.Tight)
}

// TestOldStepsAreToldInShort: calls with long arguments are not masked, so where they fill the history it is summed up.
func TestOldStepsAreToldInShort(t *testing.T) {
	t.Parallel()
	pin := agenttest.Tool{Named: "prove", Do: func(context.Context, json.RawMessage) (agent.Result, error) {
		return agent.Result{Text: "the test fails on the old code, as it must", Pin: true}, nil
	}}
	put := agenttest.Tool{Named: "put", Do: func(_ context.Context, args json.RawMessage) (agent.Result, error) {
		return agent.Result{Text: "written", State: string(args), Facts: []string{string(args)}}, nil
	}}
	turns := []agenttest.Turn{agenttest.Call("prove", nil)}
	for i := range 20 {
		turns = append(turns, agenttest.Turn{Text: "next", Calls: []llms.ToolCall{agenttest.ToolCall("put", map[string]any{"n": i, "text": strings.Repeat("x", 1000)})}})
	}
	script := agenttest.Play(append(turns, agenttest.Call("submit", nil))...)
	a := &agent.Agent{Model: script, Tools: []agent.Tool{pin, put, submit}, Observe: agent.Observe{Whole: 8000}}
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, agent.Finished, run.Stop)
	kept, same := 0, 0
	asked := script.Asked()
	for i, h := range asked[1:] {
		require.Less(t, len(h), 25, "question %d", i+2)
		if before := asked[i]; len(h) > len(before) && reflect.DeepEqual(h[:len(before)], before) {
			same++ // it grew at its end
		}
	}
	last := asked[len(asked)-1]
	text := agenttest.Last(last[:3])
	require.True(t, strings.HasPrefix(text, "What you did so far, in short:\n1. \n   prove {}: the test fails on the old code, as it must\n2. next\n   put "), text)
	require.Less(t, len(text), 8000)
	for _, m := range last[3:] {
		if m.Role == llms.ChatMessageTypeAI {
			kept++
		}
	}
	require.GreaterOrEqual(t, kept, 4, "the latest steps are whole")
	require.GreaterOrEqual(t, same, 13, "a provider can mostly reuse what it has read")
}

func TestWhatTheProviderChargesGoesFirst(t *testing.T) {
	t.Parallel()
	m := &replies{[]*llms.ContentResponse{{Choices: []*llms.ContentChoice{{ToolCalls: []llms.ToolCall{agenttest.ToolCall("submit", nil)},
		GenerationInfo: map[string]any{"PromptTokens": 10, "CompletionTokens": 5, "CostUSD": 0.25}}}}}}
	a := &agent.Agent{Model: m, Tools: []agent.Tool{submit}, Price: func(agent.Tokens) float64 { return 9 }}
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	require.InDelta(t, 0.25, run.Cost(), 1e-9)
}
