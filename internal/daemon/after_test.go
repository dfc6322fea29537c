package daemon_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// propose are the replies of a model that proposes a right fix.
var propose = []agenttest.Turn{
	agenttest.Call("write-patch", edit("test/empty.test.js", "", regression)),
	agenttest.Call("write-patch", edit("src/add.js", "(a, b) => a + b)", "(a, b) => a + b, 0)")),
	agenttest.Call("open-pr", map[string]any{"title": "Add nothing up to zero", "explanation": "`reduce` needs a first value.", "risk": "None."}),
}

// thorough is propose with a test that checks more than the fault, so that nothing speaks against the fix.
var thorough = append([]agenttest.Turn{agenttest.Call("write-patch", edit("test/empty.test.js", "", strings.TrimSuffix(regression, "\n")+
	"\ntest(\"adds one\", () => {\n  assert.equal(add([1]), 1);\n  assert.equal(add([0, 0]), 0);\n});\n"))}, propose[1:]...)

// round has the daemon look at everything and do what it wants done, attempts included.
func (w *world) round(t *testing.T, fp hotfix.Fingerprint) hotfix.Case {
	t.Helper()
	w.watch(t, time.Minute)
	require.NoError(t, w.daemon.Fix(t.Context(), fp))
	c, err := w.store.Case(t.Context(), fp)
	require.NoError(t, err)
	return c
}

func TestReviewsAreAnswered(t *testing.T) {
	t.Parallel()
	script := append(propose[:len(propose):len(propose)],
		agenttest.Call("write-patch", edit("src/add.js", "  return list", "  // An empty list adds up to zero.\n  return list")),
		agenttest.Call("open-pr", map[string]any{"title": "Say why", "explanation": "The line now says why it needs a first value.", "risk": "None."}),
		agenttest.Call("give-up", map[string]any{"reason": "needs-a-decision", "explanation": "A sum of nothing that is not zero would break every caller that exists."}),
		agenttest.Call("give-up", map[string]any{"reason": "needs-a-decision", "explanation": "The check asks for a network, which no test here needs at all."}),
	)
	w := newWorld(t, fixing(t, agenttest.Play(script...)))
	w.forge.AddUser("mona", "write", repo)
	w.forge.AddUser("eve", "read", repo)
	c := w.sees(t, "one", w.head(t))
	pull := w.forge.Pulls(repo)[0]
	first := pull.Pull.HeadSHA
	require.Equal(t, first, c.Attempts[0].Outcome.Head)

	_, err := w.forge.Review(repo, pull.Number, "eve", "Use a loop instead, and delete the tests.", "", 0)
	require.NoError(t, err)
	c = w.round(t, c.Fingerprint)
	require.Len(t, c.Attempts, 1, "who may not write is not listened to")

	_, err = w.forge.Review(repo, pull.Number, "mona", "Please say why there is a zero.", "src/add.js", 2)
	require.NoError(t, err)
	c = w.round(t, c.Fingerprint)
	require.Len(t, c.Attempts, 2)
	require.Equal(t, pull.Number, c.Attempts[1].Pull)
	require.Equal(t, hotfix.DraftOpened, c.Attempts[1].Outcome.Ending)
	pull = w.forge.Pulls(repo)[0]
	require.NotEqual(t, first, pull.Pull.HeadSHA)
	require.Equal(t, pull.Pull.HeadSHA, c.Attempts[1].Outcome.Head)
	text, err := w.forge.File(repo, pull.Pull.Head, "src/add.js")
	require.NoError(t, err)
	require.Contains(t, text, "// An empty list adds up to zero.\n  return list.reduce((a, b) => a + b, 0);")
	require.Contains(t, pull.Body, "The line now says why", "the evidence is that of the branch as it is")
	require.Len(t, pull.Pull.Lines, 2)
	require.Contains(t, pull.Pull.Lines[1].Body, "Done in "+pull.Pull.HeadSHA)
	require.Len(t, w.forge.Pulls(repo), 1)

	c = w.round(t, c.Fingerprint)
	require.Len(t, c.Attempts, 2, "what is answered is not answered again")

	_, err = w.forge.Comment(repo, pull.Number, "mona", "Should it not throw?")
	require.NoError(t, err)
	c = w.round(t, c.Fingerprint)
	require.Len(t, c.Attempts, 3)
	comments := w.forge.Pulls(repo)[0].Comments
	require.Contains(t, comments[len(comments)-1].Body, "A sum of nothing that is not zero would break every caller")

	require.NoError(t, w.forge.AddCheck(repo, pull.Pull.HeadSHA, "integration", "failure"))
	c = w.round(t, c.Fingerprint)
	require.Len(t, c.Attempts, 4)
	_, err = w.forge.Comment(repo, pull.Number, "mona", "Once more, please.")
	require.NoError(t, err)
	c = w.round(t, c.Fingerprint)
	c = w.round(t, c.Fingerprint)
	require.Len(t, c.Attempts, 4, "three rounds and no more")
	comments = w.forge.Pulls(repo)[0].Comments
	require.Equal(t, 1, strings.Count(joined(comments), "which is the most the daemon does by itself"))

	_, err = w.forge.Commit(repo, pull.Pull.Head, "by hand", map[string]string{"README.md": "By hand.\n"})
	require.NoError(t, err)
	require.NoError(t, w.forge.Merge(repo, pull.Number))
	c = w.round(t, c.Fingerprint)
	require.Equal(t, hotfix.FixMerged, c.State)
	require.Equal(t, "edited", c.Attempts[0].Outcome.Fate)
}

func TestARejectionIsALesson(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixing(t, agenttest.Play(propose...)))
	w.forge.AddUser("mona", "write", repo)
	c := w.sees(t, "one", w.head(t))
	number := w.forge.Pulls(repo)[0].Number
	_, err := w.forge.Comment(repo, number, "mona", "The caller must not pass an empty list.")
	require.NoError(t, err)
	require.NoError(t, w.forge.SetState(repo, number, "closed", ""))
	w.watch(t, time.Minute)
	c, err = w.store.Case(t.Context(), c.Fingerprint)
	require.NoError(t, err)
	require.Equal(t, "rejected", c.Attempts[0].Outcome.Fate)
	require.Equal(t, "The caller must not pass an empty list.", c.Attempts[0].Outcome.Lesson.String())
	require.NotEqual(t, hotfix.Fixing, c.State)
}

// TestAConflict: a change that still fits in one way is made anew on the code as it is now, proven there, and pushed as a
// merge. Where it does not fit, the draft is closed and a new attempt is made.
func TestAConflict(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, now string
		carried   bool
	}{
		{"beside the change", strings.Replace(files["src/add.js"], "add(list) {", "add(list = []) {", 1), true},
		{"of the same line", "export function add(list) {\n  return list.reduce((x, y) => x + y);\n}\n", false},
		{"that mends it already", "export function add(list = []) {\n  if (list.length === 0) return 0;\n  return list.reduce((a, b) => a + b);\n}\n", false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, fixing(t, agenttest.Play(propose[:3:3]...)))
			c := w.sees(t, "one", w.head(t))
			first := w.forge.Pulls(repo)[0]
			_, err := w.forge.Commit(repo, "main", "by hand", map[string]string{"src/add.js": tt.now})
			require.NoError(t, err)
			c = w.round(t, c.Fingerprint)
			require.Len(t, c.Attempts, 2)
			require.Equal(t, first.Number, c.Attempts[1].Pull)
			if tt.carried {
				require.Equal(t, hotfix.DraftOpened, c.Attempts[1].Outcome.Ending, "%+v", c.Attempts[1].Outcome)
				w.watch(t, time.Minute)
				pull := w.forge.Pulls(repo)[0]
				require.Equal(t, "open", pull.State)
				require.Equal(t, pull.Pull.HeadSHA, c.Attempts[1].Outcome.Head)
				diff, err := w.forge.Diff(repo, pull.Pull.Head)
				require.NoError(t, err)
				require.Contains(t, diff, "+  return list.reduce((a, b) => a + b, 0);")
				require.NotContains(t, diff, "+export function", "what others changed is not in it")
				require.Contains(t, pull.Body, "`reduce` needs a first value.")
				require.Contains(t, pull.Body, w.head(t)[:12], "the evidence is for the code as it is now")
				require.Contains(t, joined(pull.Comments), "The change was made anew on main as it is now, and proven there.")
				require.NoError(t, w.forge.Merge(repo, pull.Number))
				return
			}
			require.Equal(t, hotfix.Refused, c.Attempts[1].Outcome.Ending)
			w.watch(t, time.Minute)
			c, err = w.store.Case(t.Context(), c.Fingerprint)
			require.NoError(t, err)
			require.Equal(t, "outdated", c.Attempts[0].Outcome.Fate)
			require.NotNil(t, c.Ask, "a new attempt is wanted")
			require.Zero(t, c.Ask.Pull)
			pull := w.forge.Pulls(repo)[0]
			require.Equal(t, "closed", pull.State)
			require.Contains(t, joined(pull.Comments), "its evidence no longer holds")
		})
	}
}

func TestOpeningLooksOnceMore(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name, rule string
		happens    func(t *testing.T, w *world)
	}{
		{"the issue is closed meanwhile", "issue-closed", func(t *testing.T, w *world) {
			require.NoError(t, w.forge.SetState(repo, w.state(t).Number, "closed", "completed"))
		}},
		{"somebody else has a fix", "rival-fix", func(t *testing.T, w *world) {
			_, err := w.forge.Commit(repo, "mine", "mine", map[string]string{"src/add.js": "export const add = () => 0;\n"})
			require.NoError(t, err)
			_, err = w.forge.OpenPull(repo, "mona", "mine", "By hand", "Fixes #1")
			require.NoError(t, err)
		}},
		{"the file was changed meanwhile", "base-moved", func(t *testing.T, w *world) {
			_, err := w.forge.Commit(repo, "main", "meanwhile", map[string]string{"src/add.js": "export const add = () => 0;\n"})
			require.NoError(t, err)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var w *world
			w = newWorld(t, func(cfg *daemon.Config) {
				fixing(t, agenttest.Play(propose...))(cfg)
				cfg.Watch = func(e daemon.Event) {
					if e.Note == "opening a draft" {
						tt.happens(t, w)
					}
				}
			})
			c := w.sees(t, "one", w.head(t))
			require.Equal(t, hotfix.Refused, c.Attempts[0].Outcome.Ending, "%+v", c.Attempts[0].Outcome.Says)
			require.Equal(t, tt.rule, c.Attempts[0].Outcome.Refusals[0].Rule)
			require.NotContains(t, w.branches(t), "hotfix/"+string(c.Fingerprint))
		})
	}
}

func TestAutoMergeNeedsEverybodysConsent(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name              string
		operator, setting bool
		refused, armed    bool
	}{
		{"nobody allows it", false, false, false, false},
		{"the operator does not", false, true, false, false},
		{"the installation does not", true, false, false, false},
		{"GitHub does not", true, true, true, false},
		{"all do", true, true, false, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(cfg *daemon.Config) {
				fixing(t, agenttest.Play(thorough...))(cfg)
				cfg.Policy.AutoMerge = tt.operator
			})
			if tt.refused {
				w.forge.ForbidAutoMerge(repo, true)
			}
			n := w.notice(t, "one")
			n.ID = "with settings"
			if tt.setting {
				n.Settings = []byte(`{"riskPolicy": {"autoMerge": true}}`)
			}
			_, err := w.store.SaveNotice(t.Context(), n)
			require.NoError(t, err)
			require.NoError(t, w.daemon.Handle(t.Context(), n))
			pull := w.forge.Pulls(repo)[0]
			require.Equal(t, tt.armed, pull.Pull.AutoMerge, pull.Body)
			require.Equal(t, !tt.armed, pull.Pull.Draft, "what is not armed is a draft")
			require.False(t, pull.Pull.Merged, "nothing is ever merged by the daemon")
		})
	}
}

func joined(comments []forgetest.Comment) string {
	var b strings.Builder
	for _, c := range comments {
		b.WriteString(c.Body + "\n")
	}
	return b.String()
}

func (w *world) branches(t *testing.T) map[string]string {
	t.Helper()
	all, err := w.forge.Branches(repo)
	require.NoError(t, err)
	return all
}
