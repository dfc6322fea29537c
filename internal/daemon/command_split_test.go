package daemon_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestSplitAndUnsplit(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, nil), context.Background()
	people(w)
	fails := func(id, log string) hotfix.Notice {
		n := w.notice(t, id)
		n.Failure.Logs = []redact.Text{redact.Scrub(log)}
		require.NoError(t, w.daemon.Handle(ctx, n))
		return n
	}
	n := fails("a", "region us-east")
	fails("b", "region eu-west")
	require.Len(t, w.forge.Issues(repo), 1)
	for _, wrong := range []string{"split", "split eu", "unsplit", "unsplit eu-west"} {
		require.Contains(t, last(w.say(t, 1, "ada", wrong)), "Nothing was done", wrong)
	}
	require.Contains(t, last(w.say(t, 1, "eve", "split region EU-west")), "needs write permission")
	require.Contains(t, last(w.say(t, 1, "ada", "split Region  EU-west")), "an issue of their own")
	fails("c", "region eu-west")
	fails("d", "region\n  eu-west")
	fails("e", "region us-east")
	require.Len(t, w.forge.Issues(repo), 2)
	seen := func(issue int) int {
		fp, err := w.store.Find(ctx, repo, issue)
		require.NoError(t, err)
		c, err := w.store.Case(ctx, fp)
		require.NoError(t, err)
		return c.Count
	}
	require.Equal(t, []int{3, 2}, []int{seen(1), seen(2)})
	require.Contains(t, last(w.say(t, 2, "ada", "dup #1")), "unsplit", "no circles")
	require.Contains(t, last(w.say(t, 1, "ada", "split region eu-west")), "Nothing was done", "twice is once")

	require.Contains(t, last(w.say(t, 1, "ada", "unsplit")), "count here again")
	fails("f", "region eu-west")
	require.Equal(t, []int{4, 2}, []int{seen(1), seen(2)})
	require.Len(t, w.theCase(t, n).Audit, 2)
}

// test runs the tests of a ref in the sandbox and answers with the result; stop calls it off.
func TestTheTestsOfARef(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixing(t, agenttest.Play(agenttest.Call("give-up", map[string]any{"reason": "cause-unclear", "explanation": "Nothing to be seen."}))))
	people(w)
	ctx := context.Background()
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "one")))
	_, err := w.forge.Commit(repo, "broken", "break it", map[string]string{"src/add.js": "export function add() {\n  return 7;\n}\n"})
	require.NoError(t, err)
	require.Contains(t, last(w.say(t, 1, "eve", "test main")), "needs write permission")
	for _, wrong := range []string{"test", "test --upload-pack=x", "test a..b", "test a b"} {
		require.Contains(t, last(w.say(t, 1, "ada", wrong)), "Nothing was done", wrong)
	}
	before := len(w.say(t, 1, "ada", "test main"))
	said := w.say(t, 1, "ada", "test broken")
	require.Len(t, said, before+2, "it is on its way, and how it ended")
	require.Contains(t, said[before-1], "passed: 1 passed, 0 failed")
	require.Contains(t, said[before-1], `"commentKind": "command-response"`)
	require.Contains(t, said[before+1], "**failed**: 0 passed, 1 failed")
	require.Contains(t, said[before+1], "failed: `adds`")
	require.Contains(t, last(w.say(t, 1, "ada", "test nowhere")), "did not run")
	require.Contains(t, last(w.say(t, 1, "ada", "status")), "is **")
}
