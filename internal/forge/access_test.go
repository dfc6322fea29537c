package forge_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestAccess(t *testing.T) {
	t.Parallel()
	gh := start(t)
	key, err := gh.AddApp(77, "fixer")
	require.NoError(t, err)
	gh.Grant(77, map[string]string{"issues": "write", "actions": "read"}, "issue_comment", "workflow_run")

	a, err := connect(t, gh, func(c *forge.Config) { c.App = &forge.App{ID: 77, Key: key} }).Access(ctx)
	require.NoError(t, err)
	require.Equal(t, "app", a.Credential)
	require.Equal(t, "fixer[bot]", a.Login)
	require.Equal(t, map[string]string{"issues": "write", "actions": "read"}, a.Permissions)
	require.Equal(t, []string{"issue_comment", "workflow_run"}, a.Events)

	a, err = connect(t, gh, func(c *forge.Config) { c.Now = func() time.Time { return time.Now().Add(5 * time.Minute) } }).Access(ctx)
	require.NoError(t, err)
	require.Equal(t, "token", a.Credential)
	require.Equal(t, forgetest.BotLogin, a.Login, "a token of an installation, which GitHub does not tell about itself at /user")
	require.InDelta(t, 5*time.Minute, a.Ahead, float64(time.Minute))

	a, err = connect(t, gh, func(c *forge.Config) { c.Token = redact.Secret{} }).Access(ctx)
	require.NoError(t, err)
	require.Equal(t, "", a.Credential)

	_, err = connect(t, gh, func(c *forge.Config) { c.Token = redact.NewSecret("ghp_" + "wrong") }).Access(ctx)
	require.ErrorIs(t, err, forge.ErrForbidden)
}

func TestWritable(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	require.NoError(t, c.Writable(ctx, greeter))
	reader := gh.AddUser("rita", "read")
	require.ErrorContains(t, connect(t, gh, func(c *forge.Config) { c.Token = reader }).Writable(ctx, greeter), "may read it and not write")
	silent := greeter
	silent.Name = "silent"
	require.NoError(t, gh.AddRepo(silent, map[string]string{"a": "a"}, forgetest.RepoOptions{NoIssues: true}))
	require.ErrorContains(t, c.Writable(ctx, silent), "issues are switched off")
	silent.Name = "nowhere"
	require.ErrorIs(t, c.Writable(ctx, silent), forge.ErrGone)
}

func TestReadFile(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	text, err := c.ReadFile(ctx, greeter, "go.mod")
	require.NoError(t, err)
	require.Equal(t, "module greeter\n", text)
	_, err = c.ReadFile(ctx, greeter, "nothing")
	require.ErrorIs(t, err, forge.ErrGone)
}
