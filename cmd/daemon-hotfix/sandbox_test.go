package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

func TestSandboxCheck(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	require.NoError(t, (&sandboxCheckCmd{JSON: true}).Run(context.Background(), streams{Out: &out, Err: &out}))
	var report struct {
		Usable   bool
		Findings []sandbox.Finding
	}
	require.NoError(t, json.Unmarshal(out.Bytes(), &report))
	require.True(t, report.Usable)
	names := map[string]bool{}
	for _, f := range report.Findings {
		names[f.Name] = f.Held
		require.NotEmpty(t, f.Says)
	}
	for _, name := range []string{"user", "memory", "read", "write", "loopback", "route", "deadline", "layers"} {
		require.True(t, names[name], name)
	}
	out.Reset()
	require.NoError(t, (&sandboxCheckCmd{}).Run(context.Background(), streams{Out: &out, Err: &out}))
	require.Contains(t, out.String(), "Untrusted code can run on this machine.")
}

func TestSandboxRun(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		cmd    sandboxRunCmd
		status int
		out    string
		err    string
		files  []string
	}{
		{name: "status", cmd: sandboxRunCmd{Command: []string{"--", "sh", "-c", "cat a.txt; exit 9"}}, status: 9, out: "a\n", files: []string{"a.txt"}},
		{name: "changes stay inside", cmd: sandboxRunCmd{Command: []string{"touch", "b.txt"}}, files: []string{"a.txt"}},
		{name: "changes come out", cmd: sandboxRunCmd{Export: true, Command: []string{"touch", "b.txt"}}, err: "changed b.txt\n", files: []string{"a.txt", "b.txt"}},
		{name: "no network", cmd: sandboxRunCmd{Command: []string{"sh", "-c", "env | grep -ci proxy="}}, status: 1, out: "0\n", files: []string{"a.txt"}},
		{name: "an address that is not allowed", cmd: sandboxRunCmd{Net: "proxy", Allow: []string{"registry.example.com:443"}, Command: []string{"node", "-e",
			"require('http').request({port: 3128, method: 'CONNECT', path: 'other.example.com:443'}).on('connect', r => console.log(r.statusCode)).end()"}},
			out: "403\n", err: "not reached, 1 times: other.example.com:443: other.example.com:443 is not on the list", files: []string{"a.txt"}},
		{name: "another backend", cmd: sandboxRunCmd{Backend: "bwrap", Command: []string{"sh", "-c", "cat a.txt; exit 7"}}, status: 7, out: "a\n", files: []string{"a.txt"}},
		{name: "deadline", cmd: sandboxRunCmd{Timeout: time.Second, Command: []string{"sleep", "60"}}, status: 137, err: "ended by timeout", files: []string{"a.txt"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			c.cmd.Dir = t.TempDir()
			require.NoError(t, os.WriteFile(filepath.Join(c.cmd.Dir, "a.txt"), []byte("a\n"), 0o644))
			var out, says bytes.Buffer
			err := c.cmd.Run(context.Background(), streams{Out: &out, Err: &says})
			var status exit
			errors.As(err, &status)
			require.Equal(t, c.status, int(status), "%v", err)
			require.Equal(t, c.out, out.String())
			require.Contains(t, says.String(), c.err)
			left, err := os.ReadDir(c.cmd.Dir)
			require.NoError(t, err)
			var names []string
			for _, e := range left {
				names = append(names, e.Name())
			}
			require.Equal(t, c.files, names)
		})
	}
	for says, cmd := range map[string]sandboxRunCmd{
		"write it after --":          {},
		"name addresses with":        {Net: "proxy", Command: []string{"true"}},
		"no meaning without":         {Allow: []string{"a:1"}, Command: []string{"true"}},
		"there is no backend \"no\"": {Backend: "no", Command: []string{"true"}},
	} {
		cmd.Dir = t.TempDir()
		require.ErrorContains(t, cmd.Run(context.Background(), streams{}), says)
	}
}
