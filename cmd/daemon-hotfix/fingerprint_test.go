package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// fingerprinted runs the command on input and returns what it wrote.
func fingerprinted(t *testing.T, c fingerprintCmd, input string) (string, error) {
	t.Helper()
	var out, errs bytes.Buffer
	err := c.Run(t.Context(), streams{In: strings.NewReader(input), Out: &out, Err: &errs})
	require.Empty(t, errs.String())
	return out.String(), err
}

func TestFingerprintLines(t *testing.T) {
	t.Parallel()
	out, err := fingerprinted(t, fingerprintCmd{JSONL: true, Plugin: "plugin"}, `{"id":"a","text":"Failed to fetch XP for rndquu","ctx":{"repo":"acme/app","actor":"mona"}}

{"id":"b","text":"Error: Failed to fetch XP for zugdev"}
{"id":"c","text":"Failed to fetch labels for rndquu"}
`)
	require.NoError(t, err)
	type answer struct{ ID, Key, Template string }
	var got []answer
	for line := range strings.Lines(out) {
		var a answer
		require.NoError(t, json.Unmarshal([]byte(line), &a))
		got = append(got, a)
	}
	require.Len(t, got, 3)
	require.Equal(t, "a", got[0].ID)
	require.Equal(t, "Failed to fetch XP for \u2026", got[0].Template)
	require.Regexp(t, `^v2-[0-9a-f]{32}$`, got[0].Key)
	require.Equal(t, got[0].Key, got[1].Key)
	require.NotEqual(t, got[0].Key, got[2].Key)
}

func TestFingerprintOne(t *testing.T) {
	t.Parallel()
	out, err := fingerprinted(t, fingerprintCmd{Plugin: "acme/greet"}, "Error: boom\n    at pay (/app/src/pay.ts:3:4)\n")
	require.NoError(t, err)
	require.Contains(t, out, "class:    other\n")
	require.Contains(t, out, "title:    boom in pay (pay.ts)\n")
	require.Contains(t, out, "frame:    pay src/pay.ts:3\n")
	upper, err := fingerprinted(t, fingerprintCmd{Plugin: "ACME/Greet", Text: []string{"Error: boom\n    at pay (/app/src/pay.ts:3:4)"}}, "")
	require.NoError(t, err)
	require.Equal(t, out, upper)
}

func TestFingerprintRefusesBadInput(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, input, want string
		cmd               fingerprintCmd
	}{
		{"nothing", " \n", "no message", fingerprintCmd{}},
		{"not JSON", "{\"id\":\"a\",\"text\":\"b\"}\nx\n", "line 2 of the input", fingerprintCmd{JSONL: true}},
		{"bad repository", `{"id":"a","text":"b","ctx":{"repo":"acme"}}`, "write owner/name", fingerprintCmd{JSONL: true}},
		{"two inputs", "", "leave out the message", fingerprintCmd{JSONL: true, Text: []string{"x"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := fingerprinted(t, c.cmd, c.input)
			require.ErrorContains(t, err, c.want)
		})
	}
}
