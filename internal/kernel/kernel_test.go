package kernel

import (
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A vector is one file of testdata/vectors: a request and what must come of it.
type vector struct {
	Name, Transport, Expect, Stage, Then string
	Now                                  time.Time
	Headers                              map[string]string
	Body                                 string
	BodyBase64                           string          `json:"body_base64"`
	SigningInput                         string          `json:"signing_input_sha256"`
	Event                                string          `json:"event_name"`
	StateID                              string          `json:"state_id"`
	Settings                             json.RawMessage `json:"settings"`
	Command                              json.RawMessage `json:"command"`
	Decoded                              json.RawMessage `json:"decoded_event"`
}

func (v vector) body(t testing.TB) []byte {
	if v.BodyBase64 == "" {
		return []byte(v.Body)
	}
	b, err := base64.StdEncoding.DecodeString(v.BodyBase64)
	require.NoError(t, err)
	return b
}

func (v vector) open(t testing.TB, opts Options) (*Delivery, error) {
	opts.Now = v.Now
	if v.Transport == "workflow" {
		return OpenWorkflow(v.body(t), opts)
	}
	for name, value := range v.Headers {
		if strings.EqualFold(name, "Content-Type") {
			if err := CheckContentType(value); err != nil {
				return nil, err
			}
		}
	}
	return Open(v.body(t), opts)
}

func readVector(t testing.TB, path string) vector {
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var v vector
	require.NoError(t, json.Unmarshal(text, &v), path)
	return v
}

func vectors(t testing.TB) []vector {
	files, err := filepath.Glob("testdata/vectors/*.json")
	require.NoError(t, err)
	require.Equal(t, 136, len(files), "vector files")
	var vs []vector
	for _, f := range files {
		vs = append(vs, readVector(t, f))
	}
	return vs
}

func vectorKey(t testing.TB) Options {
	text, err := os.ReadFile("testdata/kernel-public-key.pem")
	require.NoError(t, err)
	key, err := ParseKey(text)
	require.NoError(t, err)
	return Options{Key: key}
}

func TestVectors(t *testing.T) {
	t.Parallel()
	opts := vectorKey(t)
	for _, v := range vectors(t) {
		t.Run(v.Name, func(t *testing.T) {
			t.Parallel()
			d, err := v.open(t, opts)
			if v.Expect == "reject" {
				var r *Refusal
				require.True(t, errors.As(err, &r), "got %v", err)
				require.Equal(t, v.Stage, r.Stage, r.Reason)
				require.Nil(t, d)
				return
			}
			require.Equal(t, "accept", v.Expect)
			require.NoError(t, err)
			require.Equal(t, v.Event, d.Event)
			require.Equal(t, v.StateID, d.StateID)
			require.JSONEq(t, string(v.Settings), string(d.Settings))
			requireCommand(t, v, d)
			requirePayload(t, v, d)
			requireThen(t, v, d)
		})
	}
}

func requireCommand(t *testing.T, v vector, d *Delivery) {
	if d.command == nil {
		require.Equal(t, "null", string(v.Command))
		return
	}
	got, err := json.Marshal(map[string]any{"name": d.command.name, "parameters": d.command.params})
	require.NoError(t, err)
	require.JSONEq(t, string(v.Command), string(got))
}

func requirePayload(t *testing.T, v vector, d *Delivery) {
	if v.Decoded == nil {
		return
	}
	got, err := json.Marshal(d.payload)
	require.NoError(t, err)
	require.JSONEq(t, string(v.Decoded), string(got))
}

func requireThen(t *testing.T, v vector, d *Delivery) {
	n, err := d.Notice()
	require.NoError(t, err)
	require.NotEmpty(t, n.ID)
	require.Equal(t, v.Then, Then(n), "%+v", n.Ignored)
	switch v.Then {
	case "triage":
		require.NotNil(t, n.Failure)
		require.NotEmpty(t, n.Also)
		require.NotEmpty(t, n.Failure.Plugin.ID)
		require.NotEmpty(t, n.Failure.Message.String())
		require.False(t, n.Failure.At.IsZero())
	case "command":
		require.NotNil(t, n.Command)
	default:
		require.NotEmpty(t, n.Ignored.Rule)
		require.Regexp(t, `^[A-Z].*\.$`, n.Ignored.Because)
	}
}

// The text under the signature is pinned by its digest, also where the request is refused later.
func TestSignedText(t *testing.T) {
	t.Parallel()
	checked := 0
	for _, v := range vectors(t) {
		fields, err := parseObject(v.body(t))
		if err != nil || v.SigningInput == "" {
			continue
		}
		if v.Transport == "workflow" {
			fields = fields.object("inputs")
		}
		e, err := readEnvelope(fields)
		if err != nil {
			continue // refused by the schema
		}
		sum := sha256.Sum256([]byte(signedText(e)))
		require.Equal(t, v.SigningInput, hex.EncodeToString(sum[:]), v.Name)
		checked++
	}
	require.Greater(t, checked, 70)
}
