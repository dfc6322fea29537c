package dashboard_test

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/dashboard"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// failing keeps a case of a plugin that failed four times just now.
func (w *world) failing(name string, change func(*hotfix.Case)) hotfix.Fingerprint {
	w.t.Helper()
	s := w.stage.Engine.Store()
	c := hotfix.Case{Fingerprint: hotfix.Fingerprint("v1-" + name), Repo: hotfix.Repo{Owner: "acme", Name: name}, State: hotfix.New}
	unlock, err := s.Lock(w.t.Context(), c.Fingerprint)
	require.NoError(w.t, err)
	defer unlock()
	for i := range 4 {
		id := fmt.Sprint(name, i)
		c.Observe(hotfix.Sighting{Names: []string{id}, Failure: hotfix.Failure{ID: id, Plugin: hotfix.Plugin{ID: "acme/" + name, Repo: c.Repo},
			Message: redact.Scrub("HTTP 503: no healthy upstream"), At: time.Now()}})
		change(&c)
		require.NoError(w.t, s.SaveCase(w.t.Context(), c))
	}
	return c.Fingerprint
}

// Several plugins that failed at once are one outage with its issue if the daemon took them for one, and else a hint.
func TestSeveralPluginsAtOnce(t *testing.T) {
	t.Parallel()
	type overview struct {
		Outages []struct {
			Case    hotfix.Fingerprint
			Issue   int
			Plugins []string
		}
		Bursts []struct{ Plugins []string }
	}
	w := newWorld(t, dashboard.Config{})
	first := w.failing("p0", func(c *hotfix.Case) { c.Issue = 12 })
	w.failing("p1", func(*hotfix.Case) {})
	w.failing("p2", func(*hotfix.Case) {})
	var v overview
	w.json("/index.json", &v)
	require.Empty(t, v.Outages)
	require.Len(t, v.Bursts, 1, "a hint that one thing may be behind them")
	require.Len(t, v.Bursts[0].Plugins, 3)
	for _, fp := range []hotfix.Fingerprint{"v1-p1", "v1-p2"} {
		w.change(fp, func(c *hotfix.Case) {
			c.DupOf, c.Outage, c.State = first, true, hotfix.Duplicated
			c.Decision = hotfix.Decision{Reasons: []hotfix.Reason{{Rule: "outage", Because: "Another plugin failed in the same way at the same time."}}}
		})
	}
	v = overview{}
	w.json("/index.json", &v)
	require.Len(t, v.Outages, 1)
	require.Equal(t, first, v.Outages[0].Case)
	require.Equal(t, 12, v.Outages[0].Issue)
	require.Equal(t, []string{"acme/p0", "acme/p1", "acme/p2"}, v.Outages[0].Plugins)
	require.Empty(t, v.Bursts, "which the outage accounts for")
	_, page := w.fetch(w.browserless(), "/")
	require.Contains(t, page, "one outage")
	require.Contains(t, page, "/acme/p0/issues/12")
}

// A draft is shown with its own fate, whatever has become of its problem.
func TestTheFateOfDrafts(t *testing.T) {
	t.Parallel()
	w := newWorld(t, dashboard.Config{})
	c := w.fails("TypeError: boom")
	run := w.attempted(c.Fingerprint)
	for fate, says := range map[string]string{"": "open", "merged": "merged", "edited": "merged with changes", "rejected": "closed unmerged", "reverted": "merged, then reverted"} {
		w.change(c.Fingerprint, func(c *hotfix.Case) { c.State, c.Attempts[0].Outcome.Fate = hotfix.Ongoing, fate })
		for _, path := range []string{"/drafts", "/runs/" + run} {
			status, page := w.fetch(w.browserless(), path)
			require.Equal(t, http.StatusOK, status)
			require.Contains(t, page, ">"+says+"</span>", path)
		}
		var list struct {
			Drafts []struct{ Fate, State string }
		}
		w.json("/drafts.json", &list)
		require.Len(t, list.Drafts, 1)
		require.Equal(t, map[bool]string{true: "open", false: fate}[fate == ""], list.Drafts[0].Fate)
		require.Equal(t, "ongoing", list.Drafts[0].State)
	}
}
