package engine_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/engine"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
)

// A request is what the SDK signs.
type request struct {
	StateID string          `json:"stateId"`
	Event   string          `json:"eventName"`
	Payload json.RawMessage `json:"eventPayload"`
	Setting json.RawMessage `json:"settings"`
	Token   string          `json:"authToken"`
	Ref     string          `json:"ref"`
	Command json.RawMessage `json:"command"`
	Kernel  string          `json:"kernelToken,omitempty"`
}

// sdk runs the official SDK, which .ci/setup installs.
func sdk(t *testing.T, p *place, sign []request, verify []string) (signed []string, verified []bool) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(p.kernel.Key)
	require.NoError(t, err)
	asked, err := json.Marshal(map[string]any{"key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE " + "KEY", Bytes: der})),
		"publicKey": string(kerneltest.PublicPEM(p.kernel.Key)), "sign": sign, "verify": verify})
	require.NoError(t, err)
	var errs bytes.Buffer
	cmd := exec.CommandContext(t.Context(), "node", "testdata/sdk.mjs", "../../.tools/sdk")
	cmd.Stdin, cmd.Stderr = bytes.NewReader(asked), &errs
	raw, err := cmd.Output()
	require.NoError(t, err, "%s\nwas .ci/setup run?", &errs)
	var out struct {
		Signed   []string
		Verified []bool
	}
	require.NoError(t, json.Unmarshal(raw, &out))
	return out.Signed, out.Verified
}

// send posts a body to the kernel's door.
func (p *place) send(t *testing.T, contentType string, body []byte) (status int, answer map[string]any) {
	t.Helper()
	res, err := http.Post(p.server.URL, contentType, bytes.NewReader(body))
	require.NoError(t, err)
	defer res.Body.Close()
	raw, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &answer), "%s", raw)
	return res.StatusCode, answer
}

func TestWhatTheOfficialSDKSigns(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	raw := func(v any) json.RawMessage {
		b, err := json.Marshal(v)
		require.NoError(t, err)
		return b
	}
	failed := func(message string) request {
		return request{StateID: kerneltest.NewID(), Event: "kernel.plugin_error", Payload: raw(kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: "acme", Repo: "greet", Ref: "main"},
			Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}, Message: message}.Payload()),
			Setting: raw(map[string]any{"enabled": true}), Token: "ghs_of_a_test", Ref: p.server.URL, Command: raw(nil)}
	}
	sign := []request{failed("plain"), failed("<b>&amp;</b> \u2028 \u2029 \u007f / \\ \" \b\f\n\r\t \x01 zażółć 😀"), failed(strings.Repeat("long ", 60_000))}
	odd := failed("lone surrogates")
	odd.Setting, odd.Ref = json.RawMessage(`{"greeting":"\ud83d and \udc00"}`), "https://h.example/?a=1&b=<2>"
	command := failed("")
	command.Event, command.Command = "issue_comment.created", raw(map[string]any{"name": "hotfix", "parameters": map[string]any{"action": "status"}})
	command.Payload = raw(map[string]any{"issue": map[string]any{"number": 1}, "comment": map[string]any{"id": 5, "body": "/hotfix status", "author_association": "MEMBER",
		"user": map[string]any{"login": "mona", "type": "User"}}, "repository": map[string]any{"name": "greet", "owner": map[string]any{"login": "acme"}}})
	sign = append(sign, odd, command)

	ours := []string{string(kerneltest.Sign(p.kernel.Key, kerneltest.Fields{Payload: failure()})),
		string(kerneltest.Sign(p.kernel.Key, kerneltest.Fields{Payload: failure(), Settings: map[string]any{"a": "<&>\u2028\\"}, Attestation: "-"})),
		string(kerneltest.Sign(kerneltest.NewKey(), kerneltest.Fields{Payload: failure()}))}
	signed, verified := sdk(t, p, sign, ours)
	require.Equal(t, []bool{true, true, false}, verified, "our stand-in for the kernel signs as the SDK expects")
	require.Len(t, signed, len(sign))
	for i, body := range signed {
		status, answer := p.send(t, "application/json", []byte(body))
		require.Equal(t, 200, status, "%d: %v", i, answer)
		require.Equal(t, sign[i].StateID, answer["stateId"], i)

		changed := strings.Replace(body, `"ref":"http`, `"ref":"xttp`, 1)
		require.NotEqual(t, body, changed)
		status, answer = p.send(t, "application/json", []byte(changed))
		require.Equal(t, 400, status, i)
		require.Equal(t, kernel.StageSignature, answer["stage"], i)
	}
}

// Every vector over HTTP gets the verdict that its file says, from the door itself.
func TestEveryVectorAtTheDoor(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../kernel/testdata/kernel-public-key.pem")
	require.NoError(t, err)
	key, err := kernel.ParseKey(text)
	require.NoError(t, err)
	var now atomic.Pointer[time.Time]
	now.Store(&time.Time{})
	p := newPlace(t, func(c *engine.Config) {
		c.Kernel.Key, c.Daemon.Policy.Allow = key, nil
		c.Daemon.Now = func() time.Time { return *now.Load() }
	})
	files, err := filepath.Glob("../kernel/testdata/vectors/*.json")
	require.NoError(t, err)
	told := 0
	for _, file := range files {
		var v struct {
			Transport, Body, Expect, Stage string
			Now                            time.Time
			Headers                        map[string]string
			Base64                         string `json:"body_base64"`
		}
		text, err := os.ReadFile(file)
		require.NoError(t, err)
		require.NoError(t, json.Unmarshal(text, &v))
		if v.Transport != "http" {
			continue
		}
		body, contentType := []byte(v.Body), "application/json"
		if v.Base64 != "" {
			body, err = base64.StdEncoding.DecodeString(v.Base64)
			require.NoError(t, err)
		}
		for name, value := range v.Headers {
			if strings.EqualFold(name, "content-type") {
				contentType = value
			}
		}
		now.Store(&v.Now)
		status, answer := p.send(t, contentType, body)
		want := []any{200, nil}
		if v.Expect == "reject" {
			want = []any{400, v.Stage}
		}
		require.Equal(t, want, []any{status, answer["stage"]}, fmt.Sprint(file, answer))
		told++
	}
	require.Greater(t, told, 100)
}
