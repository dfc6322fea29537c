package daemon_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A problem that comes back within dedupeWindowHours opens its issue again; later it gets a new one that names the old
// one. So it is with a store and without.
func TestADedupeWindowBoundsReopening(t *testing.T) {
	t.Parallel()
	for _, kept := range []bool{true, false} {
		t.Run(fmt.Sprintf("store kept %v", kept), func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, func(c *daemon.Config) { c.Recall = !kept })
			people(w)
			fails := func(id string) hotfix.Notice {
				if !kept { // each run begins with nothing
					cfg := w.config
					w.store = store.Memory()
					cfg.Store, cfg.Ledger = w.store, w.store
					var err error
					w.daemon, err = daemon.New(cfg)
					require.NoError(t, err)
				}
				n := w.notice(t, id)
				n.ID, n.Settings = "with settings: "+id, []byte(`{"dedupeWindowHours":24}`)
				_, err := w.store.SaveNotice(t.Context(), n)
				require.NoError(t, err)
				require.NoError(t, w.daemon.Handle(t.Context(), n))
				return n
			}
			fails("one")
			first := w.forge.Issues(repo)[0].Number
			shut := func(issue int) {
				w.clock.pass(time.Minute)
				require.NoError(t, w.forge.SetState(repo, issue, "closed", "completed"))
			}
			shut(first)
			w.clock.pass(23 * time.Hour)
			fails("two")
			require.Len(t, w.forge.Issues(repo), 1)
			require.Equal(t, "open", w.forge.Issues(repo)[0].State, "within the window")

			shut(first)
			w.clock.pass(25 * time.Hour)
			n := fails("three")
			issues := w.forge.Issues(repo)
			require.Len(t, issues, 2)
			require.Equal(t, "closed", issues[0].State)
			require.Contains(t, issues[1].Body, fmt.Sprintf("| Earlier issues | #%d", first))
			require.Contains(t, issues[1].Body, "| Seen | 3 times")
			require.Equal(t, []int{first}, w.theCase(t, n).Past)

			w.clock.pass(time.Hour)
			fails("four")
			require.Len(t, w.forge.Issues(repo), 2, "the new one is known again")
			shut(issues[1].Number)
			w.clock.pass(48 * time.Hour)
			n = fails("five")
			require.Len(t, w.forge.Issues(repo), 3)
			require.Equal(t, 5, w.theCase(t, n).Count)
			require.Contains(t, last(w.say(t, first, "ada", "status")), "Seen 5 times", "a comment on the oldest is understood")

			require.NoError(t, w.forge.SetState(repo, w.theCase(t, n).Issue, "closed", "not_planned"))
			w.clock.pass(480 * time.Hour)
			fails("six")
			require.Len(t, w.forge.Issues(repo), 3, "what nobody wants stays closed")
			require.Equal(t, 3, strings.Count(fmt.Sprint(states(w)), "closed"))
		})
	}
}

func states(w *world) (list []string) {
	for _, i := range w.forge.Issues(repo) {
		list = append(list, i.State)
	}
	return list
}
