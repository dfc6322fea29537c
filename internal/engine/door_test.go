package engine_test

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

func TestMain(m *testing.M) {
	if raw := os.Getenv(machineEnv); raw != "" {
		os.Exit(machineMain(raw))
	}
	os.Exit(withPrograms(func() int { return storetest.Main(m) }))
}

var repo = hotfix.Repo{Owner: "acme", Name: "greet"}

func newStage(t *testing.T) *evals.Stage {
	t.Helper()
	s, err := evals.NewStage(context.Background(), evals.StageConfig{Dir: t.TempDir(), Allow: []hotfix.Repo{repo},
		NoFix: "this is a test of the door", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Forge.AddRepo(repo, map[string]string{"README.md": "greet\n"}))
	return s
}

func failure() map[string]any {
	return kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: "acme", Repo: "greet", Ref: "main"}, Message: "HTTP 500: boom",
		Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}.Payload()
}

func post(t *testing.T, s *evals.Stage, contentType string, body []byte) (int, map[string]any) {
	t.Helper()
	res, err := http.Post(s.Address, contentType, bytes.NewReader(body))
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	answer := map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &answer), "the kernel takes anything but JSON for a failure: %s", raw)
	return res.StatusCode, answer
}

func settle(t *testing.T, s *evals.Stage) {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	require.NoError(t, s.Settle(ctx))
}

func TestASignedFailureBecomesOneIssue(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	body := kerneltest.Sign(s.Key, kerneltest.Fields{Payload: failure(), Token: s.Forge.Token().Reveal()})
	for range 3 { // the same request, sent again
		status, answer := post(t, s, "application/json", body)
		require.Equal(t, 200, status, answer)
		require.NotEmpty(t, answer["stateId"])
	}
	settle(t, s)
	require.Len(t, s.Forge.Issues(repo), 1)
	require.Contains(t, s.Forge.Issues(repo)[0].Body, "1 time")
}

// Bad requests get 400 and one sentence, and leave no trace.
func TestBadRequestsAreRefused(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	good := kerneltest.Sign(s.Key, kerneltest.Fields{Payload: failure(), Token: s.Forge.Token().Reveal()})
	tests := []struct {
		name, kind, stage string
		body              []byte
	}{
		{"another key", "application/json", "signature", kerneltest.Sign(kerneltest.NewKey(), kerneltest.Fields{Payload: failure()})},
		{"tampered", "application/json", "signature", bytes.Replace(good, []byte(`"command":"null"`), []byte(`"command":"true"`), 1)},
		{"unsigned", "application/json", "schema", []byte(`{"stateId":"x"}`)},
		{"not JSON", "application/json", "json", []byte("hello")},
		{"not said to be JSON", "text/plain", "http", good},
		{"expired", "application/json", "attestation", kerneltest.Sign(s.Key, kerneltest.Fields{Payload: failure(), Now: time.Now().Add(-3 * time.Hour)})},
		{"oversized", "application/json", "limit", append([]byte(`{"stateId":"`), append(bytes.Repeat([]byte("a"), 9<<20), `"}`...)...)},
		{"huge", "application/json", "http", bytes.Repeat([]byte(" "), 33<<20)},
	}
	for _, tt := range tests {
		status, answer := post(t, s, tt.kind, tt.body)
		require.Equal(t, 400, status, tt.name)
		require.Equal(t, tt.stage, answer["stage"], "%s: %v", tt.name, answer)
		require.NotEmpty(t, answer["error"], tt.name)
	}
	settle(t, s)
	require.Empty(t, s.Forge.Calls())
}

func TestUnknownEventsAreIgnoredWithAReason(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	body := kerneltest.Sign(s.Key, kerneltest.Fields{Event: "star.created", Payload: map[string]any{"action": "created"}})
	status, answer := post(t, s, "application/json", body)
	require.Equal(t, 200, status)
	reason := answer["output"].(map[string]any)["ignored"].(map[string]any)
	require.NotEmpty(t, reason["rule"])
	require.NotEmpty(t, reason["because"])
	require.Empty(t, s.Forge.Calls())
}

func TestPagesForOperators(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	for _, path := range []string{"/manifest.json", "/healthz", "/readyz"} {
		res, err := http.Get(s.Address + path)
		require.NoError(t, err)
		raw, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		require.Equal(t, 200, res.StatusCode, path)
		require.True(t, json.Valid(raw), path)
		require.True(t, strings.HasPrefix(res.Header.Get("Content-Type"), "application/json"), path)
	}
}

// The kernel asks for the manifest at every event; one that it has is not sent again.
func TestTheManifestIsCached(t *testing.T) {
	t.Parallel()
	s := newStage(t)
	ask := func(method, tag string) (*http.Response, string) {
		req, err := http.NewRequestWithContext(t.Context(), method, s.Address+"/manifest.json", nil)
		require.NoError(t, err)
		req.Header.Set("If-None-Match", tag)
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		raw, err := io.ReadAll(res.Body)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		return res, string(raw)
	}
	res, whole := ask(http.MethodGet, `"of another version"`)
	require.Equal(t, 200, res.StatusCode)
	require.Contains(t, whole, "short_name")
	tag := res.Header.Get("ETag")
	require.NotEmpty(t, tag)
	for _, method := range []string{http.MethodGet, http.MethodHead} {
		res, raw := ask(method, tag)
		require.Equal(t, http.StatusNotModified, res.StatusCode)
		require.Empty(t, raw)
		require.Equal(t, tag, res.Header.Get("ETag"))
	}
}
