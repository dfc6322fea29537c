package kerneltest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
)

// The draft's guardrails, which the real kernel lacks.
func TestGuards(t *testing.T) {
	t.Parallel()
	k, notices := daemon(t)
	now := time.Now().Add(-50 * time.Minute)
	k.Now, k.Guards = func() time.Time { return now }, &kerneltest.Guards{PerRepo: 2, Within: 40 * time.Minute, NoSelf: true}
	fails := func(owner, repo string) {
		_, err := k.Report(t.Context(), kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: owner, Repo: repo, Ref: "main"}, Webhook: hook, Message: "boom"})
		require.NoError(t, err)
	}
	for range 4 {
		fails("acme", "greet")
	}
	fails("acme", "other")
	fails("acme", "daemon-hotfix")
	require.Len(t, notices(), 3, "two of one, one of another, none of our own")
	now = now.Add(40 * time.Minute)
	fails("acme", "greet")
	require.Len(t, notices(), 4)
	_, err := k.Report(t.Context(), kerneltest.Failure{Plugin: kerneltest.Plugin{URL: k.Daemon}, Webhook: hook, Message: "boom"})
	require.NoError(t, err)
	require.Len(t, notices(), 4)
}

// Events of workflows and checks need a repository key of the right name, a setting that is true, and the list.
func TestWhichEventsAreForwarded(t *testing.T) {
	t.Parallel()
	payload := map[string]any{"repository": map[string]any{"full_name": "Acme/App", "name": "App", "owner": map[string]any{"login": "Acme"}},
		"workflow_run": map[string]any{"id": 1, "conclusion": "failure", "head_sha": "abc"}}
	for _, c := range []struct {
		name, key, event string
		settings         any
		listeners        []string
		want             bool
	}{
		{"allowed", "acme/daemon-hotfix@main", "workflow_run.completed", map[string]any{"allowWorkflowEvents": true}, nil, true},
		{"not said", "acme/daemon-hotfix", "workflow_run.completed", map[string]any{"allowlistRepos": []string{"acme/app"}}, nil, false},
		{"a text is not true", "acme/daemon-hotfix", "check_run.completed", map[string]any{"allowWorkflowEvents": "true"}, nil, false},
		{"listed", "acme/daemon-hotfix:compute.yml@main", "check_suite.completed", map[string]any{"allowWorkflowEvents": true, "allowlistRepos": []string{"acme/app"}}, nil, true},
		{"not listed", "acme/daemon-hotfix", "workflow_run.completed", map[string]any{"allowWorkflowEvents": true, "allowlistRepos": []string{"acme/web"}}, nil, false},
		{"by URL", "https://hotfix.example", "workflow_run.completed", map[string]any{"allowWorkflowEvents": true}, nil, false},
		{"another name", "acme/hotfix", "workflow_run.completed", map[string]any{"allowWorkflowEvents": true}, nil, false},
		{"nobody listens", "acme/daemon-hotfix", "workflow_run.completed", map[string]any{"allowWorkflowEvents": true}, []string{"kernel.plugin_error"}, false},
		{"never passed on", "acme/daemon-hotfix", "deployment_status.created", map[string]any{"allowWorkflowEvents": true}, nil, false},
		{"other events are free", "https://hotfix.example", "issues.opened", map[string]any{}, nil, true},
	} {
		k, notices := daemon(t)
		k.PluginKey, k.Settings, k.Listeners = c.key, c.settings, c.listeners
		passed, _, err := k.Event(t.Context(), c.event, payload)
		require.NoError(t, err)
		require.Equal(t, c.want, passed, c.name)
		require.Equal(t, c.want, len(notices()) == 1, c.name)
	}
}

// A plugin that runs on GitHub Actions gets its inputs there; what GitHub answers is what the daemon hears.
func TestDispatchOfAWorkflow(t *testing.T) {
	t.Parallel()
	var got *kernel.Delivery
	status := http.StatusNoContent
	github := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/repos/acme/greet/actions/workflows/compute.yml/dispatches", r.URL.Path)
		var body struct {
			Ref    string
			Inputs json.RawMessage
		}
		require.NoError(t, json.NewDecoder(r.Body).Decode(&body))
		file, err := json.Marshal(body)
		require.NoError(t, err)
		got, err = kernel.OpenWorkflow([]byte(`{"inputs":`+string(body.Inputs)+`}`), kernel.Options{Key: &key.PublicKey})
		require.NoError(t, err, string(file))
		w.WriteHeader(status)
		_, _ = w.Write([]byte(`{"message":"Unexpected inputs provided","documentation_url":"https://docs.example"}`))
	}))
	t.Cleanup(github.Close)
	k, notices := daemon(t)
	k.GitHub = github.URL
	plugin := kerneltest.Plugin{Owner: "acme", Repo: "greet", Ref: "dist/main", Settings: map[string]any{"a": 1}}
	told, _, err := k.Dispatch(t.Context(), hook, plugin)
	require.NoError(t, err)
	require.False(t, told)
	require.Equal(t, "dist/main", got.Ref)
	require.Equal(t, "issues.opened", got.Event)
	status = http.StatusUnprocessableEntity
	told, _, err = k.Dispatch(t.Context(), hook, plugin)
	require.NoError(t, err)
	require.True(t, told)
	f := notices()[0].Failure
	require.Equal(t, []any{422, "workflow", "acme/greet:compute.yml", "Unexpected inputs provided - https://docs.example"}, []any{f.Status, f.Category, f.Plugin.ID, f.Message.String()})
}

// What the draft has and the real kernel does not send is used when it is there.
func TestTheDraftsForm(t *testing.T) {
	t.Parallel()
	k, notices := daemon(t)
	f := kerneltest.Failure{Plugin: kerneltest.Plugin{URL: "https://w.example"}, Webhook: hook, Message: "HTTP 502: bad gateway"}
	f.Draft = &kerneltest.Draft{Category: "timeout", Status: 504, Stack: "Error: slow\n    at wait (src/wait.js:3:1)", Raw: "upstream took 30 s", ShortName: "acme/waiter@v2",
		Inputs: map[string]any{"limit": 5}, ResponseSnippet: "<h1>504</h1>", Retries: 2}
	_, err := k.Report(t.Context(), f)
	require.NoError(t, err)
	got := notices()[0].Failure
	require.Equal(t, []any{"timeout", 504, "acme/waiter", "v2"}, []any{got.Category, got.Status, got.Plugin.Repo.String(), got.Plugin.Ref})
	require.Contains(t, got.Stack.String(), "src/wait.js:3:1")
	logs := ""
	for _, l := range got.Logs {
		logs += l.String() + "\n"
	}
	for _, want := range []string{"response: <h1>504</h1>", "raw: upstream took 30 s", `inputs: {"limit":5}`, "retries: 2"} {
		require.Contains(t, logs, want)
	}
}
