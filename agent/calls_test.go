package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
)

func TestBudgetOfATool(t *testing.T) {
	t.Parallel()
	a := play(agenttest.Calls(agenttest.ToolCall("read", n(0)), agenttest.ToolCall("read", n(1))), agenttest.Call("read", n(2)), agenttest.Call("submit", nil))
	a.Budget.Tools = map[string]agent.Limit{"read": {Calls: 1}}
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	require.Empty(t, run.Steps[0].Calls[0].Err)
	for _, c := range []agent.Call{run.Steps[0].Calls[1], run.Steps[1].Calls[0]} {
		require.Equal(t, "read was called 1 times, which is all that this run allows", c.Err)
		require.Equal(t, "error: "+c.Err, c.Result)
	}
}

func TestACallThatTakesTooLong(t *testing.T) {
	t.Parallel()
	a := play(agenttest.Call("wait", nil), agenttest.Call("submit", nil))
	a.Tools = append(a.Tools, agenttest.Tool{Named: "wait", Do: func(ctx context.Context, _ json.RawMessage) (agent.Result, error) {
		<-ctx.Done()
		return agent.Result{}, fmt.Errorf("run: %w", ctx.Err())
	}})
	a.Budget.Tools = map[string]agent.Limit{"wait": {Time: 10 * time.Millisecond}}
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, agent.Finished, run.Stop)
	require.Equal(t, "wait took longer than 10ms and was stopped. Ask for less at once", run.Steps[0].Calls[0].Err)
}

func TestMistakesGoBackToTheModel(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		turn agenttest.Turn
		want []string
	}{
		{"its own", agenttest.Call("write", map[string]any{"bad": 1}), []string{"old text occurs 0 times, want 1"}},
		{"an unknown tool", agenttest.Call("erase", nil), []string{`there is no tool "erase". The tools are read, write, submit, give-up`}},
		{"no JSON", agenttest.Call("read", `{"path": "a`), []string{`the arguments are not a JSON object: unexpected end of JSON input. You sent: {"path": "a`}},
		{"a list", agenttest.Call("read", "[]"), []string{"the arguments are not a JSON object: send one object that fits the tool's schema. You sent: []"}},
		{"cut off", agenttest.Turn{Calls: []llms.ToolCall{agenttest.ToolCall("write", n(0))}, Stop: "length"},
			[]string{"not called: your reply was cut at its length limit. Send less in one reply, for example one file at a time"}},
		{"nothing to call", agenttest.Calls(llms.ToolCall{ID: "x"}), []string{`there is no tool "". The tools are read, write, submit, give-up`}},
		{"ending after a failure", agenttest.Calls(agenttest.ToolCall("write", map[string]any{"bad": 1}), agenttest.ToolCall("submit", nil)),
			[]string{"old text occurs 0 times, want 1", "not called, because write failed before it in the same reply. Mend that first"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := play(tt.turn, agenttest.Call("submit", nil))
			run, err := a.Run(t.Context(), task)
			require.NoError(t, err)
			require.Equal(t, agent.Finished, run.Stop)
			var got []string
			for _, c := range run.Steps[0].Calls {
				got = append(got, c.Err)
			}
			require.Equal(t, tt.want, got)
			asked := a.Model.(*agenttest.Script).Asked()[1]
			require.Equal(t, "error: "+run.Steps[0].Calls[len(got)-1].Err, agenttest.Last(asked))
		})
	}
}

func TestAfterTheEndNothingIsCalled(t *testing.T) {
	t.Parallel()
	a := play(agenttest.Calls(agenttest.ToolCall("submit", nil), agenttest.ToolCall("write", n(0))))
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, agent.Finished, run.Stop)
	require.Equal(t, "not called: the run had ended", run.Steps[0].Calls[1].Err)
}

func TestTooManyCalls(t *testing.T) {
	t.Parallel()
	var calls []llms.ToolCall
	for i := range 12 {
		calls = append(calls, agenttest.ToolCall("read", n(i)))
	}
	a := play(agenttest.Calls(calls...), agenttest.Call("submit", nil))
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	for i, c := range run.Steps[0].Calls {
		require.Equal(t, i >= 10, c.Err == "not called: one reply may hold 10 calls", "call %d: %s", i, c.Err)
	}
}

func TestOurFailures(t *testing.T) {
	t.Parallel()
	disk := errors.New("disk full")
	for _, tt := range []struct {
		name  string
		turns []agenttest.Turn
		tool  func() error
		want  string
		steps int
	}{
		{"a tool", []agenttest.Turn{agenttest.Call("broken", nil)}, func() error { return disk }, "step 1: broken: disk full", 1},
		{"a tool that panics", []agenttest.Turn{agenttest.Call("broken", nil)}, func() error { panic("nil map") }, "step 1: broken: panic: nil map", 1},
		{"the model", []agenttest.Turn{agenttest.Call("read", nil), {Err: disk}}, nil, "step 2: ask model: disk full", 1},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := play(tt.turns...)
			a.Tools = append(a.Tools, agenttest.Tool{Named: "broken", Do: func(context.Context, json.RawMessage) (agent.Result, error) {
				return agent.Result{}, tt.tool()
			}})
			run, err := a.Run(t.Context(), task)
			require.EqualError(t, err, tt.want)
			require.Equal(t, agent.Broken, run.Stop)
			require.Equal(t, tt.want, run.Because)
			require.Len(t, run.Steps, tt.steps)
		})
	}
}

func TestReadsRunSideBySide(t *testing.T) {
	t.Parallel()
	// Each of the two calls waits until the other has begun.
	var both sync.WaitGroup
	both.Add(2)
	meet := agenttest.Tool{Named: "meet", Read: true, Do: func(context.Context, json.RawMessage) (agent.Result, error) {
		both.Done()
		both.Wait()
		return agent.Result{Text: "met"}, nil
	}}
	var order []string
	log := agenttest.Tool{Named: "log", Do: func(_ context.Context, args json.RawMessage) (agent.Result, error) {
		order = append(order, string(args))
		return agent.Result{Text: "logged"}, nil
	}}
	a := &agent.Agent{Tools: []agent.Tool{meet, log, submit}, Model: agenttest.Play(agenttest.Calls(
		agenttest.ToolCall("log", `{"n":1}`), agenttest.ToolCall("meet", nil), agenttest.ToolCall("meet", nil),
		agenttest.ToolCall("log", `{"n":2}`), agenttest.ToolCall("log", `{"n":3}`)), agenttest.Call("submit", nil))}
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, agent.Finished, run.Stop)
	require.Equal(t, []string{`{"n":1}`, `{"n":2}`, `{"n":3}`}, order)
	require.Equal(t, "met", run.Steps[0].Calls[2].Result)
}

func TestCancelledDuringABoundedCall(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	a := play(agenttest.Call("wait", nil))
	a.Budget.Tools = map[string]agent.Limit{"wait": {Time: time.Hour}}
	a.Tools = append(a.Tools, agenttest.Tool{Named: "wait", Do: func(ctx context.Context, _ json.RawMessage) (agent.Result, error) {
		cancel()
		<-ctx.Done()
		return agent.Result{}, ctx.Err()
	}})
	run, err := a.Run(ctx, task)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, agent.Cancelled, run.Stop)
}

func TestArgumentsAreText(t *testing.T) {
	t.Parallel()
	run, err := play(agenttest.Call("read", "{\"a\": \"\xff\"}"), agenttest.Call("submit", nil)).Run(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, "{\"a\":\"\uFFFD\"}", string(run.Steps[0].Calls[0].Args))
}
