package daemon_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// TestADraftLooksLikeTheRepositorysOwn: its title and commit are written as the repository writes its own, its form is
// filled in, the commit is signed off where that is configured, and what the proof does not need is not in it.
func TestADraftLooksLikeTheRepositorysOwn(t *testing.T) {
	t.Parallel()
	padded := files["src/add.js"] + strings.Repeat("// sums are sums\n", 20) + "const unit = 1;\nvoid unit;\n"
	const template = "<!-- Thanks! # Not a heading -->\n## What changed\n\n## Tests\n\n## Screenshots\n"
	for _, tt := range []struct {
		name    string
		history []string
		signOff bool
		title   string
	}{
		{"typed, small letters", []string{"feat: list sums", "fix(cli): print sums", "docs: say how", "chore: tidy up"}, true, "fix: add nothing up to zero"},
		{"plain, capitals", []string{"List sums", "Print sums", "Say how", "Tidy up"}, false, "Add nothing up to zero"},
		{"plain, small letters", []string{"list sums", "print sums", "say how", "tidy up"}, false, "add nothing up to zero"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			script := []agenttest.Turn{
				agenttest.Call("write-patch", map[string]any{"edits": []map[string]any{
					{"path": "test/empty.test.js", "new": regression},
					{"path": "src/add.js", "old": "(a, b) => a + b)", "new": "(a, b) => a + b, 0)"},
					{"path": "src/add.js", "old": "unit = 1;", "new": "unit = Number(1);"},
				}}), propose[2]}
			w := newWorld(t, func(cfg *daemon.Config) {
				fixing(t, agenttest.Play(script...))(cfg)
				github, err := forge.New(forge.Config{API: cfg.Server + "/api/v3", Server: cfg.Server, SignOff: tt.signOff})
				require.NoError(t, err)
				cfg.Connect = func(token redact.Secret) daemon.Forge { return github.With(token) }
			})
			for i, message := range tt.history {
				_, err := w.forge.Commit(repo, "main", message, map[string]string{"NEWS.md": message, "src/add.js": padded, ".github/pull_request_template.md": template,
					"notes.txt": string(rune('a' + i))})
				require.NoError(t, err)
			}
			c := w.sees(t, "one", w.head(t))
			require.Equal(t, hotfix.DraftOpened, c.Attempts[0].Outcome.Ending, "%+v", c.Attempts[0].Outcome)
			pull := w.forge.Pulls(repo)[0]
			require.Equal(t, tt.title, pull.Title)
			require.Contains(t, pull.Body, "### From the repository's own form\n\n- **What changed**: See what was wrong, and why this fixes it, above.\n- **Tests**: See the evidence above.\n- **Screenshots**: Left to the reviewer.\n")

			log, err := w.forge.Log(repo, pull.Pull.Head)
			require.NoError(t, err)
			require.Contains(t, log, "\n    "+tt.title+"\n")
			if tt.signOff {
				require.Contains(t, log, "    Signed-off-by: ")
			} else {
				require.NotContains(t, log, "Signed-off-by")
			}

			diff, err := w.forge.Diff(repo, pull.Pull.Head)
			require.NoError(t, err)
			require.Contains(t, diff, "+  return list.reduce((a, b) => a + b, 0);")
			require.NotContains(t, diff, "unit", "the proof holds without it")
			require.Equal(t, []string{"src/add.js, line 24"}, c.Attempts[0].Outcome.Evidence.Dropped)
			require.Contains(t, pull.Body, "src/add.js, line 24")
		})
	}
}
