package agent_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
)

func TestATranscriptComesBackAsItWas(t *testing.T) {
	t.Parallel()
	a := play(agenttest.Call("read", map[string]any{"path": "a<b>.go"}), agenttest.Say("hm"), agenttest.Call("write", `{"bad":1}`), agenttest.Call("give-up", nil))
	run, err := a.Run(t.Context(), task)
	require.NoError(t, err)
	run.Started = run.Started.UTC()
	var file bytes.Buffer
	require.NoError(t, agent.Transcript{Prompt: "aa", Tools: "bb", Run: run}.Write(&file))
	lines := strings.Split(strings.TrimSpace(file.String()), "\n")
	require.Len(t, lines, 6)
	require.True(t, strings.HasPrefix(lines[0], `{"version":1,"run":"t1","model":"script","started":"`), lines[0])
	require.Contains(t, lines[0], `"prompt":"aa","tools":"bb"`)
	require.Contains(t, lines[5], `{"end":{"stop":"gave-up","steps":4,"tokens":{"in":`)
	got, err := agent.ReadTranscript(bytes.NewReader(file.Bytes()))
	require.NoError(t, err)
	require.Equal(t, &agent.Transcript{Prompt: "aa", Tools: "bb", Run: run}, got)

	cut, err := agent.ReadTranscript(strings.NewReader(strings.Join(lines[:3], "\n")))
	require.NoError(t, err)
	require.Len(t, cut.Run.Steps, 2)
	require.Empty(t, cut.Run.Stop)
	for text, want := range map[string]string{
		"hello":                               "it is no transcript: the first line must be an object with a version",
		"{}":                                  "it is no transcript: the first line must be an object with a version",
		`{"version":7}`:                       "it has version 7 and this program reads version 1",
		lines[0] + "\n" + lines[2]:            "line 2 is neither step 1 nor the end",
		lines[0] + "\n{\"n\":1,\"step\":{\"c": "line 2: unexpected EOF",
	} {
		_, err := agent.ReadTranscript(strings.NewReader(text))
		require.EqualError(t, err, want)
	}
}
