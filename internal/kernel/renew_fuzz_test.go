package kernel

import (
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// An answer is what a kernel says to every request.
type answer struct {
	status int
	body   string
}

func (a answer) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: a.status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(a.body))}, nil
}

// FuzzRenewal: whatever the kernel answers, there is a token afterwards, and it is another one only if nothing is reported.
func FuzzRenewal(f *testing.F) {
	for _, body := range []string{`{"authToken":"t","ubiquityKernelToken":"u","expiresAt":"2026-05-04T13:00:00Z"}`, `{"authToken":"t","expiresAt":"x"}`, `{"authToken":"t","expiresAt":null}`,
		`{"authToken":7}`, `{"authToken":""}`, `[]`, `<html>`, ``} {
		f.Add(200, body)
	}
	f.Add(302, `{"authToken":"t"}`)
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	old, word := redact.NewSecret("old"), redact.NewSecret("a.e30.b")
	f.Fuzz(func(t *testing.T, status int, body string) {
		r, err := NewRenewer("https://kernel.example", &http.Client{Transport: answer{status, body}}, func() time.Time { return now })
		require.NoError(t, err)
		token, attestation, err := r.Renew(t.Context(), old, word)
		require.False(t, token.Empty() || attestation.Empty())
		if err != nil {
			require.Equal(t, []redact.Secret{old, word}, []redact.Secret{token, attestation})
			require.NotContains(t, err.Error(), "authToken", "the answer may hold a token")
		} else {
			require.Equal(t, http.StatusOK, status)
		}
	})
}

// FuzzKey: a text is a key that is long enough to trust, or an error.
func FuzzKey(f *testing.F) {
	for _, s := range []string{DefaultKey, strings.ReplaceAll(DefaultKey, "\n", `\n`), DefaultKey[:200], strings.ReplaceAll(DefaultKey, "PUBLIC KEY", "CERTIFICATE"), ""} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		key, err := ParseKey(text)
		if err == nil {
			require.GreaterOrEqual(t, key.Size(), 256)
		}
	})
}
