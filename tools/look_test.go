package tools_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// TestOnlyWhatCanShowMoreIsOffered: what the first prompt shows whole needs no tool.
func TestOnlyWhatCanShowMoreIsOffered(t *testing.T) {
	t.Parallel()
	failure := hotfix.Failure{Message: redact.Scrub("panic: runtime error: integer divide by zero")}
	always := []string{"write-patch", "run-command", "open-pr", "give-up"}
	large := map[string]string{"go.mod": divide["go.mod"], "ratio.go": divide["ratio.go"], "table.go": "package plugin\n" + strings.Repeat("// filling\n", 1500)}
	many := map[string]string{"go.mod": divide["go.mod"], "table.go": large["table.go"]}
	for i := range 120 {
		many[fmt.Sprintf("part%d.go", i)] = "package plugin\n"
	}
	small := func(t *testing.T) *tools.Bench { return bench(t, divide) }
	for _, tt := range []struct {
		name  string
		bench func(*testing.T) *tools.Bench
		more  []string
	}{
		{"a small repository of one commit", small, nil},
		{"without commands", func(t *testing.T) *tools.Bench {
			b := small(t)
			b.Commands = false
			return b
		}, []string{"read-file", "run-tests"}},
		{"a large one", func(t *testing.T) *tools.Bench { return bench(t, large) }, []string{"search-code", "read-file", "run-tests"}},
		{"one of many files", func(t *testing.T) *tools.Bench { return bench(t, many) }, []string{"list-files", "search-code", "read-file", "run-tests"}},
		{"with a past", func(t *testing.T) *tools.Bench { b, _ := broke(t); return b }, []string{"history", "bisect"}},
		{"that was green", func(t *testing.T) *tools.Bench {
			b, at := broke(t)
			b.Green = green(at[1])
			return b
		}, []string{"clone-repo", "history", "bisect"}},
		{"a short log", func(t *testing.T) *tools.Bench { return logging(small(t), 3) }, nil},
		{"a long log", func(t *testing.T) *tools.Bench { return logging(small(t), 500) }, []string{"fetch-logs"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := tt.bench(t)
			_, err := tools.Look(t.Context(), b, failure, nil)
			require.NoError(t, err)
			var offered []string
			for _, tool := range tools.On(b, tools.All) {
				offered = append(offered, tool.Definition().Name)
			}
			want := append([]string(nil), always...)
			if !b.Commands {
				want = []string{"write-patch", "open-pr", "give-up"}
			}
			require.ElementsMatch(t, append(want, tt.more...), offered)
		})
	}
}

// logging lets b have a log of n lines, whose middle one tells of an error.
func logging(b *tools.Bench, n int) *tools.Bench {
	b.Logs = func(context.Context) (redact.Text, error) {
		var log strings.Builder
		for i := range n {
			if i == n/2 {
				log.WriteString("Error: boom\n")
			}
			fmt.Fprintf(&log, "step %d\n", i+1)
		}
		return redact.Scrub(log.String()), nil
	}
	return b
}

func TestLogInTheFirstPrompt(t *testing.T) {
	t.Parallel()
	failure := hotfix.Failure{Message: redact.Scrub("boom"), Logs: []redact.Text{redact.Scrub("the trail")}}
	b := logging(bench(t, divide), 500)
	v, err := tools.Look(t.Context(), b, failure, nil)
	require.NoError(t, err)
	require.False(t, v.WholeLog)
	require.True(t, strings.HasPrefix(v.Log.String(), "[240 lines not shown]\n241|step 241\n"), v.Log.String())
	require.Contains(t, v.Log.String(), "\n251|Error: boom\n252|step 251\n")
	require.True(t, strings.HasSuffix(v.Log.String(), "276|step 275\n[219 lines not shown]\n496|step 495\n497|step 496\n498|step 497\n499|step 498\n500|step 499\n501|step 500\n"), v.Log.String())

	v, err = tools.Look(t.Context(), logging(bench(t, divide), 2), failure, nil)
	require.NoError(t, err)
	require.Equal(t, "step 1\nError: boom\nstep 2", v.Log.String())
	require.True(t, v.WholeLog)

	b = bench(t, divide)
	b.Logs = func(context.Context) (redact.Text, error) { return redact.Text{}, context.DeadlineExceeded }
	v, err = tools.Look(t.Context(), b, failure, nil)
	require.NoError(t, err, "a log that cannot be had is no reason not to try")
	require.Equal(t, "the trail", v.Log.String())
	require.False(t, v.WholeLog)

	b = bench(t, divide)
	b.Logs = func(context.Context) (redact.Text, error) {
		return redact.Scrub("INFO Dispatching event issues.opened to acme/app\nINFO 3 labels\nERROR Error processing plugin; skipping | err=\"boom\"\nERROR Error processing plugin; skipping\n"), nil
	}
	v, err = tools.Look(t.Context(), b, failure, nil)
	require.NoError(t, err)
	require.Equal(t, "INFO 3 labels\nERROR Error processing plugin; skipping | err=\"boom\"", v.Log.String(), "what the kernel writes of every event says nothing")
}
