package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// What is wrong with the configuration is said in one sentence that names the key, before anything is started.
func TestServeRefusesABadConfiguration(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := func(name, text string) string {
		path := filepath.Join(dir, name)
		require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
		return path
	}
	tests := []struct {
		name string
		args []string
		says string
	}{
		{"repository", []string{"--allow", "acme"}, `--allow: "acme" is not a repository: write owner/name`},
		{"listen", []string{"--listen", "nowhere"}, "--listen:"},
		{"store", []string{"--store", "mysql://x"}, "no store is called"},
		{"public key", []string{"--public-key", file("key.pem", "nothing")}, "--public-key:"},
		{"api without https", []string{"--api-url", "http://github.example"}, "API must use https"},
		{"unknown key in the file", []string{"--config", file("a.yaml", "alow: [a/b]")}, `"alow"`},
		{"no YAML", []string{"--config", file("b.yaml", "- a\n- b")}, "not YAML"},
		{"app without a key", []string{"--app-id", "5"}, "HOTFIX_APP_PRIVATE_KEY"},
		{"kernel without https", []string{"--kernel-url", "http://kernel.example"}, "--kernel-url:"},
		{"source", []string{"--source-map", "https://greet.example=greet"}, "--source-map:"},
		{"fallback", []string{"--source-fallback", "acme"}, "--source-fallback:"},
		{"no fixes at all", []string{"--limit-fixes", "0"}, "--limit-fixes and --limit-fixes-per-repo must be at least 1"},
		{"less time than budget", []string{"--limit-fix-time", "10m"}, "--limit-fix-time must be longer than --budget-wall"},
		{"negative", []string{"--keep-runs=-1h"}, "must not be negative"},
		{"a dashboard that others can reach", []string{"--listen", "127.0.0.1:0", "--dashboard", "0.0.0.0:0"}, "HOTFIX_DASHBOARD_TOKEN"},
		{"a dashboard nowhere", []string{"--listen", "127.0.0.1:0", "--dashboard", "8788"}, "write HOST:PORT"},
		{"metrics nowhere", []string{"--listen", "127.0.0.1:0", "--dashboard", "none", "--admin", "nowhere"}, "--admin:"},
		{"status", []string{"--status-repo", "acme"}, "--status-repo:"},
		{"unknown flag", []string{"--alow", "x"}, "unknown flag --alow"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out, errs bytes.Buffer
			args := append([]string{"serve", "--data", t.TempDir(), "--no-fix"}, tt.args...)
			require.NotEqual(t, 0, run(context.Background(), args, streams{Out: &out, Err: &errs}))
			require.Contains(t, errs.String(), tt.says)
		})
	}
}

func TestShortName(t *testing.T) {
	t.Parallel()
	env := map[string]string{}
	get := func(name string) string { return env[name] }
	require.Equal(t, "a/b@c", shortName("a/b@c", get))
	require.Regexp(t, `^ubiquity-os-marketplace/daemon-hotfix@\S+$`, shortName("", get))
	env["GITHUB_REPOSITORY"], env["GITHUB_REF_NAME"] = "acme/daemon-hotfix", "dist/main"
	require.Equal(t, "acme/daemon-hotfix@dist/main", shortName("", get))
}

// Secrets come from the environment or from a file it names, as a private key that a form made one line of as well.
func TestSecretsFromTheEnvironment(t *testing.T) {
	key := "-----BEGIN RSA " + "PRIVATE KEY-----\nabc\n-----END RSA " + "PRIVATE KEY-----\n"
	t.Setenv("HOTFIX_APP_PRIVATE_KEY", strings.ReplaceAll(key, "\n", `\n`))
	got, err := secretEnv("HOTFIX_APP_PRIVATE_KEY")
	require.NoError(t, err)
	require.Equal(t, key, got.Reveal())
	_, err = githubFlags{}.config(quiet)
	require.ErrorContains(t, err, "HOTFIX_APP_ID")

	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte("short\n"), 0o600))
	t.Setenv("HOTFIX_WEBHOOK_SECRET_FILE", file)
	_, err = hook()
	require.ErrorContains(t, err, "16 or more")
	t.Setenv("HOTFIX_WEBHOOK_SECRET_FILE", file+"x")
	_, err = hook()
	require.ErrorContains(t, err, "HOTFIX_WEBHOOK_SECRET_FILE")
	t.Setenv("HOTFIX_WEBHOOK_SECRET", "a webhook secret of a test")
	open, err := hook()
	require.NoError(t, err)
	require.False(t, open.Secret.Empty())
}
