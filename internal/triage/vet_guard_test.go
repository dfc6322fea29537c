package triage_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// TestGuardsAreLeftAlone: what keeps strangers out is never changed without a person.
func TestGuardsAreLeftAlone(t *testing.T) {
	t.Parallel()
	diff := func(heading, removed, added string) hotfix.Patch {
		return hotfix.Patch{Diff: "diff --git a/src/a.js b/src/a.js\nindex 1111111..2222222 100644\n--- a/src/a.js\n+++ b/src/a.js\n@@ -1,2 +1,2 @@ " + heading +
			"\n line\n-" + removed + "\n+" + added + "\n", Files: []hotfix.FileChange{{Path: "src/a.js", Added: 1, Removed: 1}}}
	}
	for _, tt := range []struct {
		name  string
		patch hotfix.Patch
		want  bool
	}{
		{"the body of a check", diff("export function verifySignature(body, sig) {", "  return same(want, sig);", "  return true;"), true},
		{"the call of one", diff("", "  if (!hasPermission(user)) return;", ""), true},
		{"a comparison", diff("", "  return timingSafeEqual(a, b);", "  return a == b;"), true},
		{"switching one off", diff("", "  const agent = new Agent();", "  const agent = new Agent({ rejectUnauthorized: false });"), true},
		{"something else", diff("export function share(done, tasks) {", "  return done.length;", "  return done?.length ?? 0;"), false},
		{"an author is no authority", diff("", "  return c.author.date;", "  return c.author?.date;"), false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			found := false
			for _, r := range (triage.Policy{MaxFiles: 8, MaxLines: 300}).Vet(tt.patch, hotfix.Evidence{}) {
				found = found || r.Rule == "guard"
			}
			require.Equal(t, tt.want, found)
		})
	}
}
