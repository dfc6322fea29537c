package engine_test

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/engine"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

var webhook = redact.NewSecret("the secret of a test's webhook")

// A place is a GitHub with our app installed, a kernel, and the engine behind both doors.
type place struct {
	forge  *forgetest.Forge
	engine *engine.Engine
	kernel kerneltest.Kernel
	server *httptest.Server
}

func newPlace(t *testing.T, change func(*engine.Config)) *place {
	t.Helper()
	f, err := forgetest.Start()
	require.NoError(t, err)
	t.Cleanup(f.Close)
	require.NoError(t, f.AddRepo(repo, map[string]string{"README.md": "greet\n"}))
	key, err := f.AddApp(7, "hotfix")
	require.NoError(t, err)
	github, err := forge.New(forge.Config{API: f.API(), Server: f.URL(), App: &forge.App{ID: 7, Key: key}})
	require.NoError(t, err)
	signer := kerneltest.NewKey()
	cfg := engine.Config{
		Store: store.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "hotfix.db"), Key: []byte(strings.Repeat("k", 32))}, Kernel: kernel.Options{Key: &signer.PublicKey},
		GitHub: kernel.Hook{Secret: webhook, Settings: json.RawMessage(`{"allowWorkflowEvents":true}`)}, Manifest: daemon.NewManifest("acme/daemon-hotfix@main", ""),
		Daemon: daemon.Config{Policy: triage.Policy{Allow: []hotfix.Repo{repo}}, Connect: func(token redact.Secret) daemon.Forge { return github.With(token) },
			NoFix: "this is a test of the doors", Key: []byte(strings.Repeat("k", 32)), Server: f.URL(), Log: slog.New(slog.DiscardHandler)},
	}
	if change != nil {
		change(&cfg)
	}
	e, err := engine.Open(t.Context(), cfg)
	require.NoError(t, err)
	require.NoError(t, e.Start(context.Background()))
	p := &place{forge: f, engine: e, server: httptest.NewServer(e.Handler())}
	p.kernel = kerneltest.Kernel{Key: signer, Daemon: p.server.URL, Settings: map[string]any{"allowWorkflowEvents": true}}
	t.Cleanup(func() {
		p.server.Close()
		ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
		defer cancel()
		require.NoError(t, e.Stop(ctx))
	})
	return p
}

// hook posts what GitHub itself would.
func (p *place) hook(t *testing.T, event, id string, payload map[string]any) (int, map[string]any) {
	t.Helper()
	body, err := json.Marshal(payload)
	require.NoError(t, err)
	mac := hmac.New(sha256.New, []byte(webhook.Reveal()))
	mac.Write(body)
	req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.server.URL+"/github", bytes.NewReader(body))
	require.NoError(t, err)
	for name, value := range map[string]string{"Content-Type": "application/json", "X-GitHub-Event": event, "X-GitHub-Delivery": id, "X-Hub-Signature-256": "sha256=" + hex.EncodeToString(mac.Sum(nil))} {
		req.Header.Set(name, value)
	}
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	answer := map[string]any{}
	require.NoError(t, json.Unmarshal(raw, &answer), "%s", raw)
	return res.StatusCode, answer
}

func (p *place) settle(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		wanted, err := p.engine.Store().Wanted(t.Context())
		return err == nil && len(wanted) == 0
	}, time.Minute, 20*time.Millisecond)
	parked, err := p.engine.Store().Parked(t.Context())
	require.NoError(t, err)
	require.Empty(t, parked)
}

// one is the only issue there is.
func (p *place) one(t *testing.T) forgetest.Issue {
	t.Helper()
	p.settle(t)
	require.Len(t, p.forge.Issues(repo), 1)
	return p.forge.Issues(repo)[0]
}

// incident is one failed run as GitHub tells of it: three events with texts of their own.
func incident(run int, sha string) map[string]map[string]any {
	repository := map[string]any{"name": repo.Name, "owner": map[string]any{"login": repo.Owner}, "full_name": repo.String()}
	suite := map[string]any{"id": run + 1, "head_sha": sha, "head_branch": "main", "conclusion": "failure"}
	return map[string]map[string]any{
		"workflow_run": {"action": "completed", "repository": repository, "workflow_run": map[string]any{"id": run, "name": "ci", "conclusion": "failure",
			"head_sha": sha, "head_branch": "main", "check_suite_id": run + 1, "event": "push"}},
		"check_run": {"action": "completed", "repository": repository, "check_run": map[string]any{"id": run + 2, "name": "build", "conclusion": "failure", "head_sha": sha,
			"check_suite": suite, "details_url": fmt.Sprintf("https://github.com/%s/actions/runs/%d/job/1", repo, run), "output": map[string]any{"title": "2 errors"}}},
		"check_suite": {"action": "completed", "repository": repository, "check_suite": suite},
	}
}

// One failure ends as one issue with an exact count, however often and by whatever way it is told.
func TestOneFailureIsCountedOnce(t *testing.T) {
	t.Parallel()
	greet := kerneltest.Plugin{Owner: "acme", Repo: "greet", Ref: "main"}
	hook := kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona", Delivery: "0b1c"}
	fails := func(t *testing.T, p *place, f kerneltest.Failure) {
		_, err := p.kernel.Report(t.Context(), f)
		require.NoError(t, err)
	}
	for _, c := range []struct {
		name string
		tell func(*testing.T, *place)
	}{
		{"redelivered", func(t *testing.T, p *place) { // the same webhook, dispatched anew: other state ids
			for range 3 {
				fails(t, p, kerneltest.Failure{Plugin: greet, Webhook: hook, Message: "boom"})
			}
		}},
		{"through two keys", func(t *testing.T, p *place) { // one failed dispatch, told to two subscriptions of ours
			f := kerneltest.Failure{Plugin: greet, Webhook: hook, Message: "boom", StateID: kerneltest.NewID()}
			fails(t, p, f)
			fails(t, p, f)
		}},
		{"three events from GitHub", func(t *testing.T, p *place) {
			for _, event := range []string{"check_run", "check_suite", "workflow_run"} {
				for _, id := range []string{event, event, event + "-again"} { // delivered again, and replayed under another id
					status, answer := p.hook(t, event, id, incident(500, "abc")[event])
					require.Equal(t, 200, status, answer)
				}
			}
		}},
		{"three events from the kernel", func(t *testing.T, p *place) {
			for _, event := range []string{"workflow_run", "check_suite", "check_run"} {
				_, err := p.kernel.Send(t.Context(), kerneltest.Fields{Event: event + ".completed", Payload: incident(500, "abc")[event]})
				require.NoError(t, err)
			}
		}},
		{"both ways", func(t *testing.T, p *place) {
			p.hook(t, "workflow_run", "d-1", incident(500, "abc")["workflow_run"])
			_, err := p.kernel.Send(t.Context(), kerneltest.Fields{Event: "check_run.completed", Payload: incident(500, "abc")["check_run"]})
			require.NoError(t, err)
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			p := newPlace(t, nil)
			c.tell(t, p)
			require.Contains(t, p.one(t).Body, "| Seen | 1 time,")
		})
	}
}

// comment is a new comment as GitHub tells of it.
func comment(issue int, by, body string) map[string]any {
	return map[string]any{"action": "created", "issue": map[string]any{"number": issue},
		"comment":    map[string]any{"id": 91, "body": body, "author_association": "MEMBER", "user": map[string]any{"login": by, "type": "User"}},
		"repository": map[string]any{"name": repo.Name, "owner": map[string]any{"login": repo.Owner}}}
}

func TestAPersonSteersWithoutTheKernel(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.forge.AddUser("ada", "write")
	p.hook(t, "workflow_run", "d-1", incident(500, "abc")["workflow_run"])
	n := p.one(t).Number
	for range 2 {
		status, answer := p.hook(t, "issue_comment", "d-2", comment(n, "ada", "A mock server.\n\n/hotfix ignore flaky"))
		require.Equal(t, 200, status, answer)
	}
	i := p.one(t)
	require.Equal(t, "closed", i.State)
	require.Len(t, i.Comments, 1)
	require.Equal(t, "hotfix[bot]", i.Comments[0].Author, "by our own app")
}

func TestGitHubsDoor(t *testing.T) {
	t.Parallel()
	p := newPlace(t, func(c *engine.Config) { c.GitHub.Secret = redact.NewSecret("another secret of a test") })
	status, answer := p.hook(t, "workflow_run", "d-1", incident(500, "abc")["workflow_run"])
	require.Equal(t, 400, status)
	require.Equal(t, kernel.StageSignature, answer["stage"])
	p.settle(t)
	require.Empty(t, p.forge.Calls())

	closed := newPlace(t, func(c *engine.Config) { c.GitHub = kernel.Hook{} })
	res, err := http.Post(closed.server.URL+"/github", "application/json", strings.NewReader("{}"))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusNotFound, res.StatusCode, "without a secret there is no such door")

	heard := []string{}
	p = newPlace(t, func(c *engine.Config) { c.Verified = func(d *kernel.Delivery) { heard = append(heard, d.Event) } })
	_, answer = p.hook(t, "installation", "d-1", map[string]any{"action": "created"})
	require.Equal(t, "installation", answer["output"].(map[string]any)["ignored"].(map[string]any)["rule"])
	require.Equal(t, []string{"installation.created"}, heard)
}

// Failed runs count only where the settings say so, whoever brings them.
func TestWorkflowEventsMustBeAllowed(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.kernel.Settings = map[string]any{}
	_, err := p.kernel.Send(t.Context(), kerneltest.Fields{Event: "workflow_run.completed", Payload: incident(500, "abc")["workflow_run"]})
	require.NoError(t, err)
	p.settle(t)
	require.Empty(t, p.forge.Issues(repo))
}
