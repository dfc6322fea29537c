package main

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
)

func simulated() simulateCmd {
	return simulateCmd{Plugin: "acme/greet", Kind: "workflow", Ref: "main", Message: "boom", Trigger: "acme/app", Event: "issues.opened",
		Issue: 42, Transport: "http", DryRun: true}
}

// What simulate signs, inspect accepts under the public half of the key that simulate made.
func TestSimulateThenInspect(t *testing.T) {
	t.Parallel()
	key := filepath.Join(t.TempDir(), "test.pem")
	for _, c := range []struct {
		name           string
		change         func(*simulateCmd)
		id, repo       string
		status         int
		message, where string
	}{
		{"workflow", func(*simulateCmd) {}, "acme/greet:compute.yml", "acme/greet", 0, "boom", ""},
		{"as a run", func(c *simulateCmd) { c.Transport = "workflow" }, "acme/greet:compute.yml", "acme/greet", 0, "boom", ""},
		{"refused by GitHub", func(c *simulateCmd) { c.Status = 422 }, "acme/greet:compute.yml", "acme/greet", 422, "boom", ""},
		{"worker", func(c *simulateCmd) { c.Kind, c.Status = "http", 502 }, "https://greet.example", "acme/greet", 502,
			"HTTP (target: https://greet.example) 502: boom", "https://greet.example"},
		{"worker behind a repository key", func(c *simulateCmd) { c.URL, c.Status = "https://w.example", 500 }, "acme/greet:compute.yml", "acme/greet", 500,
			"HTTP (target: https://w.example) 500: boom", "https://w.example"},
		{"kernel", func(c *simulateCmd) { c.Kind, c.Status = "kernel", 500 }, "ubiquity-os/ubiquity-os-kernel", "ubiquity-os/ubiquity-os-kernel", 500, "boom", ""},
	} {
		cmd := simulated() // one after the other: the first makes the key
		cmd.Key = key
		c.change(&cmd)
		var body, out, said bytes.Buffer
		require.NoError(t, cmd.Run(t.Context(), streams{Out: &body, Err: &said}), c.name)
		inspect := inspectCmd{Transport: cmd.Transport, PublicKey: key + ".pub", ContentType: "application/json", MaxAge: time.Hour}
		require.NoError(t, inspect.Run(t.Context(), streams{In: &body, Out: &out}), c.name)
		var got finding
		require.NoError(t, json.Unmarshal(out.Bytes(), &got))
		require.Equal(t, "triage", got.Then, "%s: %s", c.name, out.String())
		f := got.Notice.Failure
		require.Equal(t, []any{c.id, c.repo, c.status, c.message, c.where},
			[]any{f.Plugin.ID, f.Plugin.Repo.String(), f.Status, f.Message.String(), f.Plugin.URL}, c.name)
	}
}

func TestSimulatePosts(t *testing.T) {
	t.Parallel()
	var got *kernel.Delivery
	cmd := simulated()
	cmd.Key, cmd.DryRun = filepath.Join(t.TempDir(), "test.pem"), false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, err := kernelKey(cmd.Key + ".pub")
		if err == nil {
			got, err = kerneltest.OpenRequest(r, kernel.Options{Key: key})
		}
		if err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		_, _ = io.WriteString(w, `{"output":{"accepted":true}}`)
	}))
	t.Cleanup(server.Close)
	cmd.To = server.URL
	var out, said bytes.Buffer
	require.NoError(t, cmd.Run(t.Context(), streams{Out: &out, Err: &said}))
	require.JSONEq(t, `{"output":{"accepted":true}}`, out.String())
	require.Contains(t, said.String(), "test.pem.pub")
	require.Equal(t, "kernel.plugin_error", got.Event)
	require.Equal(t, server.URL, got.Ref)
}

func TestSimulateFaults(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		change func(*simulateCmd)
		want   string
	}{
		{"plugin", func(c *simulateCmd) { c.Plugin = "greet" }, "--plugin"},
		{"trigger", func(c *simulateCmd) { c.Trigger = "" }, "--trigger"},
		{"status", func(c *simulateCmd) { c.Status = 7 }, "--status"},
		{"a public key", func(c *simulateCmd) { c.Key = kernelTestdata + "kernel-public-key.pem" }, "--key"},
		{"nobody there", func(c *simulateCmd) { c.DryRun, c.To = false, "http://127.0.0.1:1" }, "post to"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			cmd := simulated()
			cmd.Key = filepath.Join(t.TempDir(), "test.pem")
			c.change(&cmd)
			require.ErrorContains(t, cmd.Run(t.Context(), streams{Out: &bytes.Buffer{}, Err: &bytes.Buffer{}}), c.want)
		})
	}
}
