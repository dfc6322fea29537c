package main

import (
	"bytes"
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// call runs the program with args and returns what it prints.
func call(t *testing.T, args ...string) (status int, out, errs string) {
	t.Helper()
	var o, e bytes.Buffer
	status = run(context.Background(), args, streams{In: strings.NewReader(""), Out: &o, Err: &e})
	return status, o.String(), e.String()
}

// The manual has every command and every flag that --help has, and no line of it is taken for markup.
func TestManualPage(t *testing.T) {
	t.Parallel()
	status, page, _ := call(t, "man")
	require.Equal(t, 0, status)
	_, help, _ := call(t, "--help")
	for line := range strings.Lines(help) {
		if name, _, ok := strings.Cut(strings.TrimPrefix(line, "  "), " "); ok && strings.HasPrefix(line, "  ") && name > "a" {
			require.Contains(t, page, "daemon\\-hotfix "+name, "%q of --help", name)
		}
	}
	for _, flag := range []string{"--allow", "--store", "--timeout", "--[no-]fix", "Also read from HOTFIX_FIX."} {
		require.Contains(t, page, strings.ReplaceAll(flag, "-", `\-`))
	}
	for line := range strings.Lines(page) {
		require.NotRegexp(t, `^\.[^A-Zn\\f]`, line)
		require.NotRegexp(t, "^'", line)
	}
}

// A shell asks through the environment, so this test cannot run beside others.
func TestCompletion(t *testing.T) {
	for line, want := range map[string]string{"daemon-hotfix se": "serve\n", "daemon-hotfix serve --allo": "--allow\n", "daemon-hotfix completion ": ""} {
		t.Setenv("COMP_LINE", line)
		status, out, _ := call(t)
		require.Equal(t, 0, status, line)
		require.Contains(t, out, want, line)
	}
	t.Setenv("COMP_LINE", "")
	for _, shell := range []string{"bash", "zsh", "fish"} {
		status, out, _ := call(t, "completion", shell)
		require.Equal(t, 0, status)
		require.Contains(t, out, "daemon-hotfix")
	}
	status, _, errs := call(t, "completion", "tcsh")
	require.Equal(t, 2, status)
	require.Contains(t, errs, `"bash","zsh","fish"`)
}
