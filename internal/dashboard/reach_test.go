package dashboard_test

import (
	"bufio"
	"encoding/json"
	"net/http"
	"net/url"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/dashboard"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

var closed = hotfix.Repo{Owner: "acme", Name: "vault"}

// twoRepos is a world with a problem and an attempt in each of two repositories, of which mona can read one. ahead moves
// the dashboard's clock.
func twoRepos(t *testing.T) (w *world, open hotfix.Case, ahead *atomic.Int64) {
	t.Helper()
	ahead = &atomic.Int64{}
	w = newWorld(t, dashboard.Config{OAuth: &dashboard.OAuth{}, Now: func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) },
		Limits: dashboard.Limits{Repositories: []string{repo.String(), closed.String()}}})
	require.NoError(t, w.stage.Forge.AddRepo(closed, map[string]string{"README.md": "vault\n"}))
	w.stage.Forge.AddUser("mona", "none", closed)
	w.postFailure("TypeError: boom")
	s := w.stage.Engine.Store()
	rows, _, err := s.CaseRows(t.Context(), store.CaseQuery{})
	require.NoError(t, err)
	require.Len(t, rows, 1)
	open = w.one(rows[0].Fingerprint)
	hidden := hotfix.Case{Fingerprint: "v1-vault", Repo: closed, Via: open.Via, State: hotfix.New, Count: 1, First: time.Now(), Last: time.Now(),
		Latest: hotfix.Failure{ID: "x", Plugin: hotfix.Plugin{ID: "acme/vault:compute.yml", Repo: closed}, Message: redact.Scrub("the combination is wrong"), At: time.Now()}}
	unlock, err := s.Lock(t.Context(), hidden.Fingerprint)
	require.NoError(t, err)
	require.NoError(t, s.SaveCase(t.Context(), hidden, hotfix.NextReport))
	unlock()
	for _, c := range []hotfix.Case{open, hidden} {
		w.attempted(c.Fingerprint)
	}
	return w, open, ahead
}

// signedIn is a browser in which login has signed in with GitHub.
func (w *world) signedIn(login string) *http.Client {
	w.t.Helper()
	w.stage.Forge.Visit(login)
	c := w.browserless()
	c.CheckRedirect = nil
	status, page := w.fetch(c, "/sign-in/github")
	require.Equal(w.t, http.StatusOK, status, page)
	require.Contains(w.t, page, "Overview")
	return c
}

// everyPage lists what shows more than one problem.
var everyPage = []string{"/", "/index.json", "/?period=90d", "/cases", "/cases.json", "/cases.json?q=wrong", "/runs", "/runs.json", "/drafts", "/drafts.json",
	"/abstained", "/abstained.json", "/work", "/work.json"}

// Whoever signed in with GitHub sees the problems of repositories that they can read there, and nothing of the others: on no
// page, in no JSON, in no stream. What they can read is asked again after a while, and GitHub's silence shows nothing.
func TestAViewerSeesWhatTheyCanRead(t *testing.T) {
	t.Parallel()
	w, open, ahead := twoRepos(t)
	mona := w.signedIn("mona")
	for _, path := range everyPage {
		status, page := w.fetch(mona, path)
		require.Equal(t, http.StatusOK, status, path)
		require.NotContains(t, page, "vault", path)
		require.NotContains(t, page, "combination", path)
	}
	for path, want := range map[string]int{"/cases/" + string(open.Fingerprint): 200, "/runs/" + string(open.Fingerprint) + "-1": 200,
		"/cases/v1-vault": 404, "/cases/v1-vault.json": 404, "/runs/v1-vault-1": 404, "/runs/v1-vault-1.json": 404} {
		status, _ := w.fetch(mona, path)
		require.Equal(t, want, status, path)
	}
	status, _ := w.post(mona, "/cases/v1-vault/ask", url.Values{"verb": {"ignore"}, "csrf": {w.csrf(mona, "/")}})
	require.Equal(t, http.StatusNotFound, status)
	for _, path := range []string{"/cases/v1-vault/live", "/runs/v1-vault-1/live"} {
		status, stream := w.fetch(mona, path) // which would go on for ever
		require.Equal(t, http.StatusOK, status)
		require.NotContains(t, stream, "event:", path)
	}
	var list struct{ Total int }
	sees := func() int {
		_, body := w.fetch(mona, "/cases.json")
		require.NoError(t, json.Unmarshal([]byte(body), &list))
		return list.Total
	}
	require.Equal(t, 1, sees())
	w.stage.Forge.AddUser("mona", "read", closed)
	require.Equal(t, 1, sees(), "GitHub is asked at most every few minutes")
	ahead.Store(int64(6 * time.Minute))
	require.Equal(t, 2, sees())
	w.stage.Forge.AddUser("mona", "none", closed)
	w.stage.Forge.AddUser("mona", "none", repo)
	ahead.Store(int64(12 * time.Minute))
	require.Equal(t, 0, sees())
	w.stage.Forge.AddUser("mona", "admin", closed, repo)
	w.stage.Forge.FailRate(1, 1, forgetest.Fault{Status: http.StatusInternalServerError})
	ahead.Store(int64(18 * time.Minute))
	require.Equal(t, 0, sees(), "without an answer nothing is shown")
}

// A stream ends when its viewer may no longer read the repository.
func TestALiveRunEndsWithTheRight(t *testing.T) {
	t.Parallel()
	w, open, ahead := twoRepos(t)
	s := w.stage.Engine.Store()
	id := string(open.Fingerprint) + "-1"
	run, err := s.Run(t.Context(), id)
	require.NoError(t, err)
	run.Stop = "" // under way
	require.NoError(t, s.SaveRun(t.Context(), id, run))
	mona := w.signedIn("mona")
	res, err := mona.Get(w.base + "/runs/" + id + "/live")
	require.NoError(t, err)
	defer res.Body.Close()
	lines := bufio.NewScanner(res.Body)
	for lines.Scan() && lines.Text() != "event: step" {
	}
	require.NoError(t, lines.Err())
	w.stage.Forge.AddUser("mona", "none", repo)
	ahead.Store(int64(6 * time.Minute))
	run.Steps = append(run.Steps, step("the answer to everything"))
	require.NoError(t, s.SaveRun(t.Context(), id, run))
	for lines.Scan() { // until the server hangs up
		require.NotContains(t, lines.Text(), "the answer to everything")
	}
	require.NoError(t, lines.Err())
}

// Whoever holds the token, or sits at the machine, sees everything.
func TestTheOperatorSeesEverything(t *testing.T) {
	t.Parallel()
	w, _, _ := twoRepos(t)
	at, err := w.stage.ServePages(dashboard.Config{Token: redact.NewSecret(token())})
	require.NoError(t, err)
	w.base = at
	status, body := w.fetch(w.browserless(), "/cases.json", "Authorization", "Bearer "+token())
	require.Equal(t, http.StatusOK, status)
	require.Contains(t, body, "acme/vault")
	require.Contains(t, body, "acme/greet")
}
