package forge_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
)

// A barrier holds every new issue back until all writers are about to create one.
type barrier struct{ waiting *sync.WaitGroup }

func (b barrier) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/greeter/issues") {
		b.waiting.Done()
		b.waiting.Wait()
	}
	return http.DefaultTransport.RoundTrip(req)
}

func TestTwinsRace(t *testing.T) {
	t.Parallel()
	gh := start(t)
	const writers = 24
	var wg, waiting sync.WaitGroup
	waiting.Add(writers)
	numbers := make([]int, writers)
	errs := make([]error, writers)
	for w := range writers {
		c := connect(t, gh, func(cfg *forge.Config) { cfg.HTTP = &http.Client{Transport: barrier{&waiting}} })
		wg.Go(func() {
			var got forge.Issue
			got, errs[w] = c.SaveIssue(ctx, issue("race"))
			numbers[w] = got.Number
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Len(t, gh.Issues(greeter), writers, "all were created")
	require.Len(t, open(gh, greeter), 1)
	require.Equal(t, 1, open(gh, greeter)[0].Number)
	for _, i := range gh.Issues(greeter)[1:] {
		require.Equal(t, "not_planned", i.StateReason)
		require.NotEmpty(t, i.Comments)
		require.Contains(t, i.Comments[0].Body, "Duplicate of #1\n")
	}
	for _, n := range numbers {
		require.Equal(t, 1, n)
	}
}

// Whatever fails, and whether it was done before it failed: once a save succeeds there is one open issue, and
// never more than the writers can have begun at once.
func TestFaultsLeaveOneIssue(t *testing.T) {
	t.Parallel()
	for _, fault := range []forgetest.Fault{{Status: 500}, {Status: 500, After: true}, {Status: 502, After: true}, {Cut: true}, {Status: 403, Message: "Resource not accessible by integration"}} {
		for seed := range uint64(3) {
			t.Run(fmt.Sprintf("%d-after-%v-cut-%v-seed-%d", fault.Status, fault.After, fault.Cut, seed), func(t *testing.T) {
				t.Parallel()
				gh := start(t)
				gh.FailRate(seed, 0.3, fault)
				clients := []*forge.Client{connect(t, gh), connect(t, gh), connect(t, gh)}
				saved := 0
				for try := 0; saved < 8 && try < 400; try++ {
					if _, err := clients[try%len(clients)].SaveIssue(ctx, issue(fmt.Sprint("try ", try))); err == nil {
						saved++
						require.Len(t, open(gh, greeter), 1)
					}
					require.LessOrEqual(t, len(gh.Issues(greeter)), 1, "one after the other: never a twin")
				}
				require.Equal(t, 8, saved)
			})
		}
	}
}

func TestLostAnswerIsLookedUp(t *testing.T) {
	t.Parallel()
	gh := start(t)
	gh.FailNext(forgetest.Fault{On: "POST /repos/acme/greeter/issues", Status: 502, After: true})
	got, err := connect(t, gh).SaveIssue(ctx, issue("x"))
	require.NoError(t, err)
	require.Equal(t, 1, got.Number)
	require.Equal(t, []string{"create issue #1"}, writes(gh))
}

func TestFaultsInARace(t *testing.T) {
	t.Parallel()
	gh := start(t)
	gh.FailRate(7, 0.3, forgetest.Fault{Status: 500, After: true})
	var wg sync.WaitGroup
	for range 6 {
		c := connect(t, gh)
		wg.Go(func() {
			for range 200 { // as a queue does: until it works
				if _, err := c.SaveIssue(ctx, issue("race")); err == nil {
					return
				}
			}
			t.Error("never saved")
		})
	}
	wg.Wait()
	require.Len(t, open(gh, greeter), 1)
	require.Equal(t, 1, open(gh, greeter)[0].Number)
}

// GitHub's list may not show what was created a moment ago. Two writers can then not see each other; the first save
// after the list has caught up puts it right.
func TestListLags(t *testing.T) {
	t.Parallel()
	gh := start(t)
	now := time.Now()
	gh.Now, gh.ListDelay = func() time.Time { return now }, time.Minute
	for n := range 2 {
		got, err := connect(t, gh).SaveIssue(ctx, issue("x"))
		require.NoError(t, err)
		require.Equal(t, n+1, got.Number)
	}
	require.Len(t, open(gh, greeter), 2)
	now = now.Add(2 * time.Minute)
	got, err := connect(t, gh).SaveIssue(ctx, issue("x"))
	require.NoError(t, err)
	require.Equal(t, 1, got.Number)
	require.Len(t, open(gh, greeter), 1)
}
