package daemon

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// knowing is a forge that knows which versions have a fix, and cannot tell of some.
type knowing struct{ Forge }

func (knowing) Contains(_ context.Context, _ hotfix.Repo, version, _ string) (hotfix.Answer, error) {
	if version == "r3" {
		return hotfix.Unknown, errors.New("GitHub does not answer")
	}
	return map[string]hotfix.Answer{"r1": hotfix.Yes, "r2": hotfix.No}[version], nil
}

// A countedStore says in how many goes cases were saved.
type countedStore struct {
	*store.Volatile
	saved int
}

func (s *countedStore) SaveCase(ctx context.Context, c hotfix.Case, next ...hotfix.Next) error {
	s.saved++
	return s.Volatile.SaveCase(ctx, c, next...)
}

// However failures are grouped, cases end as if each had been counted alone: the same in every field, with the same left to do
// and the same failures counted and refused.
func TestFailuresCountTogetherAsTheyDoAlone(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 4, 22, 12, 0, 0, 0, time.UTC)
	alone, together, refused := 0, 0, 0
	for seed := range uint64(120) {
		cases, notices := history(rand.New(rand.NewPCG(seed, 9)), now)
		one, oneErrs := counted(t, now, cases, notices, func() int { return 1 })
		rnd := rand.New(rand.NewPCG(seed, 10))
		all, allErrs := counted(t, now, cases, notices, func() int { return 2 + rnd.IntN(20) })
		require.Equal(t, oneErrs, allErrs, "seed %d", seed)
		require.Equal(t, state(t, one, cases, notices), state(t, all, cases, notices), "seed %d", seed)
		alone, together = alone+one.saved, together+all.saved
		for _, failed := range oneErrs {
			if failed {
				refused++
			}
		}
	}
	require.Less(t, 3*together, 2*alone, "many were saved in one go")
	require.Positive(t, refused)
}

// counted is a store in which these notices were counted, so many at once, and which of them could not be.
func counted(t *testing.T, now time.Time, cases []hotfix.Case, notices []hotfix.Notice, size func() int) (*countedStore, []bool) {
	s := &countedStore{Volatile: store.Memory()}
	d, err := New(Config{Store: s, Key: make([]byte, 32), Now: func() time.Time { return now }, Connect: func(redact.Secret) Forge { return knowing{} },
		Policy:   triage.Policy{Allow: []hotfix.Repo{{Owner: "acme", Name: "app"}}, MaxFixesPerDay: 3, MaxAttempts: 3},
		ModelFor: func(hotfix.Notice) (agent.Model, error) { return nil, errors.New("nobody is asked here") }, Box: struct{ sandbox.Box }{}})
	require.NoError(t, err)
	for _, c := range cases {
		require.NoError(t, s.Volatile.SaveCase(t.Context(), c))
	}
	var ids []string
	for _, n := range notices {
		_, err := s.SaveNotice(t.Context(), n)
		require.NoError(t, err)
		ids = append(ids, n.ID)
	}
	var failed []bool
	for len(ids) > 0 {
		n := min(size(), len(ids))
		if n == 1 {
			failed = append(failed, d.Triage(t.Context(), ids[0]) != nil)
		} else {
			for _, err := range d.TriageAll(t.Context(), ids[:n]) {
				failed = append(failed, err != nil)
			}
		}
		ids = ids[n:]
	}
	return s, failed
}

// state is all that counting leaves behind, as text.
func state(t *testing.T, s *countedStore, cases []hotfix.Case, notices []hotfix.Notice) string {
	var all []any
	list, err := s.Cases(t.Context(), store.CaseFilter{})
	require.NoError(t, err)
	for _, c := range list {
		next := s.Next(c.Fingerprint)
		slices.Sort(next)
		all = append(all, c, slices.Compact(next))
	}
	for _, n := range notices {
		stored, err := s.Notice(t.Context(), n.ID)
		require.NoError(t, err)
		all = append(all, stored.Counted)
	}
	text, err := json.MarshalIndent(all, "", " ")
	require.NoError(t, err)
	return string(text)
}

// history is what is stored and what then fails: mostly one problem, whatever has become of it, and a few others.
func history(rnd *rand.Rand, now time.Time) (cases []hotfix.Case, notices []hotfix.Notice) {
	failure := func(i int, message string) hotfix.Failure {
		plugin := hotfix.Plugin{ID: "acme/app:compute.yml", Kind: "workflow", Repo: hotfix.Repo{Owner: "acme", Name: "app"}, Ref: fmt.Sprint("r", rnd.IntN(6))}
		at := now.Add(-time.Duration(1+rnd.IntN(59)) * time.Minute)
		if rnd.IntN(20) == 0 {
			at = at.Add(-time.Hour) // in another hour of the charts
		}
		return hotfix.Failure{ID: fmt.Sprint("n", i), Plugin: plugin, Message: redact.Scrub(message), At: at, Heard: at}
	}
	const main, other = "TypeError: add is not a function", "RangeError: out of range"
	if rnd.IntN(5) > 0 {
		c := anyCase(rnd, now.Add(-2*time.Hour))
		c.Fingerprint, c.Latest = triage.Fingerprint(failure(0, main)), failure(0, main)
		if rnd.IntN(4) > 0 {
			c.Opened = now.Add(-3 * time.Hour)
		}
		if rnd.IntN(3) == 0 {
			c.State, c.Fix = hotfix.FixMerged, &hotfix.Merge{PR: 2, Commit: "abc", At: now.Add(-2 * time.Hour), Count: c.Count, Last: c.Last}
		}
		switch rnd.IntN(8) {
		case 0:
			c.DupOf = "v1-dup"
			cases = append(cases, hotfix.Case{Fingerprint: "v1-dup", Repo: c.Repo})
		case 1:
			c.Splits = []hotfix.Split{{Text: "twice", To: "v1-split"}}
		}
		cases = append(cases, c)
	}
	settings := []string{`{}`, `{"closedIssueDays":1}`, `{"modes":["issue"]}`}
	for i := range 40 {
		f := failure(i, main)
		switch rnd.IntN(10) {
		case 0:
			f = failure(i, other)
		case 1:
			f.Logs = []redact.Text{redact.Scrub("it failed twice")}
		}
		notices = append(notices, hotfix.Notice{ID: f.ID, Also: []string{fmt.Sprint("dispatch:", rnd.IntN(60))}, Event: "kernel.plugin_error",
			Settings: json.RawMessage(settings[min(rnd.IntN(9), len(settings)-1)]), Failure: &f})
	}
	return cases, notices
}
