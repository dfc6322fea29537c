package triage

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestCauseOf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, message, says string }{
		{"thrown in the plugin", "HTTP (target: https://x.example) 500: TypeError: x is not a function", "own code threw"},
		{"thrown and kept secret", "HTTP (target: https://x.example) 500: Unexpected error", "no more than that something failed"},
		{"the host is away", "HTTP (target: https://x.example) 502: upstream connect error", "host answered 502"},
		{"a credential", "HTTP 403: Resource not accessible by integration", "credential was refused (403)"},
		{"not there", "Not Found - https://docs.github.com/rest/issues/comments#get-an-issue-comment", "not there"},
		{"a rate limit", "HTTP 429: slow down", "rate limit"},
		{"dispatch", "Workflow \"compute.yml\" not found on default branch \"main\" for o/r", "did not start"},
		{"the network", "connect ECONNREFUSED 10.0.0.1:5432", "connection failed"},
		{"time", "The operation timed out after 30s", "in time"},
		{"a test", "--- FAIL: TestPay (0.00s)\n    pay_test.go:3: got 1", "test fails"},
		{"anything else", "the thing is broken beyond repair", "failed with the message"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := CauseOf(failed(c.message))
			require.Contains(t, got.Says, c.says)
			require.NotEmpty(t, got.Steps)
		})
	}
	at := CauseOf(failed("TypeError: x is undefined\n    at pay (/app/src/pay.ts:12:5)"))
	require.Equal(t, &Frame{"pay", "src/pay.ts", 12}, at.Frame)
}

func TestNumbered(t *testing.T) {
	t.Parallel()
	log := []redact.Text{redact.Scrub("INFO one\nINFO two\nTypeError: three\n    at pay (src/pay.ts:1:1)\nINFO end")}
	text, first := Numbered(log, 1000)
	require.Equal(t, 3, first)
	require.Contains(t, text, "3  TypeError: three\n")
	_, first = Numbered([]redact.Text{redact.Scrub("all\nis\nwell")}, 1000)
	require.Zero(t, first)
	long, first := Numbered([]redact.Text{redact.Scrub(strings.Repeat("INFO x\n", 500) + "TypeError: boom\n" + strings.Repeat("INFO y\n", 500))}, 900)
	require.Equal(t, 501, first)
	require.Contains(t, long, " 501  TypeError: boom\n")
	require.LessOrEqual(t, len(long), 900)
}
