package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFlagsOfTheSandbox(t *testing.T) {
	t.Parallel()
	empty := filepath.Join(t.TempDir(), "empty.pem")
	require.NoError(t, os.WriteFile(empty, []byte("nothing\n"), 0o600))
	c, err := boxFlags{Registries: []string{"npm.acme.example:443"}, InstallEnv: map[string]string{"NPM_CONFIG_REGISTRY": "https://npm.acme.example"}, Backend: "native"}.config()
	require.NoError(t, err)
	require.Equal(t, []string{"npm.acme.example:443"}, c.Registries)
	require.Equal(t, "https://npm.acme.example", c.InstallEnv["NPM_CONFIG_REGISTRY"])
	require.Equal(t, "native", c.Backend)
	for _, tt := range []struct {
		name, says string
		flags      boxFlags
	}{
		{"no port", `--sandbox-registries: "npm.acme.example" is no address: write host:port, such as npm.acme.example:443`, boxFlags{Registries: []string{"npm.acme.example"}}},
		{"no certificate", "--sandbox-certificates: " + empty + " holds no certificate in PEM", boxFlags{Certificates: empty}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := tt.flags.config()
			require.EqualError(t, err, tt.says)
		})
	}
}
