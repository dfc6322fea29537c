package daemon_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// An ear is a place that hooks lead to.
type ear struct {
	mu     sync.Mutex
	bodies []string
	url    string
}

func newEar(t *testing.T) *ear {
	t.Helper()
	e := &ear{}
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // a short one fails the test
		e.mu.Lock()
		defer e.mu.Unlock()
		e.bodies = append(e.bodies, string(body))
	}))
	t.Cleanup(server.Close)
	e.url = server.URL
	return e
}

func (e *ear) heard() []string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return append([]string(nil), e.bodies...)
}

// keep saves a case as it is.
func keep(t *testing.T, s daemon.Store, c hotfix.Case) {
	t.Helper()
	unlock, err := s.Lock(t.Context(), c.Fingerprint)
	require.NoError(t, err)
	defer unlock()
	require.NoError(t, s.SaveCase(t.Context(), c))
}

// regressed is a case that came back at that time.
func regressed(fp string, at time.Time) hotfix.Case {
	return hotfix.Case{Fingerprint: hotfix.Fingerprint(fp), Repo: repo, Issue: 5, State: hotfix.Regressed, Count: 4, First: at, Last: at,
		Latest: hotfix.Failure{Message: redact.Scrub("TypeError: <!channel> boom"), At: at},
		Moves:  []hotfix.Move{{To: hotfix.Regressed, On: hotfix.Failed, At: at, Because: "It failed at <v2> & has the fix."}}}
}

func TestHooksHearOnce(t *testing.T) {
	t.Parallel()
	plain, slack := newEar(t), newEar(t)
	w := newWorld(t, nil)
	var err error
	w.config.Hooks, err = daemon.ParseHooks(plain.url + ", slack+" + slack.url)
	require.NoError(t, err)
	w.daemon, err = daemon.New(w.config)
	require.NoError(t, err)
	keep(t, w.store, regressed("v1-a", w.clock.now()))
	keep(t, w.store, regressed("v1-old", w.clock.now().Add(-48*time.Hour)))
	ongoing := regressed("v1-b", w.clock.now())
	ongoing.State = hotfix.Ongoing
	keep(t, w.store, ongoing)
	for range 3 {
		require.NoError(t, w.daemon.Watch(t.Context()))
	}
	require.Len(t, plain.heard(), 1)
	var news daemon.News
	require.NoError(t, json.Unmarshal([]byte(plain.heard()[0]), &news))
	require.Equal(t, "regressed", news.Kind)
	require.Equal(t, hotfix.Fingerprint("v1-a"), news.Case)
	require.True(t, strings.HasSuffix(news.Issue, "/"+repo.String()+"/issues/5"), news.Issue)
	require.Len(t, slack.heard(), 1)
	require.NotContains(t, slack.heard()[0], "<!channel>", "nobody is mentioned")
	var message map[string]string
	require.NoError(t, json.Unmarshal([]byte(slack.heard()[0]), &message))
	require.Contains(t, message["text"], "&lt;v2&gt; &amp; has the fix")
}

// An outage over several plugins is one piece of news, however many cases it has.
func TestHooksHearOfAnIncident(t *testing.T) {
	t.Parallel()
	plain := newEar(t)
	w := severalPlugins(t, "p0", "p1", "p2")
	var err error
	w.config.Hooks, err = daemon.ParseHooks(plain.url)
	require.NoError(t, err)
	w.daemon, err = daemon.New(w.config)
	require.NoError(t, err)
	w.plugin(t, "alone", "p0", "HTTP (target: https://p0.example) 503: no healthy upstream", "")
	require.NoError(t, w.daemon.Watch(t.Context()))
	require.Empty(t, plain.heard(), "one plugin is no incident")
	for _, name := range []string{"p1", "p2"} {
		w.plugin(t, name, name, "HTTP (target: https://"+name+".example) 503: no healthy upstream", "")
	}
	for range 2 {
		require.NoError(t, w.daemon.Watch(t.Context()))
	}
	require.Len(t, plain.heard(), 1)
	var news daemon.News
	require.NoError(t, json.Unmarshal([]byte(plain.heard()[0]), &news))
	require.Equal(t, "incident", news.Kind)
	require.Equal(t, "3 plugins fail in the same way at the same time: acme/p0:compute.yml, acme/p1:compute.yml, acme/p2:compute.yml.", news.Says)
	require.True(t, strings.HasSuffix(news.Issue, "/acme/p0/issues/1"), news.Issue)
}

func TestHooksAreNotFlooded(t *testing.T) {
	t.Parallel()
	plain := newEar(t)
	w := newWorld(t, nil)
	var err error
	w.config.Hooks, err = daemon.ParseHooks(plain.url)
	require.NoError(t, err)
	w.daemon, err = daemon.New(w.config)
	require.NoError(t, err)
	for i := range 15 {
		keep(t, w.store, regressed(fmt.Sprint("v1-", i), w.clock.now()))
	}
	require.NoError(t, w.daemon.Watch(t.Context()))
	require.Len(t, plain.heard(), 10)
	require.Contains(t, plain.heard()[9], "held back")
}

func TestHooksMustBeAddresses(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"hooks.example", "http://hooks.example", "slack+ftp://x"} {
		_, err := daemon.ParseHooks(bad)
		require.ErrorContains(t, err, "https://", bad)
	}
}

// The status issue is one, says how things stand, and stays closed when somebody closed it.
func TestTheStatusIssue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	s, err := store.Open(t.Context(), store.Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "hotfix.db")})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, s.Close()) })
	connect := w.config.Connect
	w.config.Store, w.config.Ledger, w.config.Status = s, s, []hotfix.Repo{repo}
	w.config.Connect = func(redact.Secret) daemon.Forge { return connect(w.forge.Token()) }
	w.daemon, err = daemon.New(w.config)
	require.NoError(t, err)
	c := regressed("v1-a", w.clock.now())
	c.Issue, c.Latest.Message = 0, redact.Scrub("TypeError: boom @everyone")
	keep(t, s, c)
	for range 2 {
		require.NoError(t, w.daemon.Watch(t.Context()))
	}
	require.Len(t, w.forge.Issues(repo), 1)
	issue := w.forge.Issues(repo)[0]
	require.Contains(t, issue.Body, "| Open problems | 1 |")
	require.Contains(t, issue.Body, "4 failures, regressed")
	require.NotContains(t, issue.Body, "@everyone")
	require.NoError(t, w.forge.SetState(repo, issue.Number, "closed", "not_planned"))
	writes := len(w.forge.Writes())
	require.NoError(t, w.daemon.Watch(t.Context()))
	require.Len(t, w.forge.Writes(), writes)
}
