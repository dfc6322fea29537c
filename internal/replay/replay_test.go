package replay_test

import (
	"context"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/replay"
)

// A hammer is a tool that answers with what it was given, makes a mistake, or ends the run.
type hammer struct{ name string }

func (h hammer) Definition() *llms.FunctionDefinition { return &llms.FunctionDefinition{Name: h.name} }

func (h hammer) Call(_ context.Context, args json.RawMessage) (agent.Result, error) {
	switch {
	case string(args) == `{"n":2}`:
		return agent.Result{}, wrong("there is no 2")
	case h.name == "stop":
		return agent.Result{Text: "bye", Done: true}, nil
	}
	return agent.Result{Text: "hit " + string(args), State: string(args)}, nil
}

type wrong string

func (w wrong) Error() string    { return string(w) }
func (w wrong) ForModel() string { return string(w) }

var bench = []agent.Tool{hammer{"hit"}, hammer{"stop"}}

// A tongue says one thing after the other.
type tongue struct{ says []llms.ContentChoice }

func (m *tongue) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	c := m.says[0]
	m.says = m.says[1:]
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{&c}}, nil
}

func asks(tool, args string) llms.ContentChoice {
	return llms.ContentChoice{Content: "I " + tool, ToolCalls: []llms.ToolCall{{ID: "c", Type: "function", FunctionCall: &llms.FunctionCall{Name: tool, Arguments: args}}}}
}

// recorded is a run as the agent records it: results, a mistake, a quiet step that the loop remarks on, an end.
func recorded(t *testing.T, budget agent.Budget) *agent.Run {
	t.Helper()
	a := agent.Agent{Tools: bench, Budget: budget, Model: &tongue{[]llms.ContentChoice{asks("hit", `{"n":1}`), asks("hit", `{"n":2}`), {Content: "Hm."}, asks("hit", `{"n":3}`), asks("stop", `{}`)}}}
	run, err := a.Run(t.Context(), agent.Task{ID: "v1-a-1", System: "s", Prompt: "p"})
	require.NoError(t, err)
	body, err := json.Marshal(run) // through the store
	require.NoError(t, err)
	var stored agent.Run
	require.NoError(t, json.Unmarshal(body, &stored))
	return &stored
}

func TestARunComesToTheSame(t *testing.T) {
	t.Parallel()
	for _, budget := range []agent.Budget{{}, {Steps: 3}} {
		run := recorded(t, budget)
		for range 3 {
			diverges, again, err := replay.Player{Tools: bench, Budget: budget}.Run(t.Context(), run)
			require.NoError(t, err)
			require.Nil(t, diverges)
			require.Zero(t, again)
			diverges, again, err = replay.Player{Tools: bench, Budget: budget, Again: every}.Run(t.Context(), run)
			require.NoError(t, err)
			require.Nil(t, diverges, "made anew, every call comes to the same")
			require.NotZero(t, again)
		}
	}
}

func every(agent.Call) bool { return true }

// What was changed in the record, or is different today, is named with the first step that shows it.
func TestTheFirstDivergingStepIsNamed(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		change func(*agent.Run)
		tools  []agent.Tool
		budget agent.Budget
		step   int
		what   string
	}{
		{"the loop's remark", func(r *agent.Run) { r.Steps[2].Note = "Go on." }, bench, agent.Budget{}, 3, "remark of the loop"},
		{"a tool is gone", func(*agent.Run) {}, bench[1:], agent.Budget{}, 1, "hit is gone"},
		{"a smaller budget", func(*agent.Run) {}, bench, agent.Budget{Steps: 2}, 3, "all 2 steps are used"},
		{"the record goes on", func(r *agent.Run) { r.Steps = append(r.Steps, agent.Step{Reply: "more"}) }, bench, agent.Budget{}, 6, "run: it ended here"},
		{"the record stops early", func(r *agent.Run) { r.Steps = r.Steps[:4] }, bench, agent.Budget{}, 5, "run: it goes on"},
		{"another end", func(r *agent.Run) { r.Stop = agent.Looping }, bench, agent.Budget{}, replay.AtEnd, "ending: it was looping"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			run := recorded(t, agent.Budget{})
			tt.change(run)
			diverges, _, err := replay.Player{Tools: tt.tools, Budget: tt.budget}.Run(t.Context(), run)
			require.NoError(t, err)
			require.NotNil(t, diverges)
			require.Equal(t, tt.step, diverges.Step, diverges.String())
			require.Contains(t, diverges.String(), tt.what)
		})
	}
}

// A saw is a hammer that answers otherwise.
type saw struct{ hammer }

func (s saw) Call(_ context.Context, args json.RawMessage) (agent.Result, error) {
	return agent.Result{Text: "line one\ncut " + string(args) + " in 3.1s"}, nil
}

// A call that is made anew and answers otherwise is named with the line that differs; how long it took is no difference.
func TestACallThatAnswersOtherwise(t *testing.T) {
	t.Parallel()
	run := recorded(t, agent.Budget{})
	run.Steps[0].Calls[0].Result = "line one\ncut {\"n\":1} in 17ms"
	player := replay.Player{Tools: []agent.Tool{saw{hammer{"hit"}}, bench[1]}, Again: every}
	diverges, again, err := player.Run(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, &replay.Divergence{Step: 2, Field: "mistake told for hit", What: `line 1 was "there is no 2", is ""`}, diverges)
	require.Equal(t, 2, again, "nothing is done after it")
	run.Steps[0].Calls[0].Result = "line one\ncut {\"n\":9} in 17ms"
	diverges, _, err = player.Run(t.Context(), run)
	require.NoError(t, err)
	require.Equal(t, 1, diverges.Step)
	require.Equal(t, "answer of hit", diverges.Field)
	require.Contains(t, diverges.What, "line 2 was")
}

func TestWhatCannotBePlayed(t *testing.T) {
	t.Parallel()
	for _, run := range []*agent.Run{{}, {Stop: agent.Cancelled}, {Stop: agent.Broken, Because: "no model", Started: time.Now()}} {
		_, _, err := replay.Player{Tools: bench}.Run(t.Context(), run)
		require.Error(t, err)
	}
}
