package forge_test

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// emulator starts a GitHub that nobody here wrote, with an app installed for acme. .ci/setup installs it.
func emulator(t *testing.T) (api string, key redact.Secret) {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(t, err)
	text := string(pem.EncodeToMemory(&pem.Block{Type: "RSA " + "PRIVATE KEY", Bytes: x509.MarshalPKCS1PrivateKey(private)}))
	seed, err := json.Marshal(map[string]any{"github": map[string]any{
		"users": []any{map[string]any{"login": "mona"}},
		"orgs":  []any{map[string]any{"login": "acme", "members": []any{map[string]any{"login": "mona", "role": "admin"}}}},
		"repos": []any{map[string]any{"owner": "acme", "name": "greeter", "auto_init": true}},
		"apps": []any{map[string]any{"app_id": 7, "slug": "hotfix", "name": "Hotfix", "private_key": text, "permissions": map[string]any{"issues": "write", "contents": "read", "metadata": "read"},
			"events": []any{}, "installations": []any{map[string]any{"installation_id": 70, "account": "acme", "repository_selection": "all"}}}},
	}, "tokens": map[string]any{"mona-token": map[string]any{"login": "mona", "scopes": []any{"repo"}}}})
	require.NoError(t, err)
	file := filepath.Join(t.TempDir(), "seed.json")
	require.NoError(t, os.WriteFile(file, seed, 0o600))
	program, err := filepath.Abs("../../.tools/emulator/node_modules/emulate/dist/index.js")
	require.NoError(t, err)
	require.FileExists(t, program, "run .ci/setup")
	free, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	port := free.Addr().(*net.TCPAddr).Port
	require.NoError(t, free.Close())
	var said bytes.Buffer
	cmd := exec.Command("node", program, "start", "--service", "github", "--port", fmt.Sprint(port), "--seed", file)
	cmd.Stdout, cmd.Stderr, cmd.Dir = &said, &said, t.TempDir()
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	api = fmt.Sprintf("http://127.0.0.1:%d", port)
	require.Eventually(t, func() bool {
		res, err := http.Get(api + "/rate_limit")
		if err != nil {
			return false
		}
		return res.Body.Close() == nil
	}, time.Minute, 100*time.Millisecond, "the emulator does not answer: %s", &said)
	return api, redact.NewSecret(text)
}

// Our client keeps its promises against a GitHub that was written by others: as our own app, with tokens minted for
// the repository.
func TestTheClientAgainstAnEmulatorOfOthers(t *testing.T) {
	t.Parallel()
	api, key := emulator(t)
	c, err := forge.New(forge.Config{API: api, Server: api, App: &forge.App{ID: 7, Key: key}})
	require.NoError(t, err)

	none, err := c.FindIssue(ctx, forge.Issue{Repo: greeter, Marker: marker})
	require.NoError(t, err)
	require.Zero(t, none.Number)
	made, err := c.SaveIssue(ctx, issue("seen once"))
	require.NoError(t, err)
	require.Positive(t, made.Number)
	again, err := c.SaveIssue(ctx, issue("seen twice"))
	require.NoError(t, err)
	require.Equal(t, made.Number, again.Number, "one issue for one marker")
	found, err := c.FindIssue(ctx, forge.Issue{Repo: greeter, Marker: marker})
	require.NoError(t, err)
	require.Equal(t, made.Number, found.Number)
	require.Contains(t, found.Body.String(), "seen twice")
	require.NotContains(t, found.Body.String(), "seen once")

	require.NoError(t, c.SetState(ctx, greeter, made.Number, "closed", "not_planned"))
	found, err = c.FindIssue(ctx, forge.Issue{Repo: greeter, Number: made.Number})
	require.NoError(t, err)
	require.Equal(t, []string{"closed", "not_planned"}, []string{found.State, found.StateReason})
	require.NoError(t, c.SetState(ctx, greeter, made.Number, "open", "reopened"))

	for range 2 {
		require.NoError(t, c.CommentOnce(ctx, greeter, made.Number, "run-1", redact.Scrub("Attempt 1 ended.")))
	}
	require.Equal(t, 1, comments(t, api, made.Number), "twice is once")

	ours, err := c.Ours(ctx, greeter, time.Now().Add(-time.Hour))
	require.NoError(t, err)
	require.Len(t, ours, 1)

	_, err = c.SaveIssue(ctx, forge.Issue{Repo: hotfix.Repo{Owner: "mona", Name: "nowhere"}, Marker: marker, Title: "x", Body: redact.Scrub(marker)})
	require.ErrorIs(t, err, forge.ErrForbidden, "the app is not installed there")
}

func comments(t *testing.T, api string, issue int) int {
	t.Helper()
	req, err := http.NewRequest(http.MethodGet, fmt.Sprintf("%s/repos/%s/issues/%d/comments", api, greeter, issue), nil)
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer mona-token")
	res, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	var list []any
	require.NoError(t, json.NewDecoder(res.Body).Decode(&list))
	return len(list)
}
