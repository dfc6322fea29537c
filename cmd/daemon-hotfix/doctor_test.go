package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Each rule of the kernel that an installation can trip over, by the file that does.
func TestKernelFindings(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, file string
		status     string
		says       string // "" is nothing to say
	}{
		{"as it should be", "plugins:\n  acme/daemon-hotfix:\n    with: {enabled: true, modes: [issue]}\n  acme/other:\n", "", ""},
		{"at a ref, by workflow", "plugins:\n  acme/daemon-hotfix:compute.yml@dist/main:\n", "", ""},
		{"not installed", "plugins:\n  acme/other: {}\n", warning, "no plugin in it is daemon-hotfix"},
		{"by address", "plugins:\n  https://hotfix.example/:\n", problem, "is an address"},
		{"under another name", "plugins:\n  acme/Daemon-Hotfix:\n", problem, "exactly daemon-hotfix"},
		{"runsOn of ours", "plugins:\n  acme/daemon-hotfix: {runsOn: [kernel.plugin_error]}\n", problem, "switches off every plugin"},
		{"runsOn of another", "plugins:\n  acme/daemon-hotfix:\n  acme/other: {runsOn: [issues.opened, kernel.plugin_error]}\n", problem, `"acme/other" has runsOn: kernel.plugin_error`},
		{"bots are skipped", "plugins:\n  acme/daemon-hotfix: {skipBotEvents: true}\n", problem, "skipBotEvents"},
		{"twice", "plugins:\n  acme/daemon-hotfix:\n  acme/daemon-hotfix@main:\n", warning, "arrives twice"},
		{"mistyped setting", "plugins:\n  acme/daemon-hotfix: {with: {mods: [issue]}}\n", warning, `"mods"`},
		{"list without the switch", "plugins:\n  acme/daemon-hotfix: {with: {allowlistRepos: [acme/a]}}\n", warning, "no workflow events arrive"},
		{"no YAML", "plugins: [", problem, "cannot be read"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			got := kernelFindings(tt.file, "https://hotfix.example")
			if tt.says == "" {
				require.Empty(t, got)
				return
			}
			require.NotEmpty(t, got)
			require.Equal(t, tt.status, got[0].Status, got)
			require.Contains(t, got[0].Says, tt.says)
			require.NotEmpty(t, got[0].Do)
		})
	}
}

// The environment holds the credential, so this test cannot run beside others.
func TestDoctor(t *testing.T) {
	gh, err := forgetest.Start()
	require.NoError(t, err)
	t.Cleanup(gh.Close)
	require.NoError(t, gh.AddRepo(hotfix.Repo{Owner: "acme", Name: "greet"}, map[string]string{"a": "a"}))
	require.NoError(t, gh.AddRepo(hotfix.Repo{Owner: "acme", Name: ".ubiquity-os"}, map[string]string{
		".github/.ubiquity-os.config.yml": "plugins:\n  acme/daemon-hotfix: {skipBotEvents: true}\n"}))
	t.Setenv("GITHUB_TOKEN", gh.Token().Reveal())
	for _, name := range []string{"OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "GEMINI_API_KEY", "GOOGLE_API_KEY", "OLLAMA_HOST", "UOS_AI_URL", "UOS_AI_TOKEN", "KERNEL_PUBLIC_KEY"} {
		t.Setenv(name, "")
	}
	args := []string{"doctor", "--api-url", gh.API(), "--server-url", gh.URL(), "--data", filepath.Join(t.TempDir(), "data")}

	status, out, errs := call(t, append(args, "--allow", "acme/greet", "--json")...)
	require.Equal(t, 1, status, errs)
	var report struct {
		Healthy  bool
		Findings []diagnosis
	}
	require.NoError(t, json.Unmarshal([]byte(out), &report))
	require.False(t, report.Healthy)
	got := map[string]diagnosis{}
	for _, f := range report.Findings {
		got[f.Check] = f
		require.Equal(t, f.Status == fine, f.Do == "", "%s: what is not fine says what to do", f.Check)
	}
	for check, want := range map[string]string{"kernel key": fine, "data": fine, "store": fine, "sandbox": fine, "toolchains": fine, "github": fine, "clock": fine,
		"allow list": fine, "repository": fine, "model": warning, "kernel config": problem, "manifest": problem} {
		require.Equal(t, want, got[check].Status, "%s: %s", check, got[check].Says)
	}
	require.NotContains(t, out, gh.Token().Reveal())
	require.Empty(t, gh.Writes(), "it looks and does nothing")

	require.NoError(t, gh.AddRepo(hotfix.Repo{Owner: "acme", Name: "daemon-hotfix"}, map[string]string{"manifest.json": string(daemon.NewManifest("acme/daemon-hotfix@main", "https://hotfix.example").JSON())}))
	for home, want := range map[string]string{"https://hotfix.example/": "ok       manifest", "https://elsewhere.example": "problem  manifest"} {
		_, out, _ = call(t, append(args, "--allow", "acme/greet", "--homepage", home)...)
		require.Contains(t, out, want)
	}

	_, out, _ = call(t, append(args, "--allow", "acme/nowhere")...)
	require.Contains(t, out, "acme/nowhere: ")
	require.Contains(t, out, "→ Install the App there")

	t.Setenv("KERNEL_PUBLIC_KEY", "nonsense")
	file := filepath.Join(t.TempDir(), "kernel.yml")
	require.NoError(t, os.WriteFile(file, []byte("plugins:\n  acme/daemon-hotfix:\n"), 0o600))
	status, out, _ = call(t, "doctor", "--offline", "--kernel-config", file)
	require.Equal(t, 1, status)
	require.Contains(t, out, "problem  kernel key")
	require.Contains(t, out, "installs the daemon as it should be")
	require.NotContains(t, out, "github")
}
