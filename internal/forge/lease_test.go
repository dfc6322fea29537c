package forge_test

import (
	"bytes"
	"errors"
	"log/slog"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// leased is an issue that processes without a database open.
func leased(key string) forge.Issue {
	i := issue("it broke")
	i.Lease, i.Marker = key, strings.Replace(marker, " -->", " "+key+" -->", 1)
	i.Body = redact.Scrub(i.Marker + "\nit broke\n")
	return i
}

// A silence lets nobody open an issue: the process dies before.
type silence struct{}

func (silence) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.Method == http.MethodPost && strings.HasSuffix(req.URL.Path, "/issues") {
		return nil, errors.New("killed")
	}
	return http.DefaultTransport.RoundTrip(req)
}

func TestLease_oneOpensAndOthersWait(t *testing.T) {
	t.Parallel()
	gh := start(t)
	gh.ListDelay = time.Hour // so that only the lease tells that there is an issue
	var wg sync.WaitGroup
	numbers, errs := make([]int, 6), make([]error, 6)
	theirs := make([]bool, 6)
	for w := range numbers {
		c := connect(t, gh)
		wg.Go(func() {
			var got forge.Issue
			got, errs[w] = c.SaveIssue(ctx, leased("v2-a"))
			numbers[w], theirs[w] = got.Number, got.Theirs
		})
	}
	wg.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Equal(t, []int{1, 1, 1, 1, 1, 1}, numbers)
	require.Len(t, gh.Issues(greeter), 1, "no twin was opened")
	mine := 0
	for _, other := range theirs {
		if !other {
			mine++
		}
	}
	require.Equal(t, 1, mine, "who did not open it has to look at it first")
	require.Equal(t, []string{"refs/daemon-hotfix/v2-a/1"}, gh.Refs(greeter.String()))
}

func TestLease_thatIsOverdueIsFollowedByAnother(t *testing.T) {
	t.Parallel()
	gh := start(t)
	crashed := connect(t, gh, func(c *forge.Config) { c.HTTP = &http.Client{Transport: silence{}} })
	_, err := crashed.SaveIssue(ctx, leased("v2-b"))
	require.Error(t, err)
	require.Equal(t, []string{"refs/daemon-hotfix/v2-b/1"}, gh.Refs(greeter.String()))

	later := connect(t, gh, func(c *forge.Config) { c.Now = func() time.Time { return time.Now().Add(2 * time.Minute) } })
	got, err := later.SaveIssue(ctx, leased("v2-b"))
	require.NoError(t, err)
	require.Equal(t, 1, got.Number)
	require.Equal(t, []string{"refs/daemon-hotfix/v2-b/1", "refs/daemon-hotfix/v2-b/2"}, gh.Refs(greeter.String()))
	require.NoError(t, later.Release(ctx, leased("v2-b")))
	require.Empty(t, gh.Refs(greeter.String()), "ours, and the one that is overdue")
}

func TestLease_isDoneWithoutWhereRefsMayNotBeWritten(t *testing.T) {
	t.Parallel()
	gh := start(t)
	var log bytes.Buffer
	token := gh.AddToken(forgetest.Access{Login: forgetest.BotLogin, Deny: []string{"contents"}})
	c := connect(t, gh, func(c *forge.Config) { c.Token, c.Log = token, slog.New(slog.NewTextHandler(&log, nil)) })
	for i, key := range []string{"v2-c", "v2-d"} {
		got, err := c.SaveIssue(ctx, leased(key))
		require.NoError(t, err)
		require.Equal(t, i+1, got.Number)
	}
	require.Equal(t, 1, strings.Count(log.String(), "no leases"), log.String())
	require.Contains(t, log.String(), "contents: write")
}
