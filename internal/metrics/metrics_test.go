package metrics_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"
	"gopkg.in/yaml.v3"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/metrics"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

var now = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// A mouth is a model that says one thing, or fails.
type mouth struct{ err error }

func (mouth) Name() string { return "test:mouth" }

func (m mouth) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	if m.err != nil {
		return nil, m.err
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{{Content: "hello", StopReason: "stop",
		GenerationInfo: map[string]any{"PromptTokens": 30, "CompletionTokens": 4}}}}, nil
}

func scrape(t *testing.T, m *metrics.Metrics) string {
	t.Helper()
	w := httptest.NewRecorder()
	m.Handler().ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/metrics", nil))
	require.Equal(t, http.StatusOK, w.Code, w.Body)
	return w.Body.String()
}

// busy is metrics of a store with a case on it, after some calls.
func busy(t *testing.T) (*metrics.Metrics, *store.SQL) {
	t.Helper()
	s, err := store.Open(t.Context(), store.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "hotfix.db"), Now: func() time.Time { return now.Add(-time.Hour) }})
	require.NoError(t, err)
	t.Cleanup(func() { _ = s.Close() }) // a test may have closed it
	c := hotfix.Case{Fingerprint: "v1-a", Repo: hotfix.Repo{Owner: "acme", Name: "greet"}, State: hotfix.New, Count: 1, First: now, Last: now,
		Latest:   hotfix.Failure{Plugin: hotfix.Plugin{ID: "greeter"}, At: now},
		Attempts: []hotfix.Attempt{{RunID: "v1-a-1", Started: now.Add(-time.Hour), Tokens: 70, Cost: 1.5, Outcome: hotfix.Outcome{Ending: hotfix.NoFix}}}}
	page := hotfix.Case{Fingerprint: "page", First: now.Add(-time.Minute), Count: 1}
	for _, c := range []hotfix.Case{c, page} {
		unlock, err := s.Lock(t.Context(), c.Fingerprint)
		require.NoError(t, err)
		require.NoError(t, s.SaveCase(t.Context(), c, hotfix.NextReport))
		unlock()
	}
	m := metrics.New()
	m.Watch(s, 0, func() time.Time { return now })
	for _, err := range []error{nil, errors.New("away")} {
		_, _ = m.Model(mouth{err}).GenerateContent(t.Context(), nil)
	}
	github := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-RateLimit-Resource", "core")
		w.Header().Set("X-RateLimit-Remaining", "17")
		w.Header().Set("X-RateLimit-Limit", "5000")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	t.Cleanup(github.Close)
	resp, err := (&http.Client{Transport: m.Transport(nil)}).Get(github.URL)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	return m, s
}

func TestFigures(t *testing.T) {
	t.Parallel()
	m, s := busy(t)
	out := scrape(t, m)
	for _, line := range []string{
		`daemon_hotfix_store_up 1`,
		`daemon_hotfix_cases{state="new"} 1`,
		`daemon_hotfix_failures_24h{plugin="greeter"} 1`,
		`daemon_hotfix_work{kind="report",state="waiting"} 2`,
		`daemon_hotfix_work_oldest_seconds{kind="report"} 3600`,
		`daemon_hotfix_attempts_24h{ending="no-fix"} 1`,
		`daemon_hotfix_cost_dollars_24h 1.5`,
		`daemon_hotfix_tokens_24h 70`,
		`daemon_hotfix_breaker_open 1`,
		`daemon_hotfix_model_calls_total{model="test:mouth",result="failed"} 1`,
		`daemon_hotfix_model_calls_total{model="test:mouth",result="answered"} 1`,
		`daemon_hotfix_model_tokens_total{kind="in",model="test:mouth"} 30`,
		`daemon_hotfix_github_requests_total{status="429"} 1`,
		`daemon_hotfix_github_rate_remaining{resource="core"} 17`,
		`daemon_hotfix_redaction_failures_total 0`,
	} {
		require.Contains(t, out, line+"\n")
	}
	require.NoError(t, s.Close())
	out = scrape(t, m)
	require.Contains(t, out, "daemon_hotfix_store_up 0\n")
	require.NotContains(t, out, "daemon_hotfix_cases{", "figures that are not known are not made up")
}

// Every figure that an alert or the Grafana dashboard asks for exists.
func TestAlertsAndDashboardNameRealFigures(t *testing.T) {
	t.Parallel()
	m, _ := busy(t)
	out := scrape(t, m)
	alerts, err := os.ReadFile("../../docs/ops/alerts.yaml")
	require.NoError(t, err)
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	require.NoError(t, yaml.Unmarshal(alerts, &rules))
	require.GreaterOrEqual(t, len(rules.Groups[0].Rules), 5)
	board, err := os.ReadFile("../../docs/ops/grafana.json")
	require.NoError(t, err)
	names := regexp.MustCompile(`daemon_hotfix_\w+`).FindAllString(string(alerts)+string(board), -1)
	require.Greater(t, len(names), 20)
	for _, name := range names {
		require.Contains(t, out, "\n"+name, "nobody counts %s", name)
	}
}

// Spans reach the collector that OpenTelemetry's variables name, and carry no text of the conversation.
func TestTrace(t *testing.T) {
	var mu sync.Mutex
	var sent strings.Builder
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		body, _ := io.ReadAll(r.Body) // a short one fails the test below
		sent.WriteString(r.URL.Path + string(body))
	}))
	defer collector.Close()
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	stop, err := metrics.Trace(t.Context(), "v1", os.Getenv)
	require.NoError(t, err)
	_, err = metrics.New().Model(mouth{}).GenerateContent(t.Context(), []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "private words")})
	require.NoError(t, err)
	require.NoError(t, stop(t.Context()))
	for _, want := range []string{"/v1/traces", "chat test:mouth", "gen_ai.operation.name", "gen_ai.request.model", "gen_ai.usage.input_tokens", "gen_ai.response.finish_reasons"} {
		require.Contains(t, sent.String(), want)
	}
	require.NotContains(t, sent.String(), "private words")
}

func TestNoTraceWithoutACollector(t *testing.T) {
	t.Parallel()
	stop, err := metrics.Trace(t.Context(), "v1", func(string) string { return "" })
	require.NoError(t, err)
	require.NoError(t, stop(t.Context()))
}
