package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
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
