package agent_test

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

// FuzzTranscript: a file is a transcript or an error, and one that was read is written as one that can be read.
func FuzzTranscript(f *testing.F) {
	var b bytes.Buffer
	require.NoError(f, agent.Transcript{Run: &agent.Run{Task: agent.Task{ID: "r", System: "s", Prompt: "p"}, Stop: agent.Finished,
		Steps: []agent.Step{{Reply: "hm", Calls: []agent.Call{{ID: "1", Tool: "look", Args: []byte(`{"a":1}`), Result: "seen"}}}}}}.Write(&b))
	f.Add(b.String())
	f.Add(strings.Replace(b.String(), `"n":1`, `"n":2`, 1))
	f.Add(`{"version":1}` + "\n{}")
	f.Add("")
	f.Fuzz(func(t *testing.T, file string) {
		read, err := agent.ReadTranscript(strings.NewReader(file))
		if err != nil {
			return
		}
		var out bytes.Buffer
		require.NoError(t, read.Write(&out))
		again, err := agent.ReadTranscript(&out)
		require.NoError(t, err)
		require.Len(t, again.Run.Steps, len(read.Run.Steps))
	})
}
