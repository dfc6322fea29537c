package kerneltest_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// delivered is a verified delivery with a token.
func delivered(t *testing.T, at time.Time) *kernel.Delivery {
	t.Helper()
	payload := kerneltest.Failure{Plugin: kerneltest.Plugin{URL: "https://w.example"}, Webhook: hook, Message: "boom"}.Payload()
	body := kerneltest.Sign(key, kerneltest.Fields{Payload: payload, Token: "ghs_" + "first0first0first0first0first0first0", Now: at})
	d, err := kernel.Open(body, kernel.Options{Key: &key.PublicKey, Now: at})
	require.NoError(t, err)
	return d
}

func TestTokensAreRenewed(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 4, 22, 8, 0, 0, 0, time.UTC)
	now := start
	var asked []http.Header
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		require.Equal(t, "/internal/agent/refresh-token", r.URL.Path)
		asked = append(asked, r.Header)
		if len(asked) == 3 {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		_ = json.NewEncoder(w).Encode(map[string]any{"authToken": "ghs_" + "fresh0fresh0fresh0fresh0fresh0fresh0", "ubiquityKernelToken": "next", "expiresAt": now.Add(time.Hour)})
	}))
	t.Cleanup(server.Close)
	r, err := kernel.NewRenewer(server.URL+"/", server.Client(), func() time.Time { return now })
	require.NoError(t, err)
	d := delivered(t, start)
	r.Learn(d)
	token := func() string {
		got, err := r.Token(t.Context(), d.Token)
		require.NoError(t, err)
		return got.Reveal()
	}
	require.Equal(t, d.Token.Reveal(), token())
	require.Empty(t, asked, "it is good for an hour")
	now = start.Add(55 * time.Minute)
	require.Contains(t, token(), "fresh")
	require.Contains(t, token(), "fresh")
	require.Len(t, asked, 1)
	require.Equal(t, "Bearer "+d.Token.Reveal(), asked[0].Get("Authorization"))
	require.Equal(t, d.Attestation.Reveal(), asked[0].Get("X-Ubiquity-Kernel-Token"))
	require.Equal(t, []string{"acme", "app", "11"}, []string{asked[0].Get("X-GitHub-Owner"), asked[0].Get("X-GitHub-Repo"), asked[0].Get("X-GitHub-Installation-Id")})
	now = start.Add(110 * time.Minute)
	require.Contains(t, token(), "fresh")
	require.Equal(t, "next", asked[1].Get("X-Ubiquity-Kernel-Token"))
	now = start.Add(170 * time.Minute)
	got, err := r.Token(t.Context(), d.Token)
	require.ErrorContains(t, err, "answers 401")
	require.Contains(t, got.Reveal(), "fresh", "the old one may still do")

	other, err := r.Token(t.Context(), redact.NewSecret("a token that was never delivered"))
	require.NoError(t, err)
	require.Equal(t, "a token that was never delivered", other.Reveal())
	for _, bad := range []string{"", "http://kernel.example", "https://user:pw@kernel.example", "ftp://x"} {
		_, err := kernel.NewRenewer(bad, nil, nil)
		require.Error(t, err, bad)
	}
}

// TestADeliveryThatWasNeverShown: after a restart the renewer learns from what the store kept.
func TestADeliveryThatWasNeverShown(t *testing.T) {
	t.Parallel()
	start := time.Date(2026, 4, 22, 8, 0, 0, 0, time.UTC)
	now := start.Add(2 * time.Hour)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_ = json.NewEncoder(w).Encode(map[string]any{"authToken": "ghs_" + "fresh0fresh0fresh0fresh0fresh0fresh0", "ubiquityKernelToken": "next", "expiresAt": now.Add(time.Hour)})
	}))
	t.Cleanup(server.Close)
	r, err := kernel.NewRenewer(server.URL, server.Client(), func() time.Time { return now })
	require.NoError(t, err)
	d := delivered(t, start)
	require.False(t, kernel.Lapsed(d.Attestation, start.Add(59*time.Minute)))
	require.True(t, kernel.Lapsed(d.Attestation, now))
	require.False(t, kernel.Lapsed(redact.Secret{}, now), "older kernels say nothing of time")
	token, attestation, err := r.Renew(t.Context(), d.Token, d.Attestation)
	require.NoError(t, err)
	require.Contains(t, token.Reveal(), "fresh")
	require.Equal(t, "next", attestation.Reveal())
	var lapsed interface{ Expired() bool }
	require.ErrorAs(t, kernel.ErrExpired, &lapsed)
}
