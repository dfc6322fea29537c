package kerneltest_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
)

var key = kerneltest.NewKey()

var hook = kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 42, Actor: "mona", Installation: 11}

// daemon takes in what the kernel says about plugins, as the real one does.
func daemon(t *testing.T) (*kerneltest.Kernel, func() []hotfix.Notice) {
	t.Helper()
	var notices []hotfix.Notice
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		d, err := kerneltest.OpenRequest(r, kernel.Options{Key: &key.PublicKey})
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(err.Error())
			return
		}
		n, err := d.Notice()
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			_ = json.NewEncoder(w).Encode(err.Error())
			return
		}
		notices = append(notices, n)
		_, _ = io.WriteString(w, `{"stateId":"x","output":{}}`)
	}))
	t.Cleanup(server.Close)
	return &kerneltest.Kernel{Key: key, Daemon: server.URL, Client: server.Client()}, func() []hotfix.Notice { return notices }
}

func TestDispatch(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name    string
		plugin  http.HandlerFunc
		told    bool
		status  int
		message string // %s is the plugin's URL
	}{
		{"does its part", answer(200, `{"ok":true}`), false, 0, ""},
		{"bad gateway", answer(502, "upstream <b>\u2028"), true, 502, "HTTP (target: URL) 502: upstream <b>\u2028"},
		{"no content", answer(204, ""), true, 0, "Unexpected end of JSON input"},
		{"HTML", answer(200, "<!DOCTYPE html>"), true, 0, `Unexpected token '<', "<!DOCTYPE "... is not valid JSON`},
		{"hangs up", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, true, 0, "fetch failed"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			plugin := httptest.NewServer(c.plugin)
			t.Cleanup(plugin.Close)
			k, notices := daemon(t)
			told, _, err := k.Dispatch(t.Context(), hook, kerneltest.Plugin{URL: plugin.URL})
			require.NoError(t, err)
			require.Equal(t, c.told, told)
			if !c.told {
				require.Empty(t, notices())
				return
			}
			require.Len(t, notices(), 1)
			f := notices()[0].Failure
			require.Equal(t, strings.ReplaceAll(c.message, "URL", plugin.URL), f.Message.String())
			require.Equal(t, c.status, f.Status)
			require.Equal(t, "http", f.Category)
			require.Equal(t, 42, f.Trigger.Number)
			require.Equal(t, "mona", f.Trigger.Actor)
		})
	}
}

func answer(status int, body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

// A plugin gets the kernel's signed request, so a plugin written with this package can verify it too.
func TestThePluginCanVerify(t *testing.T) {
	t.Parallel()
	var got *kernel.Delivery
	plugin := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		d, err := kerneltest.OpenRequest(r, kernel.Options{Key: &key.PublicKey})
		if err != nil {
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		got = d
		_, _ = io.WriteString(w, "{}")
	}))
	t.Cleanup(plugin.Close)
	k, _ := daemon(t)
	told, _, err := k.Dispatch(t.Context(), hook, kerneltest.Plugin{URL: plugin.URL, Settings: map[string]any{"greeting": "<hi> & \u2028"}})
	require.NoError(t, err)
	require.False(t, told)
	require.Equal(t, "issues.opened", got.Event)
	require.JSONEq(t, `{"greeting":"<hi> & \u2028"}`, string(got.Settings))
}

// daemon-hotfix that fails is reported to itself and says so.
func TestTheDaemonItself(t *testing.T) {
	t.Parallel()
	k, notices := daemon(t)
	_, err := k.Report(t.Context(), kerneltest.Failure{Plugin: kerneltest.Plugin{URL: k.Daemon}, Webhook: hook, Message: "HTTP 500"})
	require.NoError(t, err)
	require.Equal(t, kernel.RuleOwnFailure, notices()[0].Ignored.Rule)
}

func TestPayloads(t *testing.T) {
	t.Parallel()
	repoKey := kerneltest.Plugin{Owner: "market", Repo: "greet", Ref: "dist/main"}
	worker, unresolved := repoKey, repoKey
	worker.URL, unresolved.Ref = "https://w.example", ""
	for _, c := range []struct {
		name    string
		failure kerneltest.Failure
		plugin  string
		repo    string
	}{
		{"workflow", kerneltest.Failure{Plugin: repoKey, Message: "m", Status: 422},
			`{"type":"workflow","id":"market/greet:compute.yml@dist/main","owner":"market","repo":"greet","workflowId":"compute.yml","ref":"dist/main"}`, "app"},
		{"worker behind a repository key", kerneltest.Failure{Plugin: worker},
			`{"type":"workflow","id":"market/greet:compute.yml@https://w.example","owner":"market","repo":"greet","workflowId":"compute.yml","ref":"https://w.example"}`, "app"},
		{"unresolved", kerneltest.Failure{Plugin: unresolved},
			`{"type":"workflow","id":"market/greet:compute.yml@","owner":"market","repo":"greet","workflowId":"compute.yml","ref":""}`, "app"},
		{"kernel", kerneltest.Failure{Kind: kerneltest.Internal},
			`{"type":"kernel","id":"ubiquity-os/ubiquity-os-kernel","owner":"acme","repo":"app","ref":"df8cdd5"}`, "app"},
		{"source repository", kerneltest.Failure{Plugin: kerneltest.Plugin{URL: "https://w.example", SourceRepo: "market/source", SourceRef: "v1"}},
			`{"type":"http","id":"https://w.example","ref":"https://w.example","settings":{"with":{"sourceRepo":"market/source","sourceRef":"v1"}}}`, "source"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.failure.Webhook = hook
			p := c.failure.Payload()
			plugin, err := json.Marshal(p["plugin"])
			require.NoError(t, err)
			require.JSONEq(t, c.plugin, string(plugin))
			require.Equal(t, c.repo, p["repository"].(map[string]any)["name"])
			require.Equal(t, p["plugin"].(map[string]any)["type"], p["error"].(map[string]any)["category"])
		})
	}
}

// The kernel cuts and only then redacts; the first lines of the log are kept, not the last.
func TestCuts(t *testing.T) {
	t.Parallel()
	token := "ghs_" + strings.Repeat("a", 36)
	f := kerneltest.Failure{Webhook: hook, Plugin: kerneltest.Plugin{URL: "https://w.example"}, Message: strings.Repeat("x", 270) + " " + token,
		Lines: append([]string{strings.Repeat("y", 300)}, make([]string, 50)...)}
	p := f.Payload()
	message := p["error"].(map[string]any)["message"].(string)
	require.Equal(t, strings.Repeat("x", 270)+" [REDACTED]...", message)
	lines := p["logTrail"].(map[string]any)["lines"].([]string)
	require.Len(t, lines, 40)
	require.Equal(t, strings.Repeat("y", 240)+"...", lines[0])
	require.Nil(t, p["error"].(map[string]any)["status"])

	d, err := kernel.Open(kerneltest.PluginError(key, f, kerneltest.Fields{}), kernel.Options{Key: &key.PublicKey})
	require.NoError(t, err)
	n, err := d.Notice()
	require.NoError(t, err)
	require.True(t, n.Failure.Truncated)
}

func TestSignatures(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 22, 12, 0, 0, 0, time.UTC)
	opts := kernel.Options{Key: &key.PublicKey, Now: now}
	payload := kerneltest.Failure{Webhook: hook, Plugin: kerneltest.Plugin{URL: "https://w.example"}, Message: "m", At: now}.Payload()
	for name, f := range map[string]kerneltest.Fields{
		"attested": {Payload: payload, Now: now},
		"old":      {Payload: payload, Now: now, Attestation: "-"},
		"odd text": {Payload: payload, Now: now, StateID: "<\u2028é\x01\"\\/>", Settings: map[string]any{"a": "b"}},
	} {
		d, err := kernel.Open(kerneltest.Sign(key, f), opts)
		require.NoError(t, err, name)
		require.NotEmpty(t, d.StateID)
		_, err = kernel.OpenWorkflow(kerneltest.SignWorkflow(key, f), opts)
		require.NoError(t, err, name)
		_, err = kernel.Open(kerneltest.Sign(kerneltest.NewKey(), f), opts)
		require.Error(t, err, name)
	}
	_, err := kernel.Open(kerneltest.Sign(key, kerneltest.Fields{Payload: payload, Now: now.Add(-2 * time.Hour)}), opts)
	require.ErrorContains(t, err, "attestation")

	parsed, err := kernel.ParseKey(kerneltest.PublicPEM(key))
	require.NoError(t, err)
	require.True(t, parsed.Equal(&key.PublicKey))
}

func TestTheDaemonIsAway(t *testing.T) {
	t.Parallel()
	k, _ := daemon(t)
	k.Daemon = "http://127.0.0.1:1"
	_, err := k.Report(t.Context(), kerneltest.Failure{Webhook: hook, Plugin: kerneltest.Plugin{URL: "https://w.example"}, Message: "m"})
	require.ErrorContains(t, err, "post to")
}
