package kernel

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Every single-byte change of a request is refused, unless the JSON around the values changed and the values did not.
func TestEveryChangedByteIsRefused(t *testing.T) {
	t.Parallel()
	opts := vectorKey(t)
	v := readVector(t, "testdata/vectors/plugin-error-http.json")
	opts.Now = v.Now
	body := v.body(t)
	var want, got map[string]string
	require.NoError(t, json.Unmarshal(body, &want))
	accepted := 0
	for i := range body {
		changed := bytes.Clone(body)
		changed[i] ^= [...]byte{0x01, 0x20, 0x80}[i%3]
		if _, err := Open(changed, opts); err != nil {
			var r *Refusal
			require.ErrorAs(t, err, &r)
			continue
		}
		accepted++
		got = nil
		require.NoError(t, json.Unmarshal(changed, &got))
		require.Equal(t, want, got, "byte %d was changed to %q and the request still accepted", i, changed[i])
	}
	require.Zero(t, accepted)
}

// Each signed value is under the signature, at its first, middle and last byte.
func TestEverySignedValueIsBound(t *testing.T) {
	t.Parallel()
	opts := vectorKey(t)
	v := readVector(t, "testdata/vectors/plugin-error-http.json")
	opts.Now = v.Now
	var fields map[string]string
	require.NoError(t, json.Unmarshal(v.body(t), &fields))
	for _, name := range append(signedFields[:], "signature") {
		value := fields[name]
		require.NotEmpty(t, value, name)
		for _, changed := range []string{"", value + "A", value[1:], value[:len(value)-1], strings.ToUpper(value) + "x",
			value[:len(value)/2] + "~" + value[len(value)/2+1:]} {
			fields[name] = changed
			body, err := json.Marshal(fields)
			require.NoError(t, err)
			_, err = Open(body, opts)
			require.Error(t, err, "%s = %q", name, changed)
		}
		fields[name] = value
	}
}

func TestSignatureHasOneSpelling(t *testing.T) {
	t.Parallel()
	opts := vectorKey(t)
	v := readVector(t, "testdata/vectors/plugin-error-http.json")
	opts.Now = v.Now
	var fields map[string]string
	require.NoError(t, json.Unmarshal(v.body(t), &fields))
	sig := fields["signature"]
	for name, changed := range map[string]string{
		"line break": sig[:76] + "\n" + sig[76:], "padding dropped": strings.TrimRight(sig, "="),
		"spare bits": strings.TrimSuffix(sig, sig[len(sig)-3:]) + string(sig[len(sig)-3]+1) + "==", "space": " " + sig,
	} {
		fields["signature"] = changed
		body, err := json.Marshal(fields)
		require.NoError(t, err)
		_, err = Open(body, opts)
		var r *Refusal
		require.ErrorAs(t, err, &r, name)
		require.Equal(t, StageSignature, r.Stage, name)
	}
}

func TestAges(t *testing.T) {
	t.Parallel()
	v := readVector(t, "testdata/vectors/plugin-error-http.json") // its attestation was issued three seconds before v.Now
	for _, c := range []struct {
		name   string
		later  time.Duration
		change func(*Options)
		want   string
	}{
		{"fresh", 0, func(*Options) {}, ""},
		{"end of its life", time.Hour, func(*Options) {}, ""},
		{"expired", time.Hour + 2*time.Minute, func(*Options) {}, StageAttestation},
		{"from the future", -5 * time.Minute, func(*Options) {}, StageAttestation},
		{"clocks apart", -5 * time.Minute, func(o *Options) { o.Leeway = 10 * time.Minute }, ""},
		{"stricter than the kernel", 20 * time.Minute, func(o *Options) { o.MaxAge = 10 * time.Minute }, StageAttestation},
		{"a run that queued", 20 * time.Hour, func(o *Options) { o.MaxAge = 24 * time.Hour }, ""},
		{"a run that queued too long", 25 * time.Hour, func(o *Options) { o.MaxAge = 24 * time.Hour }, StageAttestation},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			opts := vectorKey(t)
			opts.Now = v.Now.Add(c.later)
			c.change(&opts)
			_, err := Open(v.body(t), opts)
			if c.want == "" {
				require.NoError(t, err)
				return
			}
			var r *Refusal
			require.ErrorAs(t, err, &r)
			require.Equal(t, c.want, r.Stage)
		})
	}
}

func TestLimits(t *testing.T) {
	t.Parallel()
	opts := vectorKey(t)
	v := readVector(t, "testdata/vectors/payload-one-megabyte.json")
	opts.Now = v.Now
	var r *Refusal

	opts.MaxInflate = 1_198_128
	_, err := Open(v.body(t), opts)
	require.NoError(t, err)

	opts.MaxInflate--
	_, err = Open(v.body(t), opts)
	require.ErrorAs(t, err, &r)
	require.Equal(t, StageLimit, r.Stage)

	opts.MaxBytes = 1000
	_, err = Open(v.body(t), opts)
	require.ErrorAs(t, err, &r)
	require.Equal(t, StageLimit, r.Stage)
	_, err = OpenWorkflow(v.body(t), opts)
	require.ErrorAs(t, err, &r)
	require.Equal(t, StageLimit, r.Stage)
}

// Without a key of its own, a daemon trusts the production kernel and nobody else.
func TestDefaultKey(t *testing.T) {
	t.Parallel()
	v := readVector(t, "testdata/vectors/plugin-error-http.json")
	_, err := Open(v.body(t), Options{Now: v.Now})
	var r *Refusal
	require.ErrorAs(t, err, &r)
	require.Equal(t, StageSignature, r.Stage)
}

func TestParseKey(t *testing.T) {
	t.Parallel()
	good, err := ParseKey([]byte(strings.ReplaceAll(DefaultKey, "\n", `\n`)))
	require.NoError(t, err)
	require.Equal(t, 2048, good.N.BitLen())
	for _, c := range []struct{ name, text, want string }{
		{"empty", "", "not a PEM block"},
		{"private key", "-----BEGIN " + "PRIVATE KEY-----\nAAAA\n-----END " + "PRIVATE KEY-----", `is a "PRIVATE KEY"`},
		{"rubbish", "-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----", "parse kernel key"},
		{"elliptic", ecKey, "want an RSA key"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := ParseKey([]byte(c.text))
			require.ErrorContains(t, err, c.want)
		})
	}
}

func TestWorkflowEventFile(t *testing.T) {
	t.Parallel()
	opts := vectorKey(t)
	for _, c := range []struct{ name, event, want string }{
		{"not a dispatch", `{"action":"opened"}`, StageSchema},
		{"inputs null", `{"inputs":null}`, StageSchema},
		{"inputs empty", `{"inputs":{}}`, StageSchema},
		{"not JSON", `inputs`, StageJSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := OpenWorkflow([]byte(c.event), opts)
			var r *Refusal
			require.ErrorAs(t, err, &r)
			require.Equal(t, c.want, r.Stage)
			require.NotEmpty(t, r.Error())
		})
	}
}

// ecKey is a throw-away elliptic public key.
const ecKey = `-----BEGIN PUBLIC KEY-----
MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEtYQ4dQQxL1QWB0TlRIh83pYw8sfU
/uwSxGANRP9Q0d4FCFHZjr4/ZuWxnUF8aDSzYAAV9KRxPwACv8OO8DhxHQ==
-----END PUBLIC KEY-----`
