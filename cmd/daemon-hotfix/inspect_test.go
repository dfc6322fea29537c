package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

const kernelTestdata = "../../internal/kernel/testdata/"

// inspectVector gives one vector to inspect. whole wraps the body in a request of its own.
func inspectVector(t *testing.T, path string, whole bool) (want map[string]any, got finding) {
	t.Helper()
	var v struct {
		Transport, Body, Expect, Stage, Then string
		Now                                  time.Time
		Headers                              map[string]string
		Base64                               string `json:"body_base64"`
		Event                                string `json:"event_name"`
	}
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(text, &v))
	body := []byte(v.Body)
	if v.Base64 != "" {
		body, err = base64.StdEncoding.DecodeString(v.Base64)
		require.NoError(t, err)
	}
	c := inspectCmd{Transport: v.Transport, PublicKey: kernelTestdata + "kernel-public-key.pem", At: v.Now, ContentType: "application/json"}
	for name, value := range v.Headers {
		if strings.EqualFold(name, "content-type") {
			c.ContentType = value
		}
	}
	if whole && v.Transport == "http" {
		body = fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: h.example\r\nContent-Type: %s\r\n\r\n%s", c.ContentType, body)
		c.ContentType = "text/wrong"
	}
	var out bytes.Buffer
	require.NoError(t, c.Run(t.Context(), streams{In: bytes.NewReader(body), Out: &out, Err: &out}))
	require.NoError(t, json.Unmarshal(out.Bytes(), &got), out.String())
	want = map[string]any{"verdict": v.Expect, "stage": v.Stage, "then": v.Then, "event": v.Event}
	return want, got
}

func TestInspectEveryVector(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob(kernelTestdata + "vectors/*.json")
	require.NoError(t, err)
	require.Greater(t, len(files), 130)
	for _, f := range files {
		for _, whole := range []bool{false, true} {
			want, got := inspectVector(t, f, whole)
			require.Equal(t, want, map[string]any{"verdict": got.Verdict, "stage": got.Stage, "then": got.Then, "event": got.Event}, f)
			if got.Verdict == "reject" || got.Then == "ignore" {
				require.NotEmpty(t, got.Reason, f)
			}
		}
	}
}

func TestInspectPrintsNoToken(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile(kernelTestdata + "vectors/captured-http-502.json")
	require.NoError(t, err)
	var v struct {
		Body string
		Now  time.Time
	}
	require.NoError(t, json.Unmarshal(text, &v))
	var out bytes.Buffer
	c := inspectCmd{Transport: "http", PublicKey: kernelTestdata + "kernel-public-key.pem", At: v.Now, ContentType: "application/json"}
	require.NoError(t, c.Run(t.Context(), streams{In: strings.NewReader(v.Body), Out: &out}))
	require.NotContains(t, out.String(), "ghs_")
	require.NotContains(t, out.String(), "eyJ")
	require.Equal(t, 1, strings.Count(out.String(), "\n"))
}

func TestInspectFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, key, input, want string
	}{
		{"no such key", "nowhere.pem", "{}", "--public-key"},
		{"half a request", kernelTestdata + "kernel-public-key.pem", "POST /", "standard input"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := inspectCmd{Transport: "http", PublicKey: c.key, ContentType: "application/json"}
			err := cmd.Run(t.Context(), streams{In: strings.NewReader(c.input), Out: &bytes.Buffer{}})
			require.ErrorContains(t, err, c.want)
		})
	}
}
