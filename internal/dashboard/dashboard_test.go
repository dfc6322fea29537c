package dashboard_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/dashboard"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestNewSaysWhatIsMissing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{})
	good := dashboard.Config{Store: w.stage.Engine.Store(), Key: make([]byte, 32)}
	tests := []struct {
		name, says string
		change     func(*dashboard.Config)
	}{
		{"store", "Store is required", func(c *dashboard.Config) { c.Store = nil }},
		{"key", "at least 32 bytes", func(c *dashboard.Config) { c.Key = c.Key[:31] }},
		{"weak token", "fewer than 16 characters", func(c *dashboard.Config) { c.Token = redact.NewSecret("short") }},
		{"GitHub without an address", "public address", func(c *dashboard.Config) { c.OAuth = &dashboard.OAuth{} }},
		{"half of a client", "id and its secret", func(c *dashboard.Config) { c.Base = "https://x.example"; c.OAuth = &dashboard.OAuth{ID: "x"} }},
		{"address", "https://", func(c *dashboard.Config) { c.Base = "x.example" }},
	}
	for _, tt := range tests {
		cfg := good
		tt.change(&cfg)
		_, err := dashboard.New(cfg)
		require.ErrorContains(t, err, tt.says, tt.name)
	}
}

// Every answer carries the headers that keep a page to itself, whatever it is.
func TestHeaders(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{})
	for _, path := range []string{"/", "/index.json", "/nothing", "/cases/v1-none", "/assets/app.js", "/sign-in"} {
		res, err := w.browserless().Get(w.base + path)
		require.NoError(t, err)
		require.NoError(t, res.Body.Close())
		policy := res.Header.Get("Content-Security-Policy")
		require.Contains(t, policy, "default-src 'none'", path)
		require.NotContains(t, policy, "unsafe", path)
		require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"), path)
		require.Equal(t, "DENY", res.Header.Get("X-Frame-Options"), path)
	}
}

// A name on the internet can be made to point at 127.0.0.1, so a page there must not read this one.
func TestOnlyItsOwnNamesAreServed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{})
	status, _ := w.fetch(w.browserless(), "/", "Host", "evil.example")
	require.Equal(t, http.StatusMisdirectedRequest, status)
	for _, host := range []string{"localhost:1", "127.0.0.1:1", "[::1]:1", "localhost"} {
		status, _ = w.fetch(w.browserless(), "/", "Host", host)
		require.Equal(t, http.StatusOK, status, host)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{})
	for _, path := range []string{"/cases/v1-none", "/runs/v1-none-1", "/runs/x", "/nothing", "/assets/none.js"} {
		status, _ := w.fetch(w.browserless(), path)
		require.Equal(t, http.StatusNotFound, status, path)
	}
	status, body := w.fetch(w.browserless(), "/cases/v1-none.json")
	require.Equal(t, http.StatusNotFound, status)
	require.JSONEq(t, `{"error": "The daemon knows no problem v1-none."}`, body)
}

func token() string { return strings.Repeat("correct-horse", 3) }

func TestTheTokenIsNeeded(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{Token: redact.NewSecret(token())})
	stranger := w.browserless()
	status, _ := w.fetch(stranger, "/cases")
	require.Equal(t, http.StatusSeeOther, status)
	for _, path := range []string{"/index.json", "/cases.json", "/live.json"} {
		status, _ = w.fetch(stranger, path)
		require.Equal(t, http.StatusUnauthorized, status, path)
	}
	status, _ = w.fetch(stranger, "/index.json", "Authorization", "Bearer "+token())
	require.Equal(t, http.StatusOK, status)
	for range 10 { // guessing
		status, _ = w.post(stranger, "/sign-in", url.Values{"token": {"wrong"}})
		require.Equal(t, http.StatusUnauthorized, status)
	}
	status, _ = w.post(stranger, "/sign-in", url.Values{"token": {token()}})
	require.Equal(t, http.StatusTooManyRequests, status, "not even the right one, for a while")
}

// A session cannot be made up, changed or carried over to another dashboard.
func TestSessionsAreSigned(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{Token: redact.NewSecret(token()), Login: "mona"})
	c := w.browserless()
	_, _ = w.post(c, "/sign-in", url.Values{"token": {token()}})
	at, err := url.Parse(w.base)
	require.NoError(t, err)
	var session string
	for _, cookie := range c.Jar.Cookies(at) {
		session = cookie.Value
	}
	status, _ := w.fetch(c, "/index.json")
	require.Equal(t, http.StatusOK, status)
	other := newWorld(t, dashboard.Config{Token: redact.NewSecret(token()), Login: "mona"})
	for name, cookie := range map[string]string{"changed": "A" + session[1:], "cut": session[:len(session)-1], "empty": ".", "no signature": strings.Split(session, ".")[0]} {
		status, _ = w.fetch(w.browserless(), "/index.json", "Cookie", "hotfix_session="+cookie)
		require.Equal(t, http.StatusUnauthorized, status, name)
	}
	status, _ = other.fetch(other.browserless(), "/index.json", "Cookie", "hotfix_session="+session)
	require.Equal(t, http.StatusUnauthorized, status, "another key")
}

// What a button does takes write access, a form that was made for the viewer, and a page of this site.
func TestWhoMayAct(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name, login string
		form        func(csrf string) url.Values
		header      []string
		status      int
		state       hotfix.State
	}{
		{"a maintainer", "mona", good, nil, http.StatusSeeOther, hotfix.Ignored},
		{"a reader", "rita", good, nil, http.StatusForbidden, hotfix.New},
		{"nobody in particular", "", good, nil, http.StatusForbidden, hotfix.New},
		{"without the form's secret", "mona", func(string) url.Values { return url.Values{"verb": {"ignore"}} }, nil, http.StatusForbidden, hotfix.New},
		{"with another's", "mona", func(string) url.Values { return url.Values{"verb": {"ignore"}, "csrf": {"x"}} }, nil, http.StatusForbidden, hotfix.New},
		{"from another site", "mona", good, []string{"Origin", "https://evil.example", "Sec-Fetch-Site", "cross-site"}, http.StatusForbidden, hotfix.New},
		{"what does not exist", "mona", func(csrf string) url.Values { return url.Values{"verb": {"merge"}, "csrf": {csrf}} }, nil, http.StatusSeeOther, hotfix.New},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, dashboard.Config{Login: tt.login})
			c := w.fails("TypeError: boom")
			maintainer := w.browserless()
			path := "/cases/" + string(c.Fingerprint)
			csrf := "none"
			_, page := w.fetch(maintainer, path)
			if m := csrfField.FindStringSubmatch(page); m != nil {
				csrf = m[1]
			} else {
				require.NotContains(t, page, "/ask", "who may not act has no buttons")
			}
			status, body := w.post(maintainer, path+"/ask", tt.form(csrf), tt.header...)
			require.Equal(t, tt.status, status, body)
			require.Equal(t, tt.state, w.one(c.Fingerprint).State)
			require.Equal(t, tt.state == hotfix.Ignored, w.issue().State == "closed")
			require.Equal(t, tt.state == hotfix.Ignored, len(w.one(c.Fingerprint).Audit) == 1)
		})
	}
}

func good(csrf string) url.Values {
	return url.Values{"verb": {"ignore"}, "args": {"not worth it"}, "csrf": {csrf}}
}

// Each button is the command of the same name: it leaves the same line in the record and the same answer in the issue.
func TestButtonsAreCommands(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{Login: "mona"})
	c := w.fails("TypeError: boom")
	client, path := w.browserless(), "/cases/"+string(c.Fingerprint)
	tests := []struct{ verb, args, says string }{
		{"retry", "try harder", "No attempt is made."},
		{"snooze", "7d", "Quiet until"},
		{"unignore", "", "Taken up again."},
		{"snooze", "soon", "It needs a time"},
		{"dup", "#99", "keeps no issue 99"},
		{"ignore", "<b>bold</b> @everyone", "Ignored"},
		{"stop", "", "no more are made"},
	}
	for _, tt := range tests {
		csrf := w.csrf(client, path)
		status, body := w.post(client, path+"/ask", url.Values{"verb": {tt.verb}, "args": {tt.args}, "csrf": {csrf}})
		require.Equal(t, http.StatusSeeOther, status, "%s: %s", tt.verb, body)
		_, page := w.fetch(client, path)
		require.Contains(t, page, tt.says, tt.verb)
		_, page = w.fetch(client, path)
		require.NotContains(t, page, `class="said"`, "it is said once")
	}
	var verbs []string
	for _, line := range w.one(c.Fingerprint).Audit {
		require.Equal(t, "mona", line.Actor)
		verbs = append(verbs, line.Verb)
	}
	require.Equal(t, []string{"retry", "snooze", "unignore", "ignore", "stop"}, verbs)
	require.Len(t, w.issue().Comments, len(tests), "each was answered in the issue")
}
