package dashboard_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"os"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/dashboard"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestMain(m *testing.M) {
	status := m.Run()
	if chromium.cancel != nil {
		chromium.cancel()
	}
	os.Exit(status)
}

var repo = hotfix.Repo{Owner: "acme", Name: "greet"}

// A world is a stage with problems on it, and its dashboard.
type world struct {
	t     *testing.T
	stage *evals.Stage
	base  string
}

// newWorld starts a daemon and its dashboard. mona may write to the repository and rita may read it.
func newWorld(t *testing.T, cfg dashboard.Config) *world {
	t.Helper()
	s, err := evals.NewStage(context.Background(), evals.StageConfig{Dir: t.TempDir(), Allow: []hotfix.Repo{repo},
		NoFix: "this is a test of the dashboard", Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	require.NoError(t, s.Forge.AddRepo(repo, map[string]string{"README.md": "greet\n"}))
	s.Forge.AddUser("mona", "write", repo)
	s.Forge.AddUser("rita", "read", repo)
	cfg.Poll = 50 * time.Millisecond
	base, err := s.ServePages(cfg)
	require.NoError(t, err)
	return &world{t, s, base}
}

// fails lets the kernel report that a plugin failed with this message, and returns the case.
func (w *world) fails(message string) hotfix.Case {
	w.t.Helper()
	w.postFailure(message)
	var list struct {
		Cases []struct{ Fingerprint hotfix.Fingerprint }
	}
	w.json("/cases.json?order=first", &list)
	require.NotEmpty(w.t, list.Cases)
	return w.one(list.Cases[0].Fingerprint)
}

// postFailure is fails for a dashboard that has to be signed in to.
func (w *world) postFailure(message string) {
	w.t.Helper()
	body := kerneltest.Sign(w.stage.Key, kerneltest.Fields{Token: w.stage.Forge.Token().Reveal(),
		Payload: kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: "acme", Repo: "greet", Ref: "main"}, Message: message,
			Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}.Payload()})
	res, err := http.Post(w.stage.Address, "application/json", strings.NewReader(string(body)))
	require.NoError(w.t, err)
	require.NoError(w.t, res.Body.Close())
	require.Equal(w.t, http.StatusOK, res.StatusCode)
	ctx, cancel := context.WithTimeout(w.t.Context(), time.Minute)
	defer cancel()
	require.NoError(w.t, w.stage.Settle(ctx))
}

func (w *world) one(fp hotfix.Fingerprint) hotfix.Case {
	w.t.Helper()
	c, err := w.stage.Engine.Store().Case(w.t.Context(), fp)
	require.NoError(w.t, err)
	return c
}

// change saves a case as the daemon would.
func (w *world) change(fp hotfix.Fingerprint, f func(*hotfix.Case)) {
	w.t.Helper()
	s := w.stage.Engine.Store()
	unlock, err := s.Lock(w.t.Context(), fp)
	require.NoError(w.t, err)
	defer unlock()
	c := w.one(fp)
	f(&c)
	require.NoError(w.t, s.SaveCase(w.t.Context(), c))
}

// json reads the JSON beside a page, which must have no need to sign in.
func (w *world) json(path string, into any) {
	w.t.Helper()
	res, err := http.Get(w.base + path)
	require.NoError(w.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	require.Equal(w.t, http.StatusOK, res.StatusCode, "%s: %s", path, raw)
	require.NoError(w.t, json.Unmarshal(raw, into), "%s: %s", path, raw)
}

const diffText = `diff --git a/src/greet.js b/src/greet.js
--- a/src/greet.js
+++ b/src/greet.js
@@ -1,3 +1,3 @@
 export function greet(name) {
-  return name.trim();
+  return (name ?? "").trim();
 }
`

// step is one step of a run that says this.
func step(says string, calls ...agent.Call) agent.Step {
	return agent.Step{Reply: says, Calls: calls, Tokens: agent.Tokens{In: 900, Out: 100}, Cost: 0.02, Took: 2 * time.Second}
}

func call(tool, args, result string) agent.Call {
	return agent.Call{ID: tool, Tool: tool, Args: json.RawMessage(args), Result: result, Took: time.Second}
}

// attempted gives a case an attempt that ended with a draft, and its transcript.
func (w *world) attempted(fp hotfix.Fingerprint) string {
	w.t.Helper()
	id := fmt.Sprintf("%s-1", fp)
	run := &agent.Run{Task: agent.Task{ID: id, System: "You fix bugs.", Prompt: "This failed."}, Model: "test:model", Stop: agent.Finished, Took: 4 * time.Second,
		Steps: []agent.Step{step("Reading the source.", call("read-file", `{"path":"src/greet.js"}`, "1: export function greet(name) {")),
			step("", call("write-patch", `{"edits":[{"path":"src/greet.js","old":"name.trim()","new":"(name ?? \"\").trim()"}]}`, "Changed src/greet.js"))}}
	require.NoError(w.t, w.stage.Engine.Store().SaveRun(w.t.Context(), id, run))
	pass, fail := hotfix.TestRun{Passed: true}, hotfix.TestRun{Exit: 1}
	w.change(fp, func(c *hotfix.Case) {
		c.State = hotfix.Fixing
		c.Attempts = []hotfix.Attempt{{RunID: id, By: "policy", Started: time.Now().Add(-time.Minute), Ended: time.Now(), Steps: 2, Tokens: 2000, Cost: 0.04,
			Outcome: hotfix.Outcome{Ending: hotfix.DraftOpened, PR: 2, Patch: &hotfix.Patch{Diff: diffText}, Says: redact.Scrub("A missing name is an empty one."),
				Evidence: hotfix.Evidence{Before: []hotfix.TestRun{fail}, After: []hotfix.TestRun{pass}, Base: &pass, Suite: &pass}}}}
	})
	return id
}

// A browserless is a client that keeps cookies and follows no redirect.
func (w *world) browserless() *http.Client {
	jar, err := cookiejar.New(nil)
	require.NoError(w.t, err)
	return &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// fetch returns a page's status and text.
func (w *world) fetch(c *http.Client, path string, header ...string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodGet, w.base+path, nil)
	require.NoError(w.t, err)
	return w.send(c, req, header...)
}

// post sends a form.
func (w *world) post(c *http.Client, path string, form url.Values, header ...string) (int, string) {
	w.t.Helper()
	req, err := http.NewRequest(http.MethodPost, w.base+path, strings.NewReader(form.Encode()))
	require.NoError(w.t, err)
	req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	return w.send(c, req, header...)
}

func (w *world) send(c *http.Client, req *http.Request, header ...string) (int, string) {
	w.t.Helper()
	for i := 0; i < len(header); i += 2 {
		req.Header.Set(header[i], header[i+1])
		if header[i] == "Host" {
			req.Host = header[i+1]
		}
	}
	res, err := c.Do(req)
	require.NoError(w.t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(w.t, err)
	return res.StatusCode, string(raw)
}

var csrfField = regexp.MustCompile(`name="csrf" value="([^"]+)"`)

// csrf is what forms of a page carry for this client.
func (w *world) csrf(c *http.Client, path string) string {
	w.t.Helper()
	_, page := w.fetch(c, path)
	m := csrfField.FindStringSubmatch(page)
	require.NotNil(w.t, m, "the page has no form:\n%s", page)
	return m[1]
}

// issue is the one issue of the repository.
func (w *world) issue() forgetest.Issue {
	w.t.Helper()
	list := w.stage.Forge.Issues(repo)
	require.Len(w.t, list, 1)
	return list[0]
}
