package daemon_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// TestAMergedFixThatIsTakenBack: the problem is there again, its issue is open, and the next attempt hears why.
func TestAMergedFixThatIsTakenBack(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, message string
		taken         bool
	}{
		{"by its commit, as git says it", "Revert \"fix: add nothing up to zero\"\n\nThis reverts commit SHA.\n\nTotals are null for new users, not zero.", true},
		{"by its number, as GitHub says it", "Revert \"fix: add nothing up to zero\" (#9)\n\nReverts acme/adder#NUMBER\n\nTotals are null for new users, not zero.", true},
		{"another commit", "Revert \"docs\"\n\nThis reverts commit 0123456789012345678901234567890123456789.", false},
		{"a mention", "See #NUMBER, which this does not take back.", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			script := agenttest.Play(append(propose[:3:3], givesUp)...)
			w := newWorld(t, fixing(t, script))
			w.forge.AddUser("mona", "write", repo)
			c := w.sees(t, "one", w.head(t))
			pull := w.forge.Pulls(repo)[0].Number
			require.NoError(t, w.forge.Merge(repo, pull))
			w.watch(t, time.Minute)
			require.Equal(t, "closed", w.state(t).State)
			c, err := w.store.Case(t.Context(), c.Fingerprint)
			require.NoError(t, err)
			message := strings.NewReplacer("SHA", c.Fix.Commit, "NUMBER", fmt.Sprint(pull)).Replace(tt.message)
			_, err = w.forge.Commit(repo, "main", message, map[string]string{"src/add.js": files["src/add.js"]})
			require.NoError(t, err)

			w.watch(t, time.Minute)
			w.forge.ResetCalls()
			w.watch(t, time.Minute)
			require.Empty(t, w.forge.Calls(), "it is not asked for all the time")
			c, err = w.store.Case(t.Context(), c.Fingerprint)
			require.NoError(t, err)
			if !tt.taken {
				require.Equal(t, hotfix.FixMerged, c.State)
				require.Equal(t, "merged", c.Attempts[0].Outcome.Fate)
				return
			}
			require.Equal(t, hotfix.Regressed, c.State)
			require.Equal(t, "reverted", c.Attempts[0].Outcome.Fate)
			require.Equal(t, "open", w.state(t).State)
			require.Contains(t, w.state(t).Body, fmt.Sprintf("The fix that was merged with #%d was taken back.", pull))

			w.say(t, w.state(t).Number, "mona", "retry")
			require.Contains(t, told(t, script), "An earlier attempt ended as `draft-opened`, and its pull request was `reverted`. Do not repeat it.")
			require.Contains(t, told(t, script), "Totals are null for new users, not zero.")
		})
	}
}
