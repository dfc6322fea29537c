package metrics_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/metrics"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// plugin makes a repository with a fault in it.
func plugin(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	r, err := git.PlainInit(dir, false)
	require.NoError(t, err)
	for name, text := range map[string]string{"package.json": `{"name":"greet","type":"module","scripts":{"test":"node --test"}}`,
		"greet.js":      "export const greet = (name) => name.trim();\n",
		"greet.test.js": "import { test } from \"node:test\";\nimport { greet } from \"./greet.js\";\ntest(\"greets\", () => greet(\"mona\"));\n"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o644))
	}
	w, err := r.Worktree()
	require.NoError(t, err)
	require.NoError(t, w.AddWithOptions(&git.AddOptions{All: true}))
	_, err = w.Commit("feat: greet\n", &git.CommitOptions{Author: &object.Signature{Name: "Mona", Email: "mona@example.com", When: time.Unix(1_700_000_000, 0)}})
	require.NoError(t, err)
	return dir
}

// recorded sets a tracer that keeps its spans in memory, until the test ends. No other test of this package may run
// beside the one that calls it.
func recorded(t *testing.T) *tracetest.InMemoryExporter {
	t.Helper()
	was, kept := otel.GetTracerProvider(), tracetest.NewInMemoryExporter()
	otel.SetTracerProvider(trace.NewTracerProvider(trace.WithSyncer(kept)))
	t.Cleanup(func() { otel.SetTracerProvider(was) })
	return kept
}

// An attempt is one tree of spans: a question to the model, a call, and below the call that proves a patch each run of
// the tests. None of them holds what was said, and the log names the span that it was written in.
func TestAnAttemptIsTraced(t *testing.T) {
	kept := recorded(t)
	box, err := sandbox.Native(sandbox.Config{})
	require.NoError(t, err)
	from, to := plugin(t), filepath.Join(t.TempDir(), "attempt")
	bench := &tools.Bench{Box: metrics.Box(box), Vet: func(hotfix.Patch, hotfix.Evidence) []hotfix.Reason { return nil },
		Clone: func(ctx context.Context) (*sandbox.Tree, error) {
			return sandbox.Clone(ctx, sandbox.Source{URL: from}, to)
		},
		Open: func(context.Context, tools.Draft) (int, error) { return 7, nil }}
	private := `import { test } from "node:test"; import { greet } from "./greet.js"; test("private words", () => greet(null));`
	script := agenttest.Play(
		agenttest.Call("read-file", map[string]any{"files": []map[string]any{{"path": "absent.js"}}}),
		agenttest.Call("write-patch", map[string]any{"edits": []map[string]any{{"path": "greet.js", "old": "name.trim", "new": "(name ?? \"\").trim"}, {"path": "null.test.js", "old": "", "new": private}}}),
		agenttest.Call("open-pr", map[string]any{"title": "Greet nobody", "explanation": "A missing name made greet throw an error; it is now read as an empty one.", "risk": "None."}))
	a := agent.Agent{Model: metrics.New().Model(script)}
	for _, tool := range tools.On(bench, tools.All) {
		a.Tools = append(a.Tools, metrics.Tool(tool))
	}
	var log bytes.Buffer
	ctx, span := otel.Tracer("test").Start(t.Context(), "fix")
	slog.New(metrics.Correlated(slog.NewJSONHandler(&log, nil))).With("case", "v1-a").InfoContext(ctx, "attempt began")
	run, err := a.Run(ctx, agent.Task{ID: "v1-a-1", System: "s", Prompt: "private words"})
	require.NoError(t, err)
	span.End()
	require.Equal(t, 7, bench.PR, "%+v", run.Steps)

	parents, count := map[string]string{}, map[string]int{}
	for _, s := range kept.GetSpans() {
		parents[s.SpanContext.SpanID().String()] = s.Name
	}
	for _, s := range kept.GetSpans() {
		count[parents[s.Parent.SpanID().String()]+" > "+s.Name]++
		require.NotContains(t, fmt.Sprint(s.Attributes, s.Status, s.Events), "private words")
		if tool, ok := strings.CutPrefix(s.Name, "execute_tool "); ok {
			require.Contains(t, s.Attributes, attribute.String("gen_ai.operation.name", "execute_tool"))
			require.Contains(t, s.Attributes, attribute.String("gen_ai.tool.name", tool))
		}
	}
	require.Equal(t, 3, count["fix > chat script"], count)
	for _, tool := range []string{"read-file", "write-patch", "open-pr"} {
		require.Equal(t, 1, count["fix > execute_tool "+tool], count)
	}
	require.GreaterOrEqual(t, count["execute_tool open-pr > sandbox node"], 9, "all tests three times, the new one three times on either code: %v", count)

	var line struct {
		Case  string `json:"case"`
		Trace string `json:"trace_id"`
		Span  string `json:"span_id"`
	}
	require.NoError(t, json.Unmarshal(log.Bytes(), &line))
	require.Equal(t, "v1-a", line.Case)
	require.Equal(t, span.SpanContext().TraceID().String(), line.Trace)
	require.Equal(t, span.SpanContext().SpanID().String(), line.Span)
}

// A line that was written outside of any span has no ids of one.
func TestALineOutsideOfSpans(t *testing.T) {
	t.Parallel()
	var log bytes.Buffer
	slog.New(metrics.Correlated(slog.NewJSONHandler(&log, nil))).WithGroup("door").Info("listening")
	require.NotContains(t, log.String(), "trace_id")
}
