package dashboard

import (
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
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
