package daemon_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// sees has the plugin fail once more, at that version.
func (w *world) sees(t *testing.T, id, version string) hotfix.Case {
	t.Helper()
	n := w.notice(t, id)
	n.Failure.Plugin.Ref = version
	require.NoError(t, w.daemon.Handle(t.Context(), n))
	return w.theCase(t, n)
}

func (w *world) head(t *testing.T) string {
	t.Helper()
	all, err := w.forge.Branches(repo)
	require.NoError(t, err)
	return all["main"]
}

func (w *world) state(t *testing.T) forgetest.Issue {
	t.Helper()
	for _, i := range w.forge.Issues(repo) {
		if i.Pull == nil {
			return i
		}
	}
	t.Fatal("no issue")
	return forgetest.Issue{}
}

// proposed is a world with a draft that waits for review, after an hour of failures.
func proposed(t *testing.T) (w *world, old string, pull int) {
	t.Helper()
	w = newWorld(t, fixing(t, agenttest.Play(
		agenttest.Call("write-patch", edit("test/empty.test.js", "", regression)),
		agenttest.Call("write-patch", edit("src/add.js", "(a, b) => a + b)", "(a, b) => a + b, 0)")),
		agenttest.Call("open-pr", map[string]any{"title": "Add nothing up to zero", "explanation": "`reduce` needs a first value.", "risk": "None."}),
	)))
	old = w.head(t)
	for i := range 13 {
		w.sees(t, fmt.Sprint("early-", i), old)
		w.clock.pass(5 * time.Minute)
	}
	require.Len(t, w.forge.Pulls(repo), 1)
	return w, old, w.forge.Pulls(repo)[0].Number
}

func TestAMergedFixIsWatched(t *testing.T) {
	t.Parallel()
	w, old, pull := proposed(t)
	w.watch(t, time.Minute)
	require.Equal(t, hotfix.Fixing, w.sees(t, "waits", old).State)
	require.NoError(t, w.forge.Merge(repo, pull))
	w.watch(t, time.Minute)
	require.Equal(t, "closed", w.state(t).State)
	require.Equal(t, "completed", w.state(t).StateReason)

	w.clock.pass(time.Minute)
	c := w.sees(t, "stale", old)
	require.Equal(t, hotfix.FixMerged, c.State, "the version that failed is older than the fix")
	require.Equal(t, 1, c.Fix.Stale)
	require.Equal(t, "version-without-fix", c.Decision.Reasons[0].Rule, "and it says why nothing follows")
	require.Equal(t, "closed", w.state(t).State)

	w.watch(t, 24*time.Hour)
	c = w.sees(t, "stale again", old)
	require.Equal(t, hotfix.Verified, c.State, "silent for far longer than its rate explains")
	require.Contains(t, w.state(t).Body, "verified")
	require.Contains(t, w.state(t).Body, "- Nothing: this is taken to be over.")
	require.NotContains(t, w.state(t).Body, "Close this issue", "it is closed")

	w.clock.pass(time.Hour)
	c = w.sees(t, "it is back", w.head(t))
	require.Equal(t, hotfix.Regressed, c.State)
	require.Equal(t, "open", w.state(t).State)
	require.Len(t, w.forge.Issues(repo), 1, "in the same issue")
	require.Contains(t, w.state(t).Body, fmt.Sprintf("It failed at %s, which has the fix of #\u200b%d.", w.head(t)[:7], pull))
	require.Contains(t, w.state(t).Body, "It came back after it was taken to be fixed")
}

func TestAFixThatDidNotHelpIsSeenAtOnce(t *testing.T) {
	t.Parallel()
	w, _, pull := proposed(t)
	require.NoError(t, w.forge.Merge(repo, pull))
	w.watch(t, time.Minute)
	w.clock.pass(time.Minute)
	c := w.sees(t, "still there", "main")
	require.Equal(t, hotfix.Regressed, c.State)
	require.Equal(t, "open", w.state(t).State)
	require.Contains(t, w.state(t).Body, fmt.Sprintf("#%d", pull), "with the evidence")
}

func TestARejectedDraftLeavesTheProblemOpen(t *testing.T) {
	t.Parallel()
	w, old, pull := proposed(t)
	require.NoError(t, w.forge.SetState(repo, pull, "closed", ""))
	w.watch(t, time.Minute)
	require.Equal(t, hotfix.Ongoing, w.sees(t, "once more", old).State)
	require.Equal(t, "open", w.state(t).State)
}

func TestGitHubIsAwayWhenTheVersionMatters(t *testing.T) {
	t.Parallel()
	w, old, pull := proposed(t)
	require.NoError(t, w.forge.Merge(repo, pull))
	w.watch(t, time.Minute)
	w.clock.pass(time.Minute)
	n := w.notice(t, "unlucky")
	n.Failure.Plugin.Ref = old
	w.forge.FailRate(1, 1, forgetest.Fault{On: "GET /repos/acme/adder/compare", Status: 502})
	require.Error(t, w.daemon.Handle(t.Context(), n), "it is tried again")
	w.forge.ClearFaults()
	require.Equal(t, hotfix.FixMerged, w.theCase(t, n).State, "no conclusion was drawn")
	require.NoError(t, w.daemon.Handle(t.Context(), n))
	require.Equal(t, 1, w.theCase(t, n).Fix.Stale)
}

func TestSilenceMakesACaseObsolete(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sees(t, "once", "main")
	w.watch(t, 89*24*time.Hour)
	require.Equal(t, "open", w.state(t).State)
	w.watch(t, 2*24*time.Hour)
	require.Equal(t, "closed", w.state(t).State)
	require.Contains(t, w.state(t).Body, "Silent for 91 days")

	require.NoError(t, w.forge.SetState(repo, 1, "open", "reopened"))
	w.watch(t, time.Minute)
	w.clock.pass(time.Hour)
	require.Equal(t, hotfix.Ongoing, w.sees(t, "again", "main").State, "a person took it back, or it came back")
	require.Len(t, w.forge.Issues(repo), 1)
}

func TestASurgeRaisesThePriorityOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sees(t, "yesterday", "main")
	w.clock.pass(24 * time.Hour)
	for i := range 30 {
		w.sees(t, fmt.Sprint("today-", i), "main")
		w.clock.pass(time.Second)
	}
	require.Equal(t, []string{"priority: high"}, w.state(t).Labels)
	require.Contains(t, w.state(t).Body, "escalating")
	w.watch(t, 48*time.Hour)
	require.NotContains(t, w.state(t).Body, "**escalating**")
	edits := 0
	for _, call := range w.forge.Writes() {
		if call.Path == "/repos/acme/adder/issues/1/labels" {
			edits++
		}
	}
	require.LessOrEqual(t, edits, 1)
}

func TestAnIssueThatWasDeletedStaysAway(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	w.sees(t, "one", "main")
	require.NoError(t, w.forge.Delete(repo, 1))
	w.clock.pass(time.Hour)
	require.Equal(t, hotfix.Ignored, w.sees(t, "two", "main").State)
	w.clock.pass(time.Hour)
	w.sees(t, "three", "main")
	require.Empty(t, w.forge.Issues(repo))
}

func TestTenThousandFailuresAreFewEdits(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	first := w.notice(t, "0")
	require.NoError(t, w.daemon.Handle(t.Context(), first))
	for i := range 10_000 { // within a day, counted as a queue does it: reported by the watch
		n := w.notice(t, fmt.Sprint(i))
		require.NoError(t, w.daemon.Triage(t.Context(), n.ID))
		w.clock.pass(8 * time.Second)
		if i%40 == 0 {
			w.watch(t, 0)
		}
	}
	w.watch(t, 15*time.Minute)
	require.LessOrEqual(t, len(w.forge.Writes()), 100, "a quarter of an hour each")
	require.Contains(t, w.state(t).Body, "10000 times")
	require.LessOrEqual(t, len(w.state(t).Comments), 1)
	require.LessOrEqual(t, len([]rune(w.state(t).Body)), 60_000)
}

// A problem that nobody wants to hear of is heard of once when it becomes ten times as loud, and then not for a month.
func TestAnIgnoredProblemThatGrowsIsNamedOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	people(w)
	n := w.notice(t, "first")
	require.NoError(t, w.daemon.Handle(t.Context(), n))
	w.say(t, 1, "ada", "ignore")
	id := 0
	day := func(times int) {
		for range times {
			id++
			require.NoError(t, w.daemon.Handle(t.Context(), w.notice(t, fmt.Sprint("n", id))))
		}
		w.watch(t, 24*time.Hour)
	}
	comments := func() int { return len(w.forge.Issues(repo)[0].Comments) }
	for range 8 {
		day(1)
	}
	require.Equal(t, 2, comments(), "the command and its answer")
	day(14)
	require.Equal(t, 3, comments())
	require.Contains(t, w.forge.Issues(repo)[0].Comments[2].Body, "fails ten times as often as before")
	require.Equal(t, "closed", w.forge.Issues(repo)[0].State)
	day(200)
	require.Equal(t, 3, comments(), "once a month at most")
	require.Equal(t, hotfix.Ignored, w.theCase(t, n).State)
}

// Who closed or reopened an issue is named, not only that somebody did.
func TestWhoMovedTheIssueIsNamed(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(t.Context(), n))
	for _, state := range []string{"closed", "open", "closed"} {
		w.clock.pass(time.Hour)
		require.NoError(t, w.forge.SetState(repo, 1, state, map[string]string{"closed": "not_planned"}[state]))
		require.NoError(t, w.daemon.Report(t.Context(), w.theCase(t, n).Fingerprint))
	}
	moves := w.theCase(t, n).Moves
	require.Len(t, moves, 4)
	for _, m := range moves[1:] {
		require.Equal(t, forgetest.Maintainer, m.By, "%s", m.On)
	}
	asked := 0
	for _, c := range w.forge.Calls() {
		if strings.HasSuffix(c.Path, "/events") {
			asked++
		}
	}
	require.Equal(t, 3, asked, "only when it matters")
}
