package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestInit(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name  string
		args  []string
		files []string
	}{
		{"service", []string{"--run-as", "service", "--homepage", "https://hotfix.acme.example"}, []string{"kernel-config.yml", "daemon-hotfix.service", "config.yaml", "env", "github-app.json", "manifest.json"}},
		{"container", []string{"--run-as", "container", "--homepage", "https://hotfix.acme.example", "--no-fix"}, []string{"kernel-config.yml", "Containerfile", "config.yaml", "env", "github-app.json", "manifest.json"}},
		{"action", []string{"--run-as", "action"}, []string{"kernel-config.yml", ".github/workflows/compute.yml", "github-app.json", "manifest.json"}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "new")
			status, out, errs := call(t, append([]string{"init", "--dir", dir, "--owner", "acme"}, tt.args...)...)
			require.Equal(t, 0, status, errs)
			require.Contains(t, out, "Next:")
			for _, f := range tt.files {
				require.FileExists(t, filepath.Join(dir, f))
			}
			text, err := os.ReadFile(filepath.Join(dir, "kernel-config.yml"))
			require.NoError(t, err)
			require.Empty(t, kernelFindings(string(text), "https://hotfix.acme.example"), "the doctor finds nothing wrong with it")
			raw, err := os.ReadFile(filepath.Join(dir, "github-app.json"))
			require.NoError(t, err)
			var app struct {
				Hook struct{ URL string } `json:"hook_attributes"`
			}
			require.NoError(t, json.Unmarshal(raw, &app))
			if tt.name == "action" { // the kernel's dispatch is its only door
				require.Empty(t, app.Hook.URL)
				return
			}
			require.Equal(t, "https://hotfix.acme.example/github", app.Hook.URL)
			require.Contains(t, out, "settings/apps/new?actions=read&checks=read&contents=write&events%5B%5D=check_run&")
			require.Contains(t, out, "&webhook_url=https%3A%2F%2Fhotfix.acme.example%2Fgithub")
			startsServe(t, dir, tt.name)

			// The daemon starts with the configuration, and refuses nothing of it.
			var o, e bytes.Buffer
			ended, end := context.WithCancel(context.Background())
			end()
			status = run(ended, []string{"serve", "--config", filepath.Join(dir, "config.yaml"), "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--no-fix"}, streams{Out: &o, Err: &e})
			require.NotContains(t, e.String(), "configuration file")
			require.NotEqual(t, 2, status, e.String())

			require.NoError(t, os.WriteFile(filepath.Join(dir, "env"), []byte("MINE=1\n"), 0o600))
			_, out, _ = call(t, append([]string{"init", "--dir", dir, "--owner", "acme"}, tt.args...)...)
			require.Contains(t, out, "kept ")
			mine, err := os.ReadFile(filepath.Join(dir, "env"))
			require.NoError(t, err)
			require.Equal(t, "MINE=1\n", string(mine))
		})
	}
}

// startsServe checks that the unit or the container starts serve with the configuration that was written beside it.
func startsServe(t *testing.T, dir, name string) {
	t.Helper()
	file := map[string]string{"service": "daemon-hotfix.service", "container": "Containerfile"}[name]
	text, err := os.ReadFile(filepath.Join(dir, file))
	require.NoError(t, err)
	var args []string
	if m := regexp.MustCompile(`(?m)^ExecStart=/usr/local/bin/daemon-hotfix (.*)$`).FindSubmatch(text); m != nil {
		args = strings.Fields(string(m[1]))
	} else if m := regexp.MustCompile(`(?m)^CMD (.*)$`).FindSubmatch(text); m != nil {
		require.NoError(t, json.Unmarshal(m[1], &args))
		require.Contains(t, string(text), "-v ./config.yaml:/etc/daemon-hotfix/config.yaml:ro", "what starts it mounts the configuration")
	}
	i := slices.Index(args, "/etc/daemon-hotfix/config.yaml")
	require.Positive(t, i, "%v", args)
	args[i] = filepath.Join(dir, "config.yaml")
	command, err := newParser(t.Context(), streams{}).Parse(args)
	require.NoError(t, err)
	require.Equal(t, "serve", command.Command())
}

// The workflow that init writes is the one that this repository has.
func TestInitWritesOurOwnWorkflow(t *testing.T) {
	t.Parallel()
	ours, err := os.ReadFile("../../.github/workflows/compute.yml")
	require.NoError(t, err)
	written, err := initTemplates.ReadFile("init/compute.yml")
	require.NoError(t, err)
	require.Equal(t, string(ours), string(written), "copy .github/workflows/compute.yml to cmd/daemon-hotfix/init")
}

// What the environment may hold is what serve says that it reads.
func TestInitNamesTheVariablesOfServe(t *testing.T) {
	t.Parallel()
	text, err := initTemplates.ReadFile("init/env.tmpl")
	require.NoError(t, err)
	_, help, _ := call(t, "serve", "--help")
	names := regexp.MustCompile(`(?m)^#([A-Z_]+)=`).FindAllStringSubmatch(string(text), -1)
	require.NotEmpty(t, names)
	for _, n := range names {
		require.Contains(t, help, n[1])
	}
}

func TestInitRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		args []string
		says string
	}{
		{"nobody to ask", nil, "--owner is missing, and there is no terminal to ask at"},
		{"owner", []string{"--owner", "a/b", "--run-as", "service", "--homepage", "https://x.example"}, `--owner: "a/b" is not a login`},
		{"how", []string{"--owner", "a", "--run-as", "magic"}, "--run-as"},
		{"no address", []string{"--owner", "a", "--run-as", "service"}, "--homepage is missing"},
		{"plain http", []string{"--owner", "a", "--run-as", "service", "--homepage", "http://x"}, "not an https address"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "new")
			status, _, errs := call(t, append([]string{"init", "--dir", dir}, tt.args...)...)
			require.NotEqual(t, 0, status)
			require.Contains(t, errs, tt.says)
			require.NoDirExists(t, dir, "nothing is written")
		})
	}
}
