package triage

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestUpstream(t *testing.T) {
	t.Parallel()
	of := func(owner, plugin, message string) string {
		f := failed(message)
		f.Plugin = hotfix.Plugin{ID: owner + "/" + plugin, Repo: hotfix.Repo{Owner: owner, Name: plugin}}
		return Upstream(f)
	}
	one := of("acme", "greet", "HTTP (target: https://greet.example) 503: no healthy upstream")
	require.NotEmpty(t, one)
	require.Equal(t, one, of("acme", "pay", "HTTP (target: https://pay-1a2b3c4d5e6f.example) 503: no healthy upstream"))
	require.NotEqual(t, one, of("other", "pay", "HTTP (target: https://pay.example) 503: no healthy upstream"), "nobody hears of another owner's plugins")
	require.NotEqual(t, one, of("acme", "pay", "HTTP (target: https://pay.example) 502: bad gateway"))
	require.Empty(t, of("acme", "pay", "TypeError: x is not a function"), "a bug is nobody else's")
}

func TestSimilar(t *testing.T) {
	t.Parallel()
	a := failed("Failed to read the permit of the contributor from the registry")
	require.Greater(t, Similar(a, failed("Failed to write the permit of the contributor to the registry")), 0.75)
	require.Less(t, Similar(a, failed("connect ECONNREFUSED 10.0.0.1:5432")), 0.3)
	require.InDelta(t, 1, Similar(a, a), 0)
	require.Zero(t, Similar(a, failed("")))
}

// Two bugs behind one text are told apart by what the SDK's comment says.
func TestRemarksTellOpaqueFailuresApart(t *testing.T) {
	t.Parallel()
	plain := failed("HTTP (target: https://greet.example) 500: Unexpected error")
	require.True(t, Opaque(plain))
	require.False(t, Opaque(failed("TypeError: x is not a function")))
	said := func(what string) hotfix.Failure {
		f := plain
		f.Remarks = []redact.Text{redact.Scrub("> [!CAUTION]\n> " + what + "\n\n<!-- UbiquityOS - greet -->")}
		return f
	}
	a, b := said("Cannot read properties of undefined (reading 'login')"), said("relation \"permits\" does not exist")
	require.False(t, Opaque(a))
	require.NotEqual(t, Fingerprint(a), Fingerprint(b))
	require.Equal(t, Fingerprint(a), Fingerprint(said("Cannot read properties of undefined (reading 'login')")))
}
