package main

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// A value that only its key gives away: it looks like no service's token.
const redactSample = "Xk29sdQ7vR4tLw8Zp3Ny"

func runRedact(t *testing.T, c redactCmd, in string) (string, error) {
	t.Helper()
	var out, errs bytes.Buffer
	err := c.Run(context.Background(), streams{In: strings.NewReader(in), Out: &out, Err: &errs})
	require.Empty(t, errs.String())
	return out.String(), err
}

func TestRedact_stream(t *testing.T) {
	t.Parallel()
	out, err := runRedact(t, redactCmd{}, "one\nAPI_TOKEN="+redactSample+"\nthree")
	require.NoError(t, err)
	require.Equal(t, "one\nAPI_TOKEN=[REDACTED:secret]\nthree", out)
}

func TestRedact_linesCountCharacters(t *testing.T) {
	t.Parallel()
	row, err := json.Marshal(map[string]string{"id": "a", "text": "é→ token=" + redactSample + " ok"})
	require.NoError(t, err)
	out, err := runRedact(t, redactCmd{JSONL: true}, string(row)+"\n\n{\"id\":7,\"text\":\"nothing <here>\"}")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSpace(out), "\n")
	require.Equal(t, []string{
		`{"id":"a","redacted":"é→ token=[REDACTED:secret] ok","spans":[{"start":9,"end":29,"kind":"secret"}],"unit":"char"}`,
		`{"id":7,"redacted":"nothing <here>","spans":[],"unit":"char"}`,
	}, lines)
}

func TestRedact_saysWhichLineIsWrong(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"{\"id\":1,\"text\":\"a\"}\nnot json", "{\"id\":1,\"text\":\"a\"}\n{\"id\":2}"} {
		_, err := runRedact(t, redactCmd{JSONL: true}, in)
		require.ErrorContains(t, err, "line 2 is not an object with id and text")
	}
}
