package agent_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
)

var update = flag.Bool("update", false, "rewrite the golden files")

var task = agent.Task{ID: "t1", System: "You mend.", Prompt: "It broke."}

var (
	submit = agenttest.Finish("submit", "")
	giveUp = agenttest.Finish("give-up", agent.GaveUp)
	read   = agenttest.Echo("read")
)

// write is a tool that leaves something behind, named by its arguments, or fails.
var write = agenttest.Tool{Named: "write", Do: func(_ context.Context, args json.RawMessage) (agent.Result, error) {
	if strings.Contains(string(args), "bad") {
		return agent.Result{}, agenttest.Mistakef("old text occurs 0 times, want 1")
	}
	return agent.Result{Text: "written", State: string(args)}, nil
}}

func play(turns ...agenttest.Turn) *agent.Agent {
	return &agent.Agent{Model: agenttest.Play(turns...), Tools: []agent.Tool{read, write, submit, giveUp}}
}

// n is arguments that differ from call to call.
func n(i int) map[string]any { return map[string]any{"path": fmt.Sprintf("file%c.go", 'a'+i)} }

func TestStops(t *testing.T) {
	t.Parallel()
	call, say := agenttest.Call, agenttest.Say
	again := func(turn agenttest.Turn, times int) []agenttest.Turn {
		var out []agenttest.Turn
		for range times {
			out = append(out, turn)
		}
		return out
	}
	var swap, idle, paging, edits []agenttest.Turn
	for i := range 8 {
		swap = append(swap, call("read", n(i%2)))
	}
	for i := range 20 {
		idle = append(idle, call("nothing-new", n(i)))
		paging = append(paging, call("page", map[string]int{"from": 1 + i}))
		edits = append(edits, call("write", n(i)), call("test", nil))
	}
	for _, tt := range []struct {
		name    string
		turns   []agenttest.Turn
		budget  agent.Budget
		stop    agent.Stop
		steps   int
		because string
	}{
		{name: "a tool ends it", turns: []agenttest.Turn{call("read", n(0)), call("submit", nil)}, stop: agent.Finished, steps: 2},
		{name: "the model gives up", turns: []agenttest.Turn{call("give-up", nil)}, stop: agent.GaveUp, steps: 1},
		{name: "two replies without a call", turns: []agenttest.Turn{say("I think"), say("I am")}, stop: agent.Quiet, steps: 2,
			because: "the model answered twice without calling a tool"},
		{name: "one reply without a call is forgiven", turns: []agenttest.Turn{say("hm"), call("read", n(0)), say("hm"), call("submit", nil)},
			stop: agent.Finished, steps: 4},
		{name: "steps", turns: []agenttest.Turn{call("read", n(0)), call("read", n(1))}, budget: agent.Budget{Steps: 2}, stop: agent.OverBudget, steps: 2,
			because: "all 2 steps are used"},
		{name: "tokens are set aside before they are spent",
			turns:  []agenttest.Turn{{Calls: []llms.ToolCall{agenttest.ToolCall("read", n(0))}, Tokens: agent.Tokens{In: 900, Out: 50}}},
			budget: agent.Budget{Tokens: 1000, Reply: 100}, stop: agent.OverBudget, steps: 1,
			because: "950 of 1000 tokens are used and the next question may take 337"},
		{name: "money", turns: []agenttest.Turn{{Calls: []llms.ToolCall{agenttest.ToolCall("read", n(0))}, Tokens: agent.Tokens{In: 900, Out: 100}}},
			budget: agent.Budget{Money: 0.0105, Reply: 100}, stop: agent.OverBudget, steps: 1,
			because: "$0.0100 of $0.01 are spent and the next question may cost $0.0034"},
		{name: "the same call again and again", turns: again(call("read", n(0)), 9), stop: agent.Looping, steps: 5,
			because: "read was called 5 times with the same arguments while nothing changed"},
		{name: "other arguments, nearly the same result", turns: paging, stop: agent.Looping, steps: 5,
			because: "page returned nearly the same 5 times while nothing changed"},
		{name: "back and forth", turns: swap, stop: agent.Looping, steps: 6, because: "the last 6 steps go back and forth between the same two"},
		{name: "one kind of mistake", turns: []agenttest.Turn{call("write", "{\"bad\":1}"), call("write", "{\"bad\":2}"), call("write", "{\"bad\":3}"),
			call("write", "{\"bad\":4}"), call("write", "{\"bad\":5}")}, stop: agent.Looping, steps: 5,
			because: "the same kind of mistake was made 5 times: old text occurs 0 times, want 1"},
		{name: "arguments that cannot be read", turns: []agenttest.Turn{call("read", "{"), call("read", "[1]"), call("write", "no"), call("read", "{]"), call("read", "{,")},
			stop: agent.Looping, steps: 5},
		{name: "nothing new for long", turns: idle, stop: agent.Looping, steps: 17,
			because: "the last 16 steps showed no file, line or test result that you had not seen"},
		{name: "tests between edits are no circle", turns: append(edits[:10:10], call("submit", nil)), stop: agent.Finished, steps: 11},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := play(tt.turns...)
			a.Budget = tt.budget
			a.Price = func(u agent.Tokens) float64 { return float64(u.Total()) / 100_000 }
			fixed := func(name, text string, facts ...string) agent.Tool {
				i := 0
				return agenttest.Tool{Named: name, Do: func(_ context.Context, args json.RawMessage) (agent.Result, error) {
					i++
					return agent.Result{Text: strings.ReplaceAll(text, "#", fmt.Sprint(i)), Facts: facts}, nil
				}}
			}
			a.Tools = append(a.Tools, fixed("test", "FAIL TestX"), fixed("page", "line # of 100"),
				agenttest.Tool{Named: "nothing-new", Do: func(_ context.Context, args json.RawMessage) (agent.Result, error) {
					return agent.Result{Text: "looked at " + string(args), Facts: []string{"old news"}}, nil
				}})
			run, err := a.Run(t.Context(), task)
			require.NoError(t, err)
			require.Equal(t, tt.stop, run.Stop, run.Because)
			require.Len(t, run.Steps, tt.steps)
			if tt.because != "" {
				require.Equal(t, tt.because, run.Because)
			}
		})
	}
}

func TestNotes(t *testing.T) {
	t.Parallel()
	call := agenttest.Call
	out := "To come to an end, call submit or give-up."
	for _, tt := range []struct {
		name  string
		turns []agenttest.Turn
		steps int
		want  string
	}{
		{"quiet", []agenttest.Turn{agenttest.Say("The cause is clear."), call("submit", nil)}, 0,
			"Your reply called no tool, so nothing happened. Call a tool. " + out},
		{"stuck", []agenttest.Turn{call("read", n(0)), call("read", n(0)), call("read", n(0)), call("submit", nil)}, 0,
			"You are going round in circles: read was called 3 times with the same arguments while nothing changed. Try something different. " + out},
		{"budget", []agenttest.Turn{call("read", n(0)), call("read", n(1)), call("read", n(2)), call("read", n(3)), call("read", n(4)), call("read", n(5)),
			call("read", n(6)), call("read", n(7)), call("submit", nil)}, 10, "The budget is nearly spent: 2 of 10 steps are left. " + out},
		{"last", []agenttest.Turn{call("read", n(0)), call("read", n(1)), call("submit", nil)}, 3,
			"This is the last question that the budget allows: 2 of 3 steps are used. " + out},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := play(tt.turns...)
			a.Budget.Steps = tt.steps
			run, err := a.Run(t.Context(), task)
			require.NoError(t, err)
			require.Equal(t, agent.Finished, run.Stop)
			asked := a.Model.(*agenttest.Script).Asked()
			last := asked[len(asked)-1]
			require.Equal(t, tt.want, agenttest.Last(last))
			require.Equal(t, llms.ChatMessageTypeHuman, last[len(last)-1].Role)
			require.Equal(t, tt.name, run.Steps[len(run.Steps)-2].Nudge)
		})
	}
}

// TestTheLastReply: what is left of the budget is kept for the answer that ends the run, and for nothing else.
func TestTheLastReply(t *testing.T) {
	t.Parallel()
	busy := agenttest.Turn{Calls: []llms.ToolCall{agenttest.ToolCall("read", n(0))}, Tokens: agent.Tokens{In: 850, Out: 50}}
	for _, tt := range []struct {
		name    string
		last    agenttest.Turn
		stop    agent.Stop
		because string
	}{
		{"ends it", agenttest.Call("give-up", nil), agent.GaveUp, ""},
		{"calls something else", agenttest.Call("read", n(1)), agent.OverBudget, "of 1150 tokens are used and the next question may take"},
		{"calls nothing", agenttest.Say("so be it"), agent.OverBudget, "of 1150 tokens are used and the next question may take"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := play(busy, tt.last, agenttest.Call("read", n(2)))
			a.Budget = agent.Budget{Tokens: 1150, Reply: 50}
			run, err := a.Run(t.Context(), task)
			require.NoError(t, err)
			require.Equal(t, tt.stop, run.Stop, run.Because)
			require.Contains(t, run.Because, tt.because)
			require.Len(t, run.Steps, 2)
			var offered []string
			for _, tool := range a.Model.(*agenttest.Script).Options()[1].Tools {
				offered = append(offered, tool.Function.Name)
			}
			require.Equal(t, []string{"submit", "give-up"}, offered)
			if tt.name == "calls something else" {
				require.Equal(t, "not called: the budget is spent. To come to an end, call submit or give-up.", run.Steps[1].Calls[0].Err)
			}
		})
	}
}

func TestWall(t *testing.T) {
	t.Parallel()
	t.Run("during a call", func(t *testing.T) {
		t.Parallel()
		a := play(agenttest.Call("wait", nil))
		a.Tools = append(a.Tools, agenttest.Tool{Named: "wait", Do: func(ctx context.Context, _ json.RawMessage) (agent.Result, error) {
			<-ctx.Done()
			return agent.Result{}, ctx.Err()
		}})
		a.Budget.Wall = 20 * time.Millisecond
		run, err := a.Run(t.Context(), task)
		require.NoError(t, err)
		require.Equal(t, agent.OverBudget, run.Stop)
		require.Equal(t, "the time for this run is over", run.Because)
		require.Len(t, run.Steps, 1)
	})
	t.Run("between questions", func(t *testing.T) {
		t.Parallel()
		a := play(agenttest.Call("read", nil))
		a.Budget.Wall = time.Hour
		a.Now = agenttest.Clock(time.Unix(0, 0), 20*time.Minute)
		run, err := a.Run(t.Context(), task)
		require.NoError(t, err)
		require.Equal(t, agent.OverBudget, run.Stop)
		require.Len(t, run.Steps, 1)
	})
}

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

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	a := play(agenttest.Call("read", nil), agenttest.Turn{Wait: func(context.Context, []llms.MessageContent) { cancel() }, Text: "hm"})
	run, err := a.Run(ctx, task)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, agent.Cancelled, run.Stop)
	require.Len(t, run.Steps, 1)
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

func TestHooks(t *testing.T) {
	t.Parallel()
	var seen []string
	a := play(agenttest.Calls(agenttest.ToolCall("read", n(0)), agenttest.ToolCall("none", nil)), agenttest.Call("submit", nil))
	a.Before = func(c agent.Call) { seen = append(seen, "before "+c.Tool) }
	a.Watch = func(s agent.Step) { seen = append(seen, fmt.Sprintf("step of %d calls", len(s.Calls))) }
	_, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	require.Equal(t, []string{"before read", "step of 2 calls", "before submit", "step of 1 calls"}, seen)
}

func TestGoldenTranscript(t *testing.T) {
	t.Parallel()
	a := play(
		agenttest.Turn{Text: "I look around. <& \u2028>", Calls: []llms.ToolCall{agenttest.ToolCall("read", `{"path":"a<b>.go","n": 12345678901234567890}`),
			agenttest.ToolCall("read", "{not json")}, Tokens: agent.Tokens{In: 100, Out: 20, Cached: 80}},
		agenttest.Say("Thinking."),
		agenttest.Call("write", map[string]any{"bad": true}),
		agenttest.Calls(agenttest.ToolCall("write", n(1)), agenttest.ToolCall("submit", nil)))
	a.Now = agenttest.Clock(time.Unix(1_700_000_000, 0).UTC(), time.Second)
	a.Price = func(u agent.Tokens) float64 { return float64(u.Total()) / 1e6 }
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	golden(t, "run.golden.json", indented(t, run))
	asked := a.Model.(*agenttest.Script).Asked()
	var history []string
	for _, m := range asked[len(asked)-1] {
		history = append(history, indented(t, m))
	}
	golden(t, "history.golden.txt", strings.Join(history, ""))
}

func indented(t *testing.T, v any) string {
	t.Helper()
	data, err := json.MarshalIndent(v, "", "  ")
	require.NoError(t, err)
	return string(data) + "\n"
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

func TestWhatIsNoCircle(t *testing.T) {
	t.Parallel()
	bad := agenttest.Call("write", map[string]any{"bad": true})
	header := "imports\nlicence\nname\n"
	part := agenttest.Tool{Named: "part", Do: func(_ context.Context, args json.RawMessage) (agent.Result, error) {
		return agent.Result{Text: header + strings.ReplaceAll("one #\ntwo #\nthree #\nfour #\n", "#", string(args))}, nil
	}}
	for _, tt := range []struct {
		name  string
		turns []agenttest.Turn
	}{
		{"mistakes with success between them", []agenttest.Turn{bad, bad, agenttest.Call("write", n(0)), bad, bad, agenttest.Call("write", n(1)), bad, bad}},
		{"results with the same head", []agenttest.Turn{agenttest.Call("part", n(0)), agenttest.Call("part", n(1)), agenttest.Call("part", n(2)), agenttest.Call("part", n(3))}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			a := play(append(tt.turns, agenttest.Call("submit", nil))...)
			a.Tools = append(a.Tools, part)
			run, err := a.Run(t.Context(), task)
			require.NoError(t, err)
			require.Equal(t, agent.Finished, run.Stop)
			for _, s := range run.Steps {
				require.Empty(t, s.Note)
			}
		})
	}
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
