package daemon_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// plugin has one of several plugins fail with that message and returns the notice.
func (w *world) plugin(t *testing.T, id, name, message, settings string) hotfix.Notice {
	t.Helper()
	n := w.notice(t, id)
	at := hotfix.Repo{Owner: "acme", Name: name}
	n.Failure.Plugin = hotfix.Plugin{ID: at.String() + ":compute.yml", Kind: "workflow", Repo: at}
	n.Failure.Status, n.Failure.Message, n.Settings = 0, redact.Scrub(message), []byte(settings)
	require.NoError(t, w.daemon.Handle(t.Context(), n))
	return n
}

func severalPlugins(t *testing.T, names ...string) *world {
	t.Helper()
	w := newWorld(t, func(c *daemon.Config) { c.Policy.Allow = []hotfix.Repo{{Owner: "acme", Name: "*"}} })
	for _, name := range names {
		require.NoError(t, w.forge.AddRepo(hotfix.Repo{Owner: "acme", Name: name}, map[string]string{"README.md": name}))
	}
	return w
}

func (w *world) issuesOf(name string) []forgetest.Issue {
	return w.forge.Issues(hotfix.Repo{Owner: "acme", Name: name})
}

func TestOneOutageIsOneIssue(t *testing.T) {
	t.Parallel()
	names := []string{"p0", "p1", "p2", "p3", "p4", "p5", "p6", "p7"}
	w := severalPlugins(t, names...)
	var last hotfix.Notice
	for round := range 2 {
		for i, name := range names {
			last = w.plugin(t, fmt.Sprint(name, round), name, fmt.Sprintf("HTTP (target: https://%s.example) 503: no healthy upstream", name), "")
			w.clock.pass(time.Duration(i) * time.Second)
		}
	}
	total := 0
	for _, name := range names {
		total += len(w.issuesOf(name))
	}
	require.Equal(t, 1, total)
	c := w.theCase(t, last)
	require.Equal(t, hotfix.Duplicated, c.State)
	require.Equal(t, "outage", c.Decision.Reasons[0].Rule, "and it says why it has no issue")
	w.watch(t, 15*time.Minute)
	body := w.issuesOf("p0")[0].Body
	require.Contains(t, body, "16 times", "everything counts there")
	require.Contains(t, body, "`acme/p0` and 7 other plugins failed in the same way at the same time")
	require.Contains(t, body, fmt.Sprintf("| [`acme/p7:compute.yml`](%s/acme/p7) |", w.forge.URL()), "and every plugin is named")
	require.Contains(t, body, ", and 7 other plugins |")
	require.Contains(t, body, "<details open><summary>Where it happens", "it is seen at a glance")

	w.watch(t, 30*time.Minute)
	w.plugin(t, "still red", "p7", "HTTP (target: https://p7.example) 503: no healthy upstream", "")
	require.Len(t, w.issuesOf("p7"), 1, "what fails when the outage is over stands on its own")
	require.Equal(t, hotfix.New, w.theCase(t, last).State)
}

func TestABugIsNoOutage(t *testing.T) {
	t.Parallel()
	w := severalPlugins(t, "p0", "p1")
	for _, name := range []string{"p0", "p1"} {
		w.plugin(t, name, name, "TypeError: x is not a function", "")
		require.Len(t, w.issuesOf(name), 1)
	}
}

func TestWhatMayPassCanBeWaitedFor(t *testing.T) {
	t.Parallel()
	w := severalPlugins(t, "p0", "p1", "p2")
	const wait, away = `{"confirmMinutes": 30}`, "HTTP (target: https://p0.example) 502: bad gateway"
	n := w.plugin(t, "first", "p0", away, wait)
	require.Empty(t, w.issuesOf("p0"))
	require.Equal(t, "unconfirmed", w.theCase(t, n).Decision.Reasons[0].Rule)
	w.clock.pass(31 * time.Minute)
	w.plugin(t, "second", "p0", away, wait)
	require.Len(t, w.issuesOf("p0"), 1)
	w.plugin(t, "a bug is filed at once", "p1", "TypeError: x is not a function", wait)
	require.Len(t, w.issuesOf("p1"), 1)
	w.clock.pass(time.Hour)
	w.plugin(t, "nobody asked to wait", "p2", away, "")
	require.Len(t, w.issuesOf("p2"), 1)
}

func TestAlikeIsOnlySuggested(t *testing.T) {
	t.Parallel()
	w := severalPlugins(t, "p0")
	w.plugin(t, "one", "p0", "Failed to read the permit of the contributor from the registry", "")
	w.plugin(t, "two", "p0", "Failed to write the permit of the contributor to the registry", "")
	require.Len(t, w.issuesOf("p0"), 2, "nothing is merged by itself")
	require.Contains(t, w.issuesOf("p0")[1].Body, "possible duplicate of #1")
}

// Two bugs that the SDK hides behind the same words get two issues, by what it wrote where the plugin was triggered.
func TestUnexpectedErrorsAreToldApart(t *testing.T) {
	t.Parallel()
	w := severalPlugins(t, "p0")
	app := hotfix.Repo{Owner: "acme", Name: "app"}
	require.NoError(t, w.forge.AddRepo(app, map[string]string{"README.md": "app"}))
	for range 7 {
		_, err := w.forge.OpenIssue(app, "mona", "hello", "")
		require.NoError(t, err)
	}
	for i, what := range []string{"Cannot read properties of undefined (reading 'login')", "relation \"permits\" does not exist"} {
		_, err := w.forge.Comment(app, 7, forgetest.BotLogin, "> [!CAUTION]\n> "+what+"\n\n<!-- UbiquityOS - p0 - 1.0 - @mona -->")
		require.NoError(t, err)
		w.clock.pass(time.Second)
		w.plugin(t, fmt.Sprint("hidden", i), "p0", "HTTP (target: https://p0.example) 500: Unexpected error", "")
		require.Len(t, w.issuesOf("p0"), i+1)
		require.Contains(t, w.issuesOf("p0")[i].Title, what[:8])
		w.clock.pass(time.Hour)
	}
}
