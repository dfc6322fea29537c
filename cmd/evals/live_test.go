package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
)

// A moody provider answers as the transcripts of fixtures do, but for each second conversation about the one that is
// shaky: then it gives up.
type moody struct {
	shaky    string
	answers  map[string][]modeltest.Reply // by repository
	mu       sync.Mutex
	begun    map[string]int
	onBegin  func(all int)
	gaveUp   bool
	question int
}

// answer is what a live model would say.
func (m *moody) answer(r modeltest.Request) modeltest.Reply {
	m.mu.Lock()
	defer m.mu.Unlock()
	repo := ""
	for name := range m.answers {
		if bytes.Contains(r.Raw, []byte("acme/"+name)) {
			repo = name
		}
	}
	if !bytes.Contains(r.Raw, []byte(`"role":"assistant"`)) {
		m.begun[repo]++
		m.question, m.gaveUp = 0, repo == m.shaky && m.begun[repo]%2 == 0
		all := 0
		for _, n := range m.begun {
			all += n
		}
		m.onBegin(all)
	}
	m.question++
	if m.gaveUp {
		return modeltest.Reply{In: 10, Out: 5, Calls: []modeltest.Call{{ID: "1", Name: "give-up", Args: `{"reason":"needs-a-decision","explanation":"Whether an issue without a milestone is due some day or never is not written down anywhere; people have to say."}`}}}
	}
	return m.answers[repo][min(m.question, len(m.answers[repo]))-1]
}

// replies are what a transcript holds.
func replies(t *testing.T, transcript []byte) []modeltest.Reply {
	var out []modeltest.Reply
	for lines := bufio.NewScanner(bytes.NewReader(transcript)); lines.Scan(); {
		var line struct {
			Calls []struct {
				Name      string
				Arguments json.RawMessage
			}
		}
		require.NoError(t, json.Unmarshal(lines.Bytes(), &line))
		for _, c := range line.Calls {
			out = append(out, modeltest.Reply{In: 10, Out: 5, Calls: []modeltest.Call{{ID: "1", Name: c.Name, Args: string(c.Arguments)}}})
		}
	}
	return out
}

// TestLiveRunsAreResumed asks a provider over HTTP, is stopped in the middle, goes on, and counts passes.
func TestLiveRunsAreResumed(t *testing.T) {
	dir, out := t.TempDir(), filepath.Join(t.TempDir(), "out")
	m := &moody{shaky: "good-fix", answers: map[string][]modeltest.Reply{}, begun: map[string]int{}}
	for _, name := range []string{"good-fix", "honest-refusal"} {
		text, err := os.ReadFile("../../evals/fixtures/node-" + name + ".txtar")
		require.NoError(t, err)
		f, err := evals.Load("../../evals/fixtures/node-" + name + ".txtar")
		require.NoError(t, err)
		m.answers[name] = replies(t, f.Model)
		require.NoError(t, os.WriteFile(filepath.Join(dir, name+".txtar"), text, 0o644))
	}
	server := modeltest.OpenAI(slices.Repeat([]modeltest.Reply{{Do: m.answer}}, 100)...)
	t.Cleanup(server.Close)
	t.Setenv("HOTFIX_MODEL", "openai:moody")
	t.Setenv("OPENAI_BASE_URL", server.URL)
	t.Setenv("OPENAI_API_KEY", "none")

	ctx, stop := context.WithCancel(t.Context())
	m.onBegin = func(all int) {
		if all == 4 {
			stop()
		}
	}
	c := runCmd{where: where{Dir: dir}, Live: true, Tries: 4, AtOnce: 1, Out: out, Quiet: true}
	require.ErrorContains(t, c.Run(ctx), "stopped after 3 of 8")
	kept, err := filepath.Glob(filepath.Join(out, "*.json"))
	require.NoError(t, err)
	require.Len(t, kept, 3, "what was under way is not kept")

	m.begun, m.onBegin = map[string]int{"good-fix": 3}, func(int) {}
	c.Resume = true
	require.ErrorContains(t, c.Run(t.Context()), "2 of 8 fixtures did not end as they should")
	require.Equal(t, map[string]int{"good-fix": 4, "honest-refusal": 4}, m.begun, "no try that was kept is made again")
	r, err := evals.ReadReport(out)
	require.NoError(t, err)
	require.Equal(t, "moody", r.Model)
	require.Equal(t, []int{8, 6, 0}, []int{r.Cases, r.Passed, r.WrongPRs})
	require.Equal(t, "2 of 4 (15 to 85 %)", r.Resolved.String())
	require.InDelta(t, 0.4093, r.PassedCI.Low, 5e-5)
	require.InDelta(t, 0.9285, r.PassedCI.High, 5e-5)
	var shares []float64
	for _, p := range r.PassAt {
		shares = append(shares, p.Share)
	}
	require.InDeltaSlice(t, []float64{3.0 / 4, 11.0 / 12, 1, 1}, shares, 1e-9, "one passes always, one two times of four")
	require.Equal(t, 4*15+2*30+2*15, r.Tokens)

	require.NoError(t, os.WriteFile(filepath.Join(dir, "honest-refusal.txtar"), append([]byte("Told otherwise.\n"), readFile(t, filepath.Join(dir, "honest-refusal.txtar"))...), 0o644))
	m.begun = map[string]int{}
	require.ErrorContains(t, c.Run(t.Context()), "2 of 8")
	require.Equal(t, map[string]int{"honest-refusal": 4}, m.begun, "a fixture that has changed is played again")
	page := string(readFile(t, filepath.Join(out, "report.html")))
	require.Contains(t, page, "pass@2")
	require.Contains(t, strings.Join(strings.Fields(page), " "), "good-fix-3")
}

func readFile(t *testing.T, path string) []byte {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	return text
}
