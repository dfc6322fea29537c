package main

import (
	"encoding/json"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// FuzzSignal: whatever file is given as a signal is a failure with a message, or one clear error.
func FuzzSignal(f *testing.F) {
	for _, s := range []string{"TypeError: boom\n    at a (b.js:1:2)", `{"error":{"message":"boom"},"plugin":{"id":"o/r"}}`, `{"inputs":{"eventPayload":"x"}}`, `{"eventName":"kernel.plugin_error","eventPayload":""}`,
		"POST / HTTP/1.1\r\nContent-Length: 2\r\n\r\n{}", "POST ", "", "{", `{"workflow_run":{"conclusion":"failure"},"repository":{"full_name":"o/r"}}`} {
		f.Add([]byte(s))
	}
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, data []byte) {
		got, err := readSignal(data, now)
		if err == nil {
			require.False(t, got.At.IsZero())
			_ = triaged(got, "")
		}
	})
}

// FuzzConfig: a configuration file is names and values, or an error.
func FuzzConfig(f *testing.F) {
	for _, s := range []string{"listen: 127.0.0.1:1\n", "allow:\n  - a/b\n", "a: &a [*a]", "\t", "---\n---\n", "? x\n: y\n", ""} {
		f.Add(s)
	}
	f.Fuzz(func(_ *testing.T, text string) {
		_, _ = loadYAML(strings.NewReader(text))
	})
}

// FuzzKernelFile: a kernel's configuration of any shape is judged, and names repositories of one name only.
func FuzzKernelFile(f *testing.F) {
	for _, s := range []string{"plugins:\n  acme/daemon-hotfix:\n    runsOn: [issues.opened]\n", "plugins: []\n", "plugins:\n  https://x.example: null\n", "x"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		for _, found := range kernelFindings(text, "https://x.example") {
			require.NotEmpty(t, found.Says)
		}
		for _, r := range ownRepos(text) {
			require.Equal(t, ownName, r.Name)
			_, err := hotfix.ParseRepo(r.String())
			require.NoError(t, err)
		}
	})
}

// FuzzManifestFile: a manifest of any shape is judged, and what is no JSON is never good.
func FuzzManifestFile(f *testing.F) {
	for _, s := range []string{`{"ubiquity:listeners":["kernel.plugin_error"],"homepage_url":"https://x.example/"}`, `{"ubiquity:listeners":[]}`, `{"ubiquity:listeners":"kernel.plugin_error"}`, `{"homepage_url":7}`, `[]`, `x`, ``} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if checkManifest(text, "https://x.example") == nil {
			require.True(t, json.Valid([]byte(text)))
		}
	})
}

// FuzzMessages: each line of messages is answered with one line, or the command says which is wrong.
func FuzzMessages(f *testing.F) {
	for _, s := range []string{"{\"id\":\"1\",\"text\":\"boom\",\"ctx\":{\"repo\":\"o/r\"}}\n\n{}", `{"ctx":{"repo":"x"}}`, `{"text":7}`, "[]", "\x00", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var out strings.Builder
		err := (&fingerprintCmd{Plugin: "p"}).lines(t.Context(), streams{In: strings.NewReader(text), Out: &out})
		if err != nil {
			require.Contains(t, err.Error(), "line ")
			return
		}
		asked := 0
		for line := range strings.Lines(text) {
			if strings.TrimSpace(line) != "" {
				asked++
			}
		}
		require.Equal(t, asked, strings.Count(out.String(), "\n"))
	})
}

// FuzzLine: spans of a redacted line stand in order within the text, counted in characters.
func FuzzLine(f *testing.F) {
	for _, s := range []string{`{"id":1,"text":"password=hunter2hunter2 ü"}`, `{"id":{},"text":"ü\u0000"}`, `{"text":7}`, `[]`, "", " "} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, line []byte) {
		answer, ok, err := redactLine(line)
		if err != nil || !ok {
			return
		}
		var row struct{ Text string }
		require.NoError(t, json.Unmarshal(line, &row))
		at := 0
		for _, s := range answer.Spans {
			require.LessOrEqual(t, at, s.Start)
			require.Less(t, s.Start, s.End)
			at = s.End
		}
		require.LessOrEqual(t, at, utf8.RuneCountInString(row.Text))
	})
}
