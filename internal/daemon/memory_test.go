package daemon_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// told is the first prompt of the latest attempt.
func told(t *testing.T, s *agenttest.Script) string {
	t.Helper()
	asked := s.Asked()
	require.NotEmpty(t, asked)
	return fmt.Sprint(asked[len(asked)-1][1].Parts)
}

var givesUp = agenttest.Call("give-up", map[string]any{"reason": "cause-unclear", "explanation": "It is not clear what a sum of nothing should be."})

// TestTheNextAttemptHearsWhatTheLastOneTaught: what maintainers said when they closed a draft, what it had changed and
// what the person who asks again adds, all of it bounded and quoted.
func TestTheNextAttemptHearsWhatTheLastOneTaught(t *testing.T) {
	t.Parallel()
	script := agenttest.Play(append(propose[:3:3], givesUp)...)
	w := newWorld(t, fixing(t, script))
	w.forge.AddUser("mona", "write", repo)
	w.sees(t, "one", w.head(t))
	number := w.forge.Pulls(repo)[0].Number
	_, err := w.forge.Comment(repo, number, "mona", "The caller must not pass an empty list. "+strings.Repeat("x", 4000))
	require.NoError(t, err)
	require.NoError(t, w.forge.SetState(repo, number, "closed", ""))
	w.watch(t, time.Minute)
	require.NotContains(t, told(t, script), "earlier attempt")

	w.say(t, w.state(t).Number, "mona", "retry look at the caller")
	prompt := told(t, script)
	require.Contains(t, prompt, "An earlier attempt ended as `draft-opened`, and its pull request was `rejected`. Do not repeat it.")
	require.Contains(t, prompt, "``` outside text: what maintainers said of it\nThe caller must not pass an empty list. xxx")
	require.NotContains(t, prompt, strings.Repeat("x", 2001), "a lesson is bounded")
	require.Contains(t, prompt, "+  return list.reduce((a, b) => a + b, 0);", "what it had changed")
	require.Contains(t, prompt, "``` outside text: hint\nlook at the caller\n```")
}

// TestSimilarFixesThatWereAccepted: of the fixes that maintainers merged in this repository, the two that are most alike
// are told of; what is not alike, not merged or of another repository is not.
func TestSimilarFixesThatWereAccepted(t *testing.T) {
	t.Parallel()
	script := agenttest.Play(givesUp)
	w := newWorld(t, fixing(t, script))
	other, before := hotfix.Repo{Owner: "acme", Name: "elsewhere"}, noon.Add(-30*24*time.Hour)
	for i, past := range []struct {
		repo    hotfix.Repo
		state   hotfix.State
		ending  hotfix.Ending
		message string
	}{
		{repo, hotfix.FixMerged, hotfix.DraftOpened, "TypeError: Reduce of array failed"},                                 // 0: less alike than 1 and 2
		{repo, hotfix.FixMerged, hotfix.DraftOpened, "TypeError: Reduce of empty array with no initial value in totals"},  // 1
		{repo, hotfix.Verified, hotfix.DraftOpened, "TypeError: Reduce of empty array with no initial value in averages"}, // 2
		{repo, hotfix.FixMerged, hotfix.DraftOpened, "RangeError: Invalid time"},                                          // 3: not alike
		{repo, hotfix.Ongoing, hotfix.DraftOpened, "TypeError: Reduce of empty array with no initial value in sums"},      // 4: not merged
		{other, hotfix.FixMerged, hotfix.DraftOpened, "TypeError: Reduce of empty array with no initial value in lists"},  // 5: elsewhere
		{repo, hotfix.FixMerged, hotfix.Refused, "TypeError: Reduce of empty array with no initial value in means"},       // 6: fixed by somebody else
	} {
		fp := hotfix.Fingerprint(fmt.Sprintf("v1-%032d", i+1))
		f := hotfix.Failure{ID: fmt.Sprint(i), Plugin: hotfix.Plugin{ID: "acme/adder", Repo: past.repo}, Message: redact.Scrub(past.message), At: before}
		require.NoError(t, w.store.SaveCase(t.Context(), hotfix.Case{Fingerprint: fp, Repo: past.repo, State: past.state, Count: 1, First: before, Last: before, Latest: f,
			Attempts: []hotfix.Attempt{{RunID: string(fp) + "-1", Started: before, Ended: before, Outcome: hotfix.Outcome{Ending: past.ending, PR: i + 100,
				Patch: &hotfix.Patch{Diff: fmt.Sprintf("+the diff of %d\n%s", i, strings.Repeat("+y\n", 2000))}}}}}))
	}
	w.sees(t, "one", w.head(t))
	prompt := told(t, script)
	require.Equal(t, 2, strings.Count(prompt, "A similar failure was fixed like this, and a maintainer accepted it:"))
	require.Contains(t, prompt, "no initial value in totals\n```")
	require.Contains(t, prompt, "no initial value in averages\n```")
	require.Contains(t, prompt, "``` outside text: its fix\n+the diff of 1\n")
	require.NotContains(t, prompt, strings.Repeat("+y\n", 600), "a diff is bounded")
}
