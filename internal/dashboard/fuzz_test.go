package dashboard

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// FuzzSession: a cookie that we did not sign is nobody's.
func FuzzSession(f *testing.F) {
	d := &Dashboard{key: []byte(strings.Repeat("k", 32))}
	d.cfg.Now = time.Now
	body := base64.RawURLEncoding.EncodeToString([]byte(`{"login":"","how":"here","nonce":"n","until":"2999-01-01T00:00:00Z"}`))
	good := body + "." + d.sign("session", body)
	for _, s := range []string{good, good + "x", "A" + good, strings.Split(good, ".")[0] + ".", "e30.", ".", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, cookie string) {
		r := httptest.NewRequest(http.MethodGet, "/", nil)
		r.Header.Set("Cookie", sessionCookie+"="+cookie)
		if _, ok := d.session(r); ok {
			require.Equal(t, good, cookie)
		}
	})
}

// FuzzTarget: wherever somebody wants to go after signing in, it is on this dashboard.
func FuzzTarget(f *testing.F) {
	for _, s := range []string{"Lw", "Ly9ldmlsLmV4YW1wbGU", "aHR0cHM6Ly9ldmls", "L1x4", "####", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, encoded string) {
		to := target(encoded)
		u, err := url.Parse("https://here.example" + to)
		require.True(t, strings.HasPrefix(to, "/") && !strings.HasPrefix(to, "//"), to)
		if err == nil {
			require.Equal(t, "here.example", u.Host)
		}
	})
}

// A teller is a GitHub that grants with one text and says with another who somebody is.
type teller struct{ granted, user string }

func (g teller) RoundTrip(r *http.Request) (*http.Response, error) {
	body := g.user
	if r.Method == http.MethodPost {
		body = g.granted
	}
	return &http.Response{StatusCode: http.StatusOK, Body: io.NopCloser(strings.NewReader(body))}, nil
}

// FuzzSignIn: whatever GitHub answers, somebody who signs in has a name that GitHub gives to people, or is refused.
func FuzzSignIn(f *testing.F) {
	for _, s := range [][2]string{{`{"access_token":"t"}`, `{"login":"mona"}`}, {`{"access_token":"t"}`, `{"login":"../mona"}`}, {`{"access_token":"t"}`, `{"login":7}`},
		{`{"error":"bad_verification_code"}`, `{}`}, {`[]`, `{"login":"mona"}`}, {`{"access_token":"a\nb"}`, `{"login":"mona"}`}, {``, ``}} {
		f.Add(s[0], s[1])
	}
	f.Fuzz(func(t *testing.T, granted, user string) {
		o := &OAuth{ID: "id", Secret: redact.NewSecret("secret"), Server: "https://github.example", API: "https://api.github.example", HTTP: &http.Client{Transport: teller{granted, user}}}
		login, err := o.login(t.Context(), "code", "verifier", "https://here.example/back")
		if err != nil {
			require.Empty(t, login)
			return
		}
		require.Regexp(t, `^[A-Za-z0-9][A-Za-z0-9_-]*$`, login)
	})
}

// FuzzPages: whatever address somebody types, there is a page, a way elsewhere or a mistake of theirs, and nothing of it is markup.
func FuzzPages(f *testing.F) {
	for _, s := range [][2]string{{"/", "period=90d"}, {"/cases", "state=open&q=%3Cpwned%3E&order=count&from=-5"}, {"/cases", "q=%00%ff&plugin='&from=99999999999999999999"}, {"/cases/v1-7", ""},
		{"/cases/%3Cpwned%3E.json", ""}, {"/runs", "ending=%3Cpwned%3E&from=1000000"}, {"/runs/..%2f", ""}, {"/drafts.json", "%"}, {"/abstained", ";"}, {"/work", "a=b"}, {"//evil.example", ""}, {"/assets/..", ""}, {"/cases", "q=" + strings.Repeat("%25", 60_000)}} {
		f.Add(s[0], s[1])
	}
	s, err := store.Open(f.Context(), store.Config{DSN: "sqlite:" + filepath.Join(f.TempDir(), "pages.db")})
	require.NoError(f, err)
	f.Cleanup(func() { _ = s.Close() })
	unlock, err := s.Lock(f.Context(), "v1-7")
	require.NoError(f, err)
	now := time.Now()
	require.NoError(f, s.SaveCase(f.Context(), hotfix.Case{Fingerprint: "v1-7", Repo: hotfix.Repo{Owner: "acme", Name: "greet"}, State: hotfix.Ongoing, Count: 1, First: now, Last: now,
		Latest: hotfix.Failure{ID: "x", Plugin: hotfix.Plugin{ID: "acme/greet"}, Message: redact.Scrub("<pwned>"), At: now}}))
	unlock()
	d, err := New(Config{Store: s, Key: make([]byte, 32)})
	require.NoError(f, err)
	pages := d.Handler()
	f.Fuzz(func(t *testing.T, path, query string) {
		u, err := url.Parse("http://localhost" + path)
		if err != nil || u.Host != "localhost" {
			return
		}
		u.RawQuery = query
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.URL = u
		w := httptest.NewRecorder()
		pages.ServeHTTP(w, r)
		require.Less(t, w.Code, http.StatusInternalServerError, "%.200s", u)
		require.NotContains(t, w.Body.String(), "<pwned")
		require.NotRegexp(t, `^(//|https?:)`, w.Header().Get("Location"))
	})
}
