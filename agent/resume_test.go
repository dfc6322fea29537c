package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"
	"pgregory.net/rapid"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
)

// TestResumeAfterAnyStep cuts a run after each step, stores what there is and goes on: the model is asked only what it
// has not answered, with the history it would have seen anyway.
func TestResumeAfterAnyStep(t *testing.T) {
	t.Parallel()
	turns := []agenttest.Turn{
		agenttest.Calls(agenttest.ToolCall("read", `{"path":"<a>"}`), agenttest.ToolCall("write", n(0))),
		agenttest.Say("hm"),
		agenttest.Call("write", "{"),
		agenttest.Call("write", n(1)),
		agenttest.Call("submit", nil),
	}
	whole := play(turns...)
	full, err := whole.Run(t.Context(), task)
	require.NoError(t, err)
	for cut := range turns {
		former := *full
		former.Steps, former.Stop, former.Because = full.Steps[:cut], "", ""
		data, err := json.Marshal(former)
		require.NoError(t, err)
		var stored agent.Run
		require.NoError(t, json.Unmarshal(data, &stored))

		var redone []string
		repeat := write
		repeat.Repeat = func(_ context.Context, args json.RawMessage) error {
			redone = append(redone, string(args))
			return nil
		}
		a := play(turns[cut:]...)
		a.Tools = []agent.Tool{read, repeat, submit, giveUp}
		run, err := a.Resume(t.Context(), &stored)
		require.NoError(t, err)
		require.Equal(t, agent.Finished, run.Stop)
		require.Len(t, run.Steps, len(turns))
		asked := a.Model.(*agenttest.Script).Asked()
		require.Len(t, asked, len(turns)-cut)
		require.Equal(t, withoutIDs(whole.Model.(*agenttest.Script).Asked()[cut]), withoutIDs(asked[0]))
		var want []string
		for _, s := range stored.Steps {
			for _, c := range s.Calls {
				if c.Tool == "write" && c.Err == "" {
					want = append(want, string(c.Args))
				}
			}
		}
		require.Equal(t, want, redone)
	}
}

// withoutIDs leaves out the ids of calls, which a script numbers anew.
func withoutIDs(history []llms.MessageContent) []llms.MessageContent {
	var out []llms.MessageContent
	for _, m := range history {
		var parts []llms.ContentPart
		for _, p := range m.Parts {
			switch q := p.(type) {
			case llms.ToolCall:
				q.ID = ""
				p = q
			case llms.ToolCallResponse:
				q.ToolCallID = ""
				p = q
			}
			parts = append(parts, p)
		}
		out = append(out, llms.MessageContent{Role: m.Role, Parts: parts})
	}
	return out
}

func TestResumeMakesTheCallsThatBroke(t *testing.T) {
	t.Parallel()
	down := true
	flaky := agenttest.Tool{Named: "flaky", Do: func(context.Context, json.RawMessage) (agent.Result, error) {
		if down {
			return agent.Result{}, errors.New("no space")
		}
		return agent.Result{Text: "fine"}, nil
	}}
	a := play(agenttest.Calls(agenttest.ToolCall("write", n(0)), agenttest.ToolCall("flaky", nil), agenttest.ToolCall("write", n(1))))
	a.Tools = append(a.Tools, flaky)
	run, err := a.Run(t.Context(), task)
	require.EqualError(t, err, "step 1: flaky: no space")
	require.Equal(t, "no space", run.Steps[0].Calls[1].Fault)
	require.Empty(t, run.Steps[0].Calls[2].Result)

	down = false
	a.Model = agenttest.Play(agenttest.Call("submit", nil))
	run, err = a.Resume(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, agent.Finished, run.Stop)
	require.Len(t, run.Steps, 2)
	require.Equal(t, "fine", run.Steps[0].Calls[1].Result)
	require.Empty(t, run.Steps[0].Calls[1].Fault)
	require.Equal(t, "written", run.Steps[0].Calls[2].Result)
}

// TestAReplyIsKeptBeforeItsCalls: whoever dies during a call has the reply, and need not pay for it again.
func TestAReplyIsKeptBeforeItsCalls(t *testing.T) {
	t.Parallel()
	var kept []byte
	calls := 0
	probe := agenttest.Tool{Named: "probe", Do: func(context.Context, json.RawMessage) (agent.Result, error) {
		calls++
		return agent.Result{Text: "probed"}, nil
	}}
	a := play(agenttest.Call("write", n(0)), agenttest.Call("probe", nil), agenttest.Call("submit", nil))
	a.Tools = append(a.Tools, probe)
	a.Keep = func(_ context.Context, run agent.Run) (err error) {
		if len(run.Steps) < 2 {
			return nil
		}
		require.Empty(t, run.Steps[1].Calls[0].Result)
		require.Zero(t, calls, "it is kept before anything happens")
		kept, err = json.Marshal(run)
		require.NoError(t, err)
		return errors.New("the disk is full")
	}
	_, err := a.Run(t.Context(), task)
	require.EqualError(t, err, "keep step 2: the disk is full")
	require.Zero(t, calls, "what is not kept does not happen")

	var former agent.Run
	require.NoError(t, json.Unmarshal(kept, &former))
	b := play(agenttest.Call("submit", nil))
	b.Tools = append(b.Tools, probe)
	run, err := b.Resume(t.Context(), &former)
	require.NoError(t, err)
	require.Equal(t, 1, calls)
	require.Equal(t, agent.Finished, run.Stop)
	require.Len(t, run.Steps, 3)
	require.Len(t, b.Model.(*agenttest.Script).Asked(), 1, "the second reply is not asked for again")
}

func TestResumeOfAnEndedRunAsksNothing(t *testing.T) {
	t.Parallel()
	run, err := play(agenttest.Call("give-up", nil)).Run(t.Context(), task)
	require.NoError(t, err)
	run.Stop = "" // the process ended before it was saved
	run, err = play().Resume(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, agent.GaveUp, run.Stop)
	require.Len(t, run.Steps, 1)
}

func TestResumeCountsWhatWasSpent(t *testing.T) {
	t.Parallel()
	a := play(agenttest.Call("read", n(0)), agenttest.Call("read", n(1)))
	a.Budget.Steps = 1
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, agent.OverBudget, run.Stop)
	run, err = a.Resume(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, agent.OverBudget, run.Stop)
	require.Len(t, run.Steps, 1)

	a.Budget = agent.Budget{Wall: time.Minute}
	run.Took = time.Minute
	run, err = a.Resume(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, agent.OverBudget, run.Stop)
}

// TestRunsSurviveJSON: whatever a model sends, the run can be stored and comes back equal.
func TestRunsSurviveJSON(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(rt *rapid.T) {
		args := rapid.OneOf(rapid.String(), rapid.Just(`{"a":"<\u003c\\u003c&\u2028"}`), rapid.Just("{\"a\": \"\xff\"}"),
			rapid.Map(rapid.MapOf(rapid.String(), rapid.String()), func(m map[string]string) string {
				data, err := json.Marshal(m)
				require.NoError(t, err)
				return string(data)
			})).Draw(rt, "args")
		text := string(rapid.SliceOf(rapid.Byte()).Draw(rt, "text"))
		a := play(agenttest.Turn{Text: text, Calls: []llms.ToolCall{agenttest.ToolCall("read", args)}}, agenttest.Call("submit", nil))
		a.Now = agenttest.Clock(time.Unix(1_700_000_000, 0).UTC(), time.Second)
		run, err := a.Run(t.Context(), task)
		require.NoError(t, err)
		data, err := json.Marshal(run)
		require.NoError(t, err)
		var back agent.Run
		require.NoError(t, json.Unmarshal(data, &back))
		require.Equal(t, *run, back)
	})
}
