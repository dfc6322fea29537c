package dashboard

import (
	"encoding/base64"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
