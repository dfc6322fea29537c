package daemon

import (
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// Whenever Watch would find something to do, the case was due by what was noted when it was saved, at whichever moment before.
func TestNothingIsWatchedTooLate(t *testing.T) {
	t.Parallel()
	begin, now := time.Date(2026, 4, 22, 12, 0, 0, 0, time.UTC), time.Time{}
	d := &Daemon{cfg: Config{Now: func() time.Time { return now }}}
	found, rested := 0, 0
	for seed := range uint64(2000) {
		c := anyCase(rand.New(rand.NewPCG(seed, 5)), begin)
		for _, saved := range []time.Duration{0, time.Hour, 3 * 24 * time.Hour} {
			now = begin.Add(saved)
			due := d.Due(c)
			if due.IsZero() || due.After(now) {
				rested++
			}
			for _, later := range []time.Duration{0, time.Minute, 10 * time.Minute, 2 * time.Hour, 5 * time.Hour, 30 * time.Hour, 8 * 24 * time.Hour, 40 * 24 * time.Hour, 400 * 24 * time.Hour} {
				now = begin.Add(saved + later)
				if d.due(c) || d.news(c) != nil {
					found++
					require.False(t, due.IsZero() || due.After(now), "seed %d: due %s, and at %s there is something to do for %+v", seed, due, now, c)
				}
			}
		}
	}
	require.Greater(t, found, 1000)
	require.Greater(t, rested, 500)
}

// anyCase is a case after some failures and whatever else may have happened to it, all before now.
func anyCase(rnd *rand.Rand, now time.Time) hotfix.Case {
	at := now.Add(-time.Duration(rnd.Int64N(int64(60 * 24 * time.Hour))))
	c := hotfix.Case{Fingerprint: "v1-a", Repo: hotfix.Repo{Owner: "acme", Name: "app"}}
	events := []hotfix.Event{hotfix.Requested, hotfix.Proposed, hotfix.Merged, hotfix.Rejected, hotfix.Completed, hotfix.TakenUp, hotfix.FellSilent, hotfix.Surged, hotfix.Joined}
	for i := range 1 + rnd.IntN(30) {
		if rnd.IntN(4) == 0 {
			c.Take(hotfix.Occasion{On: events[rnd.IntN(len(events))], At: at})
		}
		plugin := hotfix.Plugin{ID: fmt.Sprint("acme/p", rnd.IntN(2))}
		c.Observe(hotfix.Sighting{Names: []string{fmt.Sprint(i)}, Failure: hotfix.Failure{ID: fmt.Sprint(i), Plugin: plugin, Message: redact.Scrub("boom"), At: at}})
		at = at.Add(time.Duration(rnd.Int64N(int64(now.Sub(at))/2 + 1)))
	}
	if rnd.IntN(2) == 0 {
		c.Issue, c.Told, c.Decision.Action = 1, rnd.IntN(c.Count+1), hotfix.Action(rnd.IntN(3))
		c.Shown = hotfix.Shown{At: at, Made: at, Sure: rnd.IntN(2) == 0}
	}
	if rnd.IntN(3) == 0 {
		c.Fix = &hotfix.Merge{PR: 2, Commit: "abc", At: at, Count: c.Count, Last: c.Last}
	}
	if rnd.IntN(5) == 0 {
		c.State, c.Snooze = hotfix.Snoozed, &hotfix.Snooze{Until: at.Add(time.Duration(rnd.Int64N(int64(72 * time.Hour))))}
	}
	return c
}
