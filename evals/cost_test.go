package evals_test

import (
	"bytes"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
)

// TestCosts: the figures are those that stand in the transcripts.
func TestCosts(t *testing.T) {
	t.Parallel()
	fixtures, err := evals.All("fixtures", "")
	require.NoError(t, err)
	rows, err := evals.Costs(fixtures)
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(rows), 8)
	for _, r := range rows {
		transcript := recordedText(t, r.Name)
		require.Equal(t, strings.Count("\n"+transcript, "\n{\"n\":"), r.Ours.Turns, r.Name)
		require.Positive(t, r.Ours.Out, r.Name)
	}
	var out bytes.Buffer
	a, b := evals.CostRow{Name: "a", Ours: evals.Spent{Turns: 1, In: 100, Out: 10}}, evals.CostRow{Name: "b", Ours: evals.Spent{Turns: 3, In: 300, Out: 30}, Shell: evals.Spent{Turns: 5, In: 900, Out: 90}}
	require.NoError(t, evals.PrintCosts(&out, []evals.CostRow{a, b}))
	require.Equal(t, "| Fixture | turns | tokens in | tokens out | shell loop: turns | in | out |\n|---|--:|--:|--:|--:|--:|--:|\n| a | 1 | 100 | 10 |  |  |  |\n"+
		"| b | 3 | 300 | 30 | 5 | 900 | 90 |\n| **median of all (2)** | 3 | 300 | 30 |  |  |  |\n| **median of both (1)** | 3 | 300 | 30 | 5 | 900 | 90 |\n\n", out.String())
}

// recordedText is a fixture's transcript as it lies on the disk, in a file of its own or among others.
func recordedText(t *testing.T, name string) string {
	t.Helper()
	if text, err := os.ReadFile("fixtures/" + name + "/model.jsonl"); err == nil {
		return string(text)
	}
	text, err := os.ReadFile("fixtures/" + name + ".txtar")
	require.NoError(t, err)
	_, after, found := strings.Cut(string(text), "\n-- model.jsonl --\n")
	require.True(t, found)
	transcript, _, _ := strings.Cut(after, "\n-- ")
	return transcript
}
