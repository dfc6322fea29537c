package main

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
)

// A lockedLog is written by the program and read by the test.
type lockedLog struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *lockedLog) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *lockedLog) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// A failure that quotes every credential of the daemon's environment, used or not, is counted and published, and none of them
// stands in the issue, the log, the store, the dashboard or the figures afterwards. (What foreign code, a model and a transcript get
// to see is tested in internal/engine.) The environment holds the credentials, so this test cannot run beside others.
func TestNoCredentialOfTheEnvironmentGoesAnywhere(t *testing.T) {
	gh, err := forgetest.Start()
	require.NoError(t, err)
	t.Cleanup(gh.Close)
	repo := hotfix.Repo{Owner: "acme", Name: "greet"}
	require.NoError(t, gh.AddRepo(repo, map[string]string{"a": "a"}))
	secrets := map[string]string{"GITHUB_TOKEN": gh.Token().Reveal()}
	for i, name := range []string{"HOTFIX_WEBHOOK_SECRET", "HOTFIX_DASHBOARD_TOKEN", "SENTRY_SECRET", "HOTFIX_KEY", "GEMINI_API_KEY", "PGPASSWORD", "NPM_TOKEN", "AWS_SECRET_ACCESS_KEY"} {
		secrets[name] = strings.Repeat(string(rune('a'+i))+"Zk8q", 6) // no form that would give it away
	}
	quoted := "boom"
	for name, value := range secrets {
		t.Setenv(name, value)
		quoted += " " + value
	}
	t.Setenv("SOME_DATABASE", "postgres://u:"+secrets["PGPASSWORD"]+"@host/db")
	key := kerneltest.NewKey()
	dir := t.TempDir()
	public := filepath.Join(t.TempDir(), "kernel.pem")
	require.NoError(t, os.WriteFile(public, kerneltest.PublicPEM(key), 0o600))

	ctx, stop := context.WithCancel(context.Background())
	var log lockedLog
	ended := make(chan int, 1)
	go func() {
		ended <- run(ctx, []string{"serve", "--listen", "127.0.0.1:0", "--dashboard", "127.0.0.1:0", "--api-url", gh.API(), "--server-url", gh.URL(),
			"--public-key", public, "--data", dir, "--allow", repo.String(), "--no-fix", "--log-format", "json", "--log-level", "debug"}, streams{Out: &log, Err: &log})
	}()
	at := func(msg string) (address string) {
		form := regexp.MustCompile(`"msg":"` + msg + `","address":"([^"]+)"`)
		require.Eventually(t, func() bool {
			m := form.FindStringSubmatch(log.String())
			if m != nil {
				address = m[1]
			}
			return m != nil
		}, time.Minute, 10*time.Millisecond, "%s", &log)
		return address
	}
	body := kerneltest.Sign(key, kerneltest.Fields{Token: gh.Token().Reveal(), Payload: kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: repo.Owner, Repo: repo.Name, Ref: "main"}, Message: quoted,
		Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}.Payload()})
	res, err := http.Post(at("listening"), "application/json", bytes.NewReader(body))
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.Eventually(t, func() bool { return len(gh.Issues(repo)) > 0 }, time.Minute, 10*time.Millisecond, "%s", &log)

	places := map[string][]byte{}
	for _, page := range []string{"/index.json", "/cases.json", "/cases", "/work.json", "/abstained.json"} {
		req, err := http.NewRequestWithContext(ctx, http.MethodGet, at("dashboard")+page, nil)
		require.NoError(t, err)
		req.Header.Set("Authorization", "Bearer "+secrets["HOTFIX_DASHBOARD_TOKEN"])
		res, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		places["the page "+page], err = io.ReadAll(res.Body)
		require.NoError(t, err)
		require.Equal(t, http.StatusOK, res.StatusCode, page)
	}
	stop()
	require.Equal(t, 0, <-ended, "%s", &log)
	places["the log"] = []byte(log.String())
	places["what was published"], err = json.Marshal(gh.Issues(repo))
	require.NoError(t, err)
	require.Contains(t, string(places["what was published"]), "[REDACTED", "the failure did quote them")
	nowhere(t, dir, secrets, places)
}

// nowhere adds the files in dir to the places, and requires that no secret is in any of them: whole, encoded or most of it.
func nowhere(t *testing.T, dir string, secrets map[string]string, places map[string][]byte) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			places["the file "+d.Name()], err = os.ReadFile(path)
		}
		return err
	}))
	require.Contains(t, places, "the file hotfix.db")
	for name, secret := range secrets {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret)), secret[:len(secret)-4]} {
			for place, data := range places {
				require.False(t, bytes.Contains(data, []byte(form)), "%s is in %s", name, place)
			}
		}
	}
}
