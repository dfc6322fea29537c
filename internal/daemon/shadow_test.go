package daemon_test

import (
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestTheShadowWritesNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixing(t, agenttest.Play(propose...)))
	github, err := forge.New(forge.Config{API: w.forge.API(), Server: w.forge.URL(), ReadOnly: true})
	require.NoError(t, err)
	w.config.Shadow = true
	w.config.Connect = func(token redact.Secret) daemon.Forge { return daemon.Shadow(github.With(token)) }
	w.daemon, err = daemon.New(w.config)
	require.NoError(t, err)
	w.sees(t, "one", w.head(t))
	c := w.sees(t, "two", w.head(t))
	require.Equal(t, hotfix.DraftOpened, c.Attempts[0].Outcome.Ending, "%+v", c.Attempts[0].Outcome)
	require.Equal(t, hotfix.Fixing, c.State)
	w.watch(t, time.Hour)
	require.Empty(t, w.forge.Writes())
	require.Empty(t, w.forge.Issues(repo))

	would, err := daemon.WouldHave(t.Context(), w.store, noon.Add(-time.Hour))
	require.NoError(t, err)
	require.Equal(t, 1, would.Issues)
	require.Equal(t, 2, would.Seen)
	require.Equal(t, map[string]int{"medium": 1}, would.Drafts)
	var out strings.Builder
	require.NoError(t, would.Print(&out))
	require.Contains(t, out.String(), "1 issues would have been opened.")
}

// TestTheWeekInTheShadow: the report comes once for each week, whoever asks and however often the daemon is started anew.
func TestTheWeekInTheShadow(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var logged strings.Builder
	w.config.Log = slog.New(slog.NewTextHandler(&logged, nil))
	w.config.Shadow = true
	github, err := forge.New(forge.Config{API: w.forge.API(), Server: w.forge.URL(), ReadOnly: true})
	require.NoError(t, err)
	w.config.Connect = func(token redact.Secret) daemon.Forge { return daemon.Shadow(github.With(token)) }
	restart := func() {
		w.daemon, err = daemon.New(w.config)
		require.NoError(t, err)
	}
	reports := func() int { return strings.Count(logged.String(), "a week in the shadow") }
	restart()
	w.watch(t, time.Minute)
	require.Zero(t, reports(), "nothing has happened yet")
	w.sees(t, "one", w.head(t)) // on a Monday
	for range 6 {
		w.watch(t, 24*time.Hour)
		restart()
	}
	require.Zero(t, reports(), "the week is not over")
	for range 3 {
		w.watch(t, 24*time.Hour)
		restart()
	}
	require.Equal(t, 1, reports(), logged.String())
	require.Contains(t, logged.String(), "since=2026-05-04T00:00:00.000Z cases=1 seen=1 issues=1 drafts=map[]")
}
