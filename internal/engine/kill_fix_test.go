package engine_test

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// killsOfAFix is how often the daemon is killed during one attempt. After ten it would be given up, as what kills its
// process. On PostgreSQL the next one waits ten seconds each time whether the dead one comes back.
var killsOfAFix = map[string]int{"sqlite": 8, "postgres": 1}

// TestKillWhileFixing kills the real daemon at random moments while its agent repairs a plugin, in a real sandbox, with
// a model that answers over HTTP. The attempt goes on each time where it was: there is one branch, one draft and one
// issue in the end, and no answer that was stored is paid for again.
func TestKillWhileFixing(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			llm := modeltest.OpenAI(slices.Repeat([]modeltest.Reply{{Do: answer}}, 64)...)
			t.Cleanup(llm.Close)
			s := newSite(t, db.address(t))
			s.model = llm.URL
			d := s.serve("mortal")
			f := kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: repo.Owner, Repo: repo.Name, Ref: "main"}, Message: emptySum,
				Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}
			ok, err := post200(d.address, kerneltest.Sign(kernelKey(), kerneltest.Fields{Payload: f.Payload(), Token: s.forge.Token().Reveal()}))
			require.NoError(t, err)
			require.True(t, ok)
			st, worker := s.open(), ""
			for range killsOfAFix[db.name] {
				worker = s.fixing(st, worker)
				time.Sleep(rand.N(900 * time.Millisecond))
				d.kill()
				d = s.serve("mortal")
			}
			s.settle(st)
			d.stop(t, patience)

			issues, pulls := s.forge.Issues(repo), s.forge.Pulls(repo)
			require.Len(t, issues, 1)
			require.Empty(t, issues[0].Comments)
			require.Len(t, pulls, 1, d.log.String())
			require.Empty(t, pulls[0].Comments)
			branches, err := s.forge.Branches(repo)
			require.NoError(t, err)
			require.Len(t, branches, 2, "main and that of the draft")
			cases, err := st.Cases(t.Context(), store.CaseFilter{})
			require.NoError(t, err)
			require.Len(t, cases, 1)
			require.Len(t, cases[0].Attempts, 1)
			require.Equal(t, hotfix.DraftOpened, cases[0].Attempts[0].Outcome.Ending)
			var created []string
			for _, c := range s.forge.Writes() {
				if create.MatchString(c.Write) {
					created = append(created, strings.Fields(c.Write)[0])
				}
			}
			require.Equal(t, []string{"create", "push", "create"}, created, fmt.Sprint(s.forge.Writes()))
			require.LessOrEqual(t, len(llm.Requests()), 3+killsOfAFix[db.name], "at most the question that was under way is asked again")
			t.Logf("%d questions", len(llm.Requests()))
		})
	}
}

// fixing waits until a worker other than old is at a fix, and returns which. If all is done it returns old.
func (s *site) fixing(st *store.SQL, old string) string {
	s.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		wants, err := st.Wanted(s.t.Context())
		require.NoError(s.t, err)
		for _, w := range wants {
			if w.Kind == store.Fix && w.Worker != "" && w.Worker != old {
				return w.Worker
			}
		}
		if cases, err := st.Cases(s.t.Context(), store.CaseFilter{}); err == nil && len(cases) == 1 && len(wants) == 0 {
			return old
		}
		require.True(s.t, time.Now().Before(end), "nobody is at the fix: %+v", wants)
	}
}
