// Package storetest holds what every store must pass, and starts a private PostgreSQL.
package storetest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A Store is what every store can do.
type Store interface {
	Case(context.Context, hotfix.Fingerprint) (hotfix.Case, error)
	Find(ctx context.Context, repo hotfix.Repo, issue int) (hotfix.Fingerprint, error)
	SaveCase(ctx context.Context, c hotfix.Case, next ...hotfix.Next) error
	Cases(context.Context, store.CaseFilter) ([]hotfix.Case, error)
	SaveRun(ctx context.Context, id string, run *agent.Run) error
	Run(ctx context.Context, id string) (*agent.Run, error)
	Lock(context.Context, hotfix.Fingerprint) (unlock func(), err error)
	SaveNotice(context.Context, hotfix.Notice) (fresh bool, err error)
	Notice(ctx context.Context, id string) (hotfix.Notice, error)
	Own(ctx context.Context, fp hotfix.Fingerprint, names ...string) (hotfix.Fingerprint, error)
	Owner(ctx context.Context, name string) (hotfix.Fingerprint, error)
	Opened(ctx context.Context, repo hotfix.Repo, since time.Time) (int, error)
	SaveDrop(context.Context, store.Drop) error
	Drops(context.Context) ([]store.Drop, error)
}

// Suite tests a store. open returns an empty one.
func Suite(t *testing.T, open func(t *testing.T) Store) {
	tests := []struct {
		name string
		run  func(t *testing.T, s Store)
	}{
		{"a notice comes back as it was, and once", notice},
		{"notices that arrive together", crowd},
		{"a notice that a case counts", counted},
		{"what is not there", missing},
		{"a case comes back as it was", roundTrip},
		{"a lost update is an error", lostUpdate},
		{"one writer per case", oneWriter},
		{"a lock that is not free", waiting},
		{"cases are listed in pages", pages},
		{"a run comes back as it was", runs},
		{"a name belongs to the first who claims it", names},
		{"new issues are counted", opened},
		{"failures without a case are counted by their reason", drops},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tt.run(t, open(t))
		})
	}
}

// At is the time of everything in the suite.
var At = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

// Notice returns a notice of a failure.
func Notice(id string) hotfix.Notice {
	return hotfix.Notice{ID: id, Event: "kernel.plugin_error", Failure: &hotfix.Failure{
		ID: id, Message: redact.Scrub("TypeError: x is not a function \x00 \xff 'quoted' ?"), At: At}}
}

// Case returns a case.
func Case(fp hotfix.Fingerprint) hotfix.Case {
	return hotfix.Case{Fingerprint: fp, Repo: hotfix.Repo{Owner: "Owner", Name: "Plugin"}, Issue: 7, State: hotfix.New,
		Count: 1, First: At, Last: At, Seen: []string{"a", "b"}, Attempts: []hotfix.Attempt{}}
}

func notice(t *testing.T, s Store) {
	ctx := t.Context()
	token := "ghs_" + strings.Repeat("a", 36)
	n := Notice("delivery-1")
	n.Token, n.Attestation = redact.NewSecret(token), redact.NewSecret("head.claims.mark")
	fresh, err := s.SaveNotice(ctx, n)
	require.NoError(t, err)
	require.True(t, fresh)

	again := Notice("delivery-1")
	again.Event = "another"
	fresh, err = s.SaveNotice(ctx, again)
	require.NoError(t, err)
	require.False(t, fresh)

	got, err := s.Notice(ctx, "delivery-1")
	require.NoError(t, err)
	require.Equal(t, "kernel.plugin_error", got.Event, "the first one stays")
	require.Equal(t, token, got.Token.Reveal())
	require.Equal(t, "head.claims.mark", got.Attestation.Reveal())
	require.Equal(t, n.Failure.At, got.Failure.At)
	require.Contains(t, got.Failure.Message.String(), "'quoted' ?")

	_, err = s.SaveNotice(ctx, hotfix.Notice{})
	require.ErrorContains(t, err, "is not an id")
}

func counted(t *testing.T, s Store) {
	ctx := t.Context()
	_, err := s.SaveNotice(ctx, Notice("delivery-1"))
	require.NoError(t, err)
	n, err := s.Notice(ctx, "delivery-1")
	require.NoError(t, err)
	require.False(t, n.Counted)

	c := Case("v1-aa")
	require.NoError(t, s.SaveCase(ctx, c))
	c.Counts = []string{"delivery-1"}
	require.ErrorIs(t, s.SaveCase(ctx, c), store.ErrConflict)
	n, err = s.Notice(ctx, "delivery-1")
	require.NoError(t, err)
	require.False(t, n.Counted, "the case was not saved")

	unlock, err := s.Lock(ctx, c.Fingerprint)
	require.NoError(t, err)
	defer unlock()
	_, err = s.Case(ctx, c.Fingerprint)
	require.NoError(t, err)
	require.NoError(t, s.SaveCase(ctx, c))
	n, err = s.Notice(ctx, "delivery-1")
	require.NoError(t, err)
	require.True(t, n.Counted)
}

func crowd(t *testing.T, s Store) {
	ctx := t.Context()
	const ids, times = 40, 5
	var mu sync.Mutex
	fresh := map[string]int{}
	var wg sync.WaitGroup
	for i := range ids * times {
		wg.Go(func() {
			id := fmt.Sprintf("delivery-%d", i%ids)
			ok, err := s.SaveNotice(ctx, Notice(id))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Errorf("save %s: %v", id, err)
			}
			if ok {
				fresh[id]++
			}
		})
	}
	wg.Wait()
	require.Len(t, fresh, ids)
	for id, n := range fresh {
		require.Equal(t, 1, n, "%s was fresh more than once", id)
	}
}

func missing(t *testing.T, s Store) {
	ctx := t.Context()
	_, err := s.Notice(ctx, "none")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Case(ctx, "none")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Run(ctx, "none")
	require.ErrorIs(t, err, store.ErrNotFound)
	_, err = s.Find(ctx, hotfix.Repo{Owner: "o", Name: "n"}, 1)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func roundTrip(t *testing.T, s Store) {
	ctx := t.Context()
	c := Case("v1-aa")
	require.NoError(t, s.SaveCase(ctx, c), "a new case needs no lock")
	c.Seen[0] = "changed afterwards"
	got, err := s.Case(ctx, "v1-aa")
	require.NoError(t, err)
	require.Equal(t, Case("v1-aa"), got)

	fp, err := s.Find(ctx, hotfix.Repo{Owner: "OWNER", Name: "plugin"}, 7)
	require.NoError(t, err)
	require.Equal(t, c.Fingerprint, fp)
	_, err = s.Find(ctx, c.Repo, 8)
	require.ErrorIs(t, err, store.ErrNotFound)
}

func lostUpdate(t *testing.T, s Store) {
	ctx := t.Context()
	c := Case("v1-aa")
	require.NoError(t, s.SaveCase(ctx, c))
	require.ErrorIs(t, s.SaveCase(ctx, c), store.ErrConflict, "known, but not read under a lock")

	unlock, err := s.Lock(ctx, c.Fingerprint)
	require.NoError(t, err)
	require.ErrorIs(t, s.SaveCase(ctx, c), store.ErrConflict, "locked, but not read")
	c, err = s.Case(ctx, c.Fingerprint)
	require.NoError(t, err)
	c.Count = 2
	require.NoError(t, s.SaveCase(ctx, c))
	c.Count = 3
	require.NoError(t, s.SaveCase(ctx, c), "twice under one lock")
	unlock()
	unlock() // twice is harmless
	require.ErrorIs(t, s.SaveCase(ctx, c), store.ErrConflict, "the lock is gone")

	got, err := s.Case(ctx, c.Fingerprint)
	require.NoError(t, err)
	require.Equal(t, 3, got.Count)
}

func oneWriter(t *testing.T, s Store) {
	ctx := t.Context()
	const writers, times = 8, 5
	require.NoError(t, s.SaveCase(ctx, hotfix.Case{Fingerprint: "v1-aa"}))
	var wg sync.WaitGroup
	for range writers {
		wg.Go(func() {
			for range times {
				if err := Count(ctx, s, "v1-aa"); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
	got, err := s.Case(ctx, "v1-aa")
	require.NoError(t, err)
	require.Equal(t, writers*times, got.Count)
}

// Count adds one to a case, as a writer should: lock, read, save.
func Count(ctx context.Context, s Store, fp hotfix.Fingerprint, next ...hotfix.Next) error {
	unlock, err := s.Lock(ctx, fp)
	if err != nil {
		return err
	}
	defer unlock()
	c, err := s.Case(ctx, fp)
	if err != nil {
		return err
	}
	c.Count++
	return s.SaveCase(ctx, c, next...)
}

func waiting(t *testing.T, s Store) {
	unlock, err := s.Lock(t.Context(), "v1-aa")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	_, err = s.Lock(ctx, "v1-aa")
	require.ErrorIs(t, err, context.DeadlineExceeded)

	other, err := s.Lock(t.Context(), "v1-bb")
	require.NoError(t, err, "another case is not locked")
	other()
	unlock()
	unlock, err = s.Lock(t.Context(), "v1-aa")
	require.NoError(t, err, "it is free again")
	unlock()
}

func pages(t *testing.T, s Store) {
	ctx := t.Context()
	var want []hotfix.Fingerprint
	for i := range 7 {
		c := Case(hotfix.Fingerprint(fmt.Sprintf("v1-%d", i)))
		c.Last = At.Add(time.Duration(i/2) * time.Minute) // two at a time
		if i == 3 {
			c.State, c.Repo.Name = hotfix.Closed, "other"
		}
		want = append([]hotfix.Fingerprint{c.Fingerprint}, want...)
		require.NoError(t, s.SaveCase(ctx, c))
	}
	var got []hotfix.Fingerprint
	for f := (store.CaseFilter{Limit: 3}); ; {
		list, err := s.Cases(ctx, f)
		require.NoError(t, err)
		for _, c := range list {
			got = append(got, c.Fingerprint)
			f.After = c.Fingerprint
		}
		if len(list) < 3 {
			break
		}
	}
	require.Equal(t, want, got)

	list, err := s.Cases(ctx, store.CaseFilter{State: hotfix.Closed})
	require.NoError(t, err)
	require.Len(t, list, 1)
	list, err = s.Cases(ctx, store.CaseFilter{Repo: hotfix.Repo{Owner: "OWNER", Name: "PLUGIN"}})
	require.NoError(t, err)
	require.Len(t, list, 6)
	list, err = s.Cases(ctx, store.CaseFilter{Not: hotfix.Repo{Owner: "OWNER", Name: "PLUGIN"}})
	require.NoError(t, err)
	require.Len(t, list, 1)
	require.Equal(t, "other", list[0].Repo.Name)
	list, err = s.Cases(ctx, store.CaseFilter{Not: list[0].Repo})
	require.NoError(t, err)
	require.Len(t, list, 6)

	c := list[1]
	unlock, err := s.Lock(ctx, c.Fingerprint)
	require.NoError(t, err)
	defer unlock()
	_, err = s.Case(ctx, c.Fingerprint)
	require.NoError(t, err)
	c.Attempts = []hotfix.Attempt{{RunID: "r-tried", By: "policy", Started: At.Add(time.Hour)}}
	require.NoError(t, s.SaveCase(ctx, c))
	for since, want := range map[time.Duration]int{0: 1, 2 * time.Hour: 0} {
		list, err = s.Cases(ctx, store.CaseFilter{Tried: At.Add(since)})
		require.NoError(t, err)
		require.Len(t, list, want)
	}
	list, err = s.Cases(ctx, store.CaseFilter{Since: c.Last})
	require.NoError(t, err)
	require.NotEmpty(t, list)
	for _, later := range list {
		require.True(t, later.Last.After(c.Last))
	}
}

func runs(t *testing.T, s Store) {
	ctx := t.Context()
	run := &agent.Run{Task: agent.Task{ID: "r1", System: "be brief", Prompt: "fix \x00 it"}, Stop: agent.Finished,
		Started: At, Steps: []agent.Step{{Reply: "done"}}, Took: time.Minute}
	require.NoError(t, s.SaveRun(ctx, "r1", &agent.Run{Task: run.Task}))
	require.NoError(t, s.SaveRun(ctx, "r1", run), "it is saved after each step")
	got, err := s.Run(ctx, "r1")
	require.NoError(t, err)
	require.Equal(t, run, got)
}
