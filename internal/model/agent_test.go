package model_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
)

// shelf is a tool over a few files. What it says has a time in it that is never the same.
type shelf struct {
	name  string
	files map[string]string
}

func (s shelf) Definition() *llms.FunctionDefinition {
	return &llms.FunctionDefinition{Name: s.name, Description: "Acts on files.", Parameters: map[string]any{"type": "object"}}
}
func (s shelf) Reads() bool { return s.name == "read-file" }
func (s shelf) Ends() bool  { return s.name == "open-pr" }

func (s shelf) Call(_ context.Context, args json.RawMessage) (agent.Result, error) {
	var in struct{ Path, Text string }
	if err := json.Unmarshal(args, &in); err != nil {
		return agent.Result{}, err
	}
	switch s.name {
	case "read-file":
		return agent.Result{Text: s.files[in.Path]}, nil
	case "write-file":
		s.files[in.Path] = in.Text
	case "open-pr":
		return agent.Result{Text: "opened", Done: true}, nil
	}
	return agent.Result{Text: fmt.Sprintf("done in %s at %s", time.Duration(time.Now().UnixNano()%1e9), time.Now().Format(time.RFC3339Nano))}, nil
}

// run has an agent mend a file with m.
func run(t *testing.T, m agent.Model, source string) (*agent.Run, error) {
	t.Helper()
	files := map[string]string{"div.go": source, "go.mod": "module x"}
	a := agent.Agent{Model: m, Budget: agent.Budget{Steps: 10, Tokens: 100_000}, Price: model.Pricer("gpt-5.4-mini"),
		Now: func() time.Time { return time.Unix(0, 0) }}
	for _, name := range []string{"read-file", "write-file", "open-pr"} {
		a.Tools = append(a.Tools, shelf{name, files})
	}
	return a.Run(t.Context(), agent.Task{ID: "r1", System: "You mend things.", Prompt: "Mend div.go."})
}

func script() []modeltest.Reply {
	call := func(id, name, args string) modeltest.Call { return modeltest.Call{ID: id, Name: name, Args: args} }
	return []modeltest.Reply{
		{Text: "I read both.", In: 500, Out: 20, Calls: []modeltest.Call{call("c1", "read-file", `{"path":"div.go"}`), call("c2", "read-file", `{"path":"go.mod"}`)}},
		{Status: 529, Type: "overloaded_error", Message: "Overloaded"},
		{In: 900, Out: 80, Cached: 500, Calls: []modeltest.Call{call("c3", "write-file", `{"path":"div.go","text":"package x // <mended>"}`)}},
		{Text: "All well.", In: 950, Out: 10},
		{In: 990, Out: 10, Calls: []modeltest.Call{call("c4", "open-pr", `{}`)}},
	}
}

func TestAnAgentsRunIsReplayedExactly(t *testing.T) {
	t.Parallel()
	for _, provider := range []string{model.OpenAI, model.Anthropic} {
		t.Run(provider, func(t *testing.T) {
			t.Parallel()
			b := open(t, provider, script())
			var out bytes.Buffer
			m, err := model.Record(b.model, model.Header{Provider: provider}, &out)
			require.NoError(t, err)
			recorded, err := run(t, m, "package x")
			require.NoError(t, err)
			require.Equal(t, agent.Finished, recorded.Stop)
			require.Len(t, recorded.Steps, 4)
			require.Equal(t, "quiet", recorded.Steps[2].Nudge)
			require.Equal(t, agent.Tokens{In: 900, Out: 80, Cached: 500}, recorded.Steps[1].Tokens)
			require.Positive(t, recorded.Steps[1].Cost)

			p := replay(t, out.String(), model.Expect{})
			replayed, err := run(t, p, "package x")
			require.NoError(t, err)
			require.Zero(t, p.Left())
			require.Equal(t, plain(t, recorded), plain(t, replayed))

			_, err = run(t, replay(t, out.String(), model.Expect{}), "package y")
			require.ErrorContains(t, err, `replay: step 2: the result of read-file differs from the recorded one: line 1 was "package x", is "package y"`)
		})
	}
}

// plain is a run without what is never the same.
func plain(t *testing.T, r *agent.Run) string {
	t.Helper()
	c := *r
	c.Model = ""
	data, err := json.MarshalIndent(c, "", " ")
	require.NoError(t, err)
	return model.Normalise(string(data))
}

// A transcript recorded by the first version of the format must replay for as long as its number is 1.
func TestTranscriptsStayReadable(t *testing.T) {
	t.Parallel()
	path := filepath.Join("testdata", "v1.jsonl")
	data, err := os.ReadFile(path)
	require.NoError(t, err)
	p := replay(t, string(data), model.Expect{PromptHash: "p1", ToolsHash: "t1"})
	replayed, err := run(t, p, "package x")
	require.NoError(t, err)
	require.Equal(t, agent.Finished, replayed.Stop)
	require.Zero(t, p.Left())

	// Recorded again it is the same, but for who answered and how fast.
	var out bytes.Buffer
	p = replay(t, string(data), model.Expect{})
	h := p.Header
	m, err := model.Record(p, h, &out)
	require.NoError(t, err)
	_, err = run(t, m, "package x")
	require.NoError(t, err)
	require.Equal(t, untimed(string(data)), untimed(out.String()))
}

func untimed(transcript string) string {
	var lines []string
	for line := range strings.Lines(transcript) {
		if i := strings.LastIndex(line, `,"took":`); i >= 0 {
			line = line[:i] + "}"
		}
		lines = append(lines, line)
	}
	return strings.Join(lines, "")
}
