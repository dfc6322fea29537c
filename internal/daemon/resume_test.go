package daemon_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// GitHub wants no calls just when the draft is to be opened. That is no verdict on the fix: the attempt stays under
// way, and goes on later without asking the model anything that it has answered.
func TestAThrottledAttemptGoesOnLater(t *testing.T) {
	t.Parallel()
	script := agenttest.Play(
		agenttest.Call("write-patch", edit("test/empty.test.js", "", regression)),
		agenttest.Call("write-patch", edit("src/add.js", "(a, b) => a + b)", "(a, b) => a + b, 0)")),
		agenttest.Call("open-pr", map[string]any{"title": "Add nothing up to zero", "explanation": "`reduce` needs a first value.", "risk": "None."}),
	)
	w, ctx := newWorld(t, fixing(t, script)), context.Background()
	n := w.notice(t, "one")
	w.forge.FailNext(forgetest.Fault{On: "POST /repos/acme/adder/pulls", Status: 429, RetryAfter: time.Minute})
	err := w.daemon.Handle(ctx, n)
	var later interface{ RetryAt() time.Time }
	require.ErrorAs(t, err, &later, "the queue hears when to try again")
	c := w.theCase(t, n)
	require.NotNil(t, c.Running())

	github, err := forge.New(forge.Config{API: w.forge.API(), Server: w.forge.URL()}) // a process that begins a minute later
	require.NoError(t, err)
	w.config.Connect = func(token redact.Secret) daemon.Forge { return github.With(token) }
	again, err := daemon.New(w.config)
	require.NoError(t, err)
	require.NoError(t, again.Fix(ctx, triage.Fingerprint(*n.Failure)))
	c = w.theCase(t, n)
	require.Len(t, c.Attempts, 1)
	require.Equal(t, hotfix.DraftOpened, c.Attempts[0].Outcome.Ending)
	require.Len(t, w.forge.Pulls(repo), 1)
	require.Len(t, script.Asked(), 3)
}
