package agent_test

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"strings"
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

func TestCancelled(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	a := play(agenttest.Call("read", nil), agenttest.Turn{Wait: func(context.Context, []llms.MessageContent) { cancel() }, Text: "hm"})
	run, err := a.Run(ctx, task)
	require.ErrorIs(t, err, context.Canceled)
	require.Equal(t, agent.Cancelled, run.Stop)
	require.Len(t, run.Steps, 1)
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
