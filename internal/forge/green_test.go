package forge_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
)

func TestGreen(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	for _, r := range []forgetest.Run{
		{Name: "CI", SHA: "aaaa", Conclusion: "success"},
		{Name: "CI", SHA: "bbbb", Conclusion: "success"}, {Name: "lint", SHA: "bbbb", Conclusion: "failure"},
		{Name: "CI", SHA: "cccc", Conclusion: "success"}, {Name: "deploy", SHA: "cccc", Conclusion: "skipped"},
		{Name: "CI", SHA: "dddd", Conclusion: "cancelled"},
		{Name: "CI", SHA: "eeee", Conclusion: "success", Branch: "other"},
	} {
		_, err := gh.AddRun(greeter, r)
		require.NoError(t, err)
	}
	green, err := c.Green(t.Context(), greeter, "main")
	require.NoError(t, err)
	require.Equal(t, []string{"cccc", "aaaa"}, green)
	all, err := c.Green(t.Context(), greeter, "")
	require.NoError(t, err)
	require.Equal(t, []string{"eeee", "cccc", "aaaa"}, all)
}
