package kernel

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/stretchr/testify/require"
)

// signedText is the text that the kernel signed.
func signedText(e envelope) string {
	var b strings.Builder
	e.writeSigned(&b)
	return b.String()
}

// FuzzOpen: whatever arrives is a delivery or a refusal with a known stage, and never a delivery without the signature.
func FuzzOpen(f *testing.F) {
	for _, name := range []string{"plugin-error-http", "text-lone-surrogate-1", "body-reencoded", "command-retry-extra-text", "body-case-variant-field"} {
		f.Add(readVector(f, "testdata/vectors/"+name+".json").body(f))
	}
	f.Add([]byte(`{"stateId":"\ud800"}`))
	opts := vectorKey(f)
	opts.Now = readVector(f, "testdata/vectors/plugin-error-http.json").Now
	opts.MaxInflate = 1 << 20
	genuine := map[string]bool{}
	for _, v := range vectors(f) {
		if fields, err := parseObject(v.body(f)); err == nil {
			if e, err := readEnvelope(fields); err == nil {
				genuine[signedText(e)] = true
			}
		}
	}
	stages := map[string]bool{StageHTTP: true, StageJSON: true, StageSchema: true, StageSignature: true, StageDecode: true,
		StageLimit: true, StageAttestation: true}
	f.Fuzz(func(t *testing.T, body []byte) {
		_, _ = OpenWorkflow(body, opts)
		d, err := Open(body, opts)
		if err != nil {
			var r *Refusal
			require.ErrorAs(t, err, &r)
			require.True(t, stages[r.Stage], r.Stage)
			return
		}
		fields, err := parseObject(body)
		require.NoError(t, err)
		e, err := readEnvelope(fields)
		require.NoError(t, err)
		require.True(t, genuine[signedText(e)], "accepted a text that the kernel did not sign")
		_, err = d.Notice()
		require.NoError(t, err)
	})
}

// FuzzQuote: quoting what was unquoted says the same, in one spelling, with nothing escaped that need not be.
func FuzzQuote(f *testing.F) {
	for _, s := range []string{`"a"`, `"\u003c\/\u2028"`, `"\ud83d\ude00\ud83d"`, `"\b\f\n\r\t\u000b\u001F\\\""`, "\"\u2028<>&\u007f\"", `"\uDEAD\uD800\u0041"`} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		raw = bytes.TrimSpace(raw)
		var want string
		if json.Unmarshal(raw, &want) != nil || raw[0] != '"' {
			return
		}
		units, ok := unquote(raw)
		require.True(t, ok)
		require.Equal(t, want, string(utf16.Decode(units)))
		quoted := Quote(nil, units)
		again, ok := unquote(quoted)
		require.True(t, ok)
		require.Equal(t, units, again)
		require.Equal(t, string(quoted), string(Quote(nil, again)))
		require.True(t, json.Valid(quoted))
		for _, never := range []string{`\/`, `\u003c`, `\u2028`, `\u007f`} {
			require.NotContains(t, string(bytes.ReplaceAll(quoted, []byte(`\\`), nil)), never)
		}
	})
}
