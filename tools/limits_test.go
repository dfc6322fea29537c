package tools_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

func TestEveryToolHasATimeLimit(t *testing.T) {
	t.Parallel()
	bounds := tools.Bounded(agent.Budget{}).Tools
	require.Len(t, bounds, len(tools.All))
	for _, tool := range tools.All {
		limit := bounds[tool.Name()].Time
		require.Positive(t, limit, tool.Name())
		require.Less(t, limit, 15*time.Minute, "%s may not use up the time that an attempt has", tool.Name())
	}
	own := map[string]agent.Limit{"open-pr": {Calls: 1}}
	require.Equal(t, own, tools.Bounded(agent.Budget{Tools: own}).Tools)
}

// TestACallIsStoppedInTheBox: the limit ends what runs in the sandbox, and the run goes on.
func TestACallIsStoppedInTheBox(t *testing.T) {
	t.Parallel()
	b := bench(t, map[string]string{"package.json": "{}", "a.js": strings.Repeat("x\n", 10)})
	works(t, b, "clone-repo", "{}")
	a := agent.Agent{Tools: tools.On(b, tools.All), Budget: agent.Budget{Tools: map[string]agent.Limit{"run-command": {Time: time.Second}, "search-code": {Time: 1}}},
		Model: agenttest.Play(agenttest.Call("run-command", `{"command":"sleep 60","seconds":100}`), agenttest.Call("search-code", `{"patterns":["x"]}`),
			agenttest.Call("give-up", `{"reason":"environment","explanation":"enough"}`))}
	run, err := a.Run(t.Context(), agent.Task{})
	require.NoError(t, err)
	require.Equal(t, agent.GaveUp, run.Stop)
	require.Equal(t, "run-command took longer than 1s and was stopped. Ask for less at once", run.Steps[0].Calls[0].Err)
	require.Equal(t, "search-code took longer than 1ns and was stopped. Ask for less at once", run.Steps[1].Calls[0].Err)
}
