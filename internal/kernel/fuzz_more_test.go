package kernel

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"testing"
	"time"

	"github.com/andybalholm/brotli"
	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// FuzzPayload: behind a good signature, any payload of any event becomes a notice, which can be stored and read again.
func FuzzPayload(f *testing.F) {
	for event, payload := range map[string]string{
		"kernel.plugin_error":           `{"stateId":"s","plugin":{"id":"o/r:compute.yml","ref":"main"},"error":{"message":"boom"},"context":{"logs":["a"]},"timestamp":"2026-05-04T12:00:00Z"}`,
		"workflow_run.completed":        `{"workflow_run":{"id":7,"conclusion":"failure","head_sha":"a"},"repository":{"name":"r","owner":{"login":"o"}}}`,
		"check_run.completed":           `{"check_run":{"id":7,"conclusion":"failure","output":{"title":"t"}},"repository":{"name":"r","owner":{"login":"o"}}}`,
		"check_suite.completed":         `{"check_suite":{"conclusion":"timed_out"},"repository":{"full_name":"o/r"}}`,
		"issue_comment.created":         `{"comment":{"id":1,"body":"/hotfix retry","user":{"login":"mona","type":"User"}},"issue":{"number":3},"repository":{"name":"r","owner":{"login":"o"}}}`,
		"installation_repositories.add": `[]`,
	} {
		f.Add(event, []byte(payload), []byte(`{"storeRawEvents":true}`))
	}
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, event string, raw, settings []byte) {
		payload, err := parseObject(raw)
		if err != nil || !json.Valid(settings) {
			return
		}
		d := &Delivery{StateID: "s", Event: event, Settings: settings, payload: payload, opts: Options{Now: now}.withDefaults()}
		d.command = d.spoken()
		n, err := d.Notice()
		require.NoError(t, err)
		require.True(t, n.Failure != nil || n.Command != nil || n.Ignored != nil, "a notice says something")
		_, err = json.Marshal(n)
		require.NoError(t, err)
		if len(n.Raw) > 0 {
			_, err = Again(n)
			require.NoError(t, err)
		}
	})
}

// FuzzGitHub: a webhook is taken in only with its signature, whatever its headers and body are.
func FuzzGitHub(f *testing.F) {
	secret := redact.NewSecret("the webhook of a test")
	sign := func(body []byte) string {
		mac := hmac.New(sha256.New, []byte(secret.Reveal()))
		mac.Write(body)
		return "sha256=" + hex.EncodeToString(mac.Sum(nil))
	}
	f.Add([]byte(`{"action":"completed","workflow_run":{"conclusion":"failure"}}`), "workflow_run", "1-2-3", "")
	f.Add([]byte(`{"action":{}}`), "issue_comment", "1", "sha256=00")
	f.Add([]byte(`null`), "", "\n", "sha1=")
	f.Fuzz(func(t *testing.T, body []byte, event, id, signature string) {
		header := http.Header{"Content-Type": {"application/json"}, "X-Github-Event": {event}, "X-Github-Delivery": {id}, "X-Hub-Signature-256": {signature}}
		_, err := OpenGitHub(header, body, Hook{Secret: secret}, Options{})
		if err == nil {
			require.Equal(t, sign(body), signature)
		}
		header.Set("X-Hub-Signature-256", sign(body))
		d, err := OpenGitHub(header, body, Hook{Secret: secret}, Options{})
		if err != nil {
			var r *Refusal
			require.ErrorAs(t, err, &r)
			require.NotEqual(t, StageSignature, r.Stage)
			return
		}
		_, err = d.Notice()
		require.NoError(t, err)
	})
}

// FuzzInflate: what is no base64 of brotli of an object is refused, and nothing grows beyond its bound.
func FuzzInflate(f *testing.F) {
	pack := func(s string) string {
		var out hexless
		w := brotli.NewWriterLevel(&out, 1)
		_, err := w.Write([]byte(s))
		require.NoError(f, err)
		require.NoError(f, w.Close())
		return base64.StdEncoding.EncodeToString(out)
	}
	for _, s := range []string{pack(`{"a":1}`), pack(`[]`), pack("{"), "####", base64.StdEncoding.EncodeToString([]byte("no brotli")), ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		o, err := inflate(text, 1<<16)
		if err == nil {
			require.NotNil(t, o)
			return
		}
		var r *Refusal
		require.ErrorAs(t, err, &r)
	})
}

// A hexless is bytes that were written.
type hexless []byte

func (h *hexless) Write(p []byte) (int, error) {
	*h = append(*h, p...)
	return len(p), nil
}

// FuzzAttestation: a token that the kernel did not sign says nothing, in whatever shape it comes.
func FuzzAttestation(f *testing.F) {
	opts := vectorKey(f)
	part := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }
	f.Add(part(`{"alg":"RS256"}`) + "." + part(`{"iss":"ubiquity-os-kernel"}`) + "." + part("sig"))
	f.Add(part(`{"alg":"none"}`) + "." + part(`{}`) + ".")
	f.Add("..")
	f.Add("")
	f.Fuzz(func(t *testing.T, token string) {
		claims, err := readJWT(token, opts.Key)
		require.Error(t, err, "%v", claims)
		var r *Refusal
		require.ErrorAs(t, err, &r)
		require.Equal(t, StageAttestation, r.Stage)
	})
}
