package forge_test

import (
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestSetState(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	_, err := c.SaveIssue(ctx, issue("x"))
	require.NoError(t, err)
	for range 2 {
		require.NoError(t, c.SetState(ctx, greeter, 1, "closed", "completed"))
	}
	require.NoError(t, c.SetState(ctx, greeter, 1, "open", ""))
	require.Equal(t, []string{"create issue #1", "edit #1: closed", "edit #1: open"}, writes(gh))
}

func TestCommentOnce(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	_, err := c.SaveIssue(ctx, issue("x"))
	require.NoError(t, err)
	_, err = gh.Comment(greeter, 1, "mallory", "not so fast\n<!-- daemon-hotfix:comment run-1 -->")
	require.NoError(t, err)
	for range 130 {
		_, err = gh.Comment(greeter, 1, "mona", "chatter")
		require.NoError(t, err)
	}
	for range 3 {
		require.NoError(t, c.CommentOnce(ctx, greeter, 1, "run-1", redact.Scrub("Attempt 1 ended.")))
	}
	require.NoError(t, c.CommentOnce(ctx, greeter, 1, "run-2", redact.Scrub("Attempt 2 ended.")))
	require.Equal(t, []string{"create issue #1", "comment on #1", "comment on #1"}, writes(gh))
	require.Error(t, c.CommentOnce(ctx, greeter, 1, "a --> b", redact.Scrub("x")))
}

func TestCanWrite(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	for permission, want := range map[string]bool{"admin": true, "maintain": true, "write": true, "triage": false, "read": false, "none": false} {
		gh.AddUser("user-"+permission, permission, greeter)
		got, err := c.CanWrite(ctx, greeter, "user-"+permission)
		require.NoError(t, err)
		require.Equal(t, want, got, permission)
	}
	got, err := c.CanWrite(ctx, greeter, "nobody-here")
	require.NoError(t, err)
	require.False(t, got)
	for _, login := range []string{"", "../../x", "a/b", "a b"} {
		_, err := c.CanWrite(ctx, greeter, login)
		require.Error(t, err, login)
	}
	gh.FailNext(forgetest.Fault{On: "GET /repos/acme/greeter/collaborators", Status: 500})
	got, err = c.CanWrite(ctx, greeter, "user-admin")
	require.Error(t, err, "not known is not yes")
	require.False(t, got)
}

func TestThrottled(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name  string
		fault forgetest.Fault
		wait  time.Duration
	}{
		{"secondary with Retry-After", forgetest.Fault{Status: 403, RetryAfter: 90 * time.Second}, 90 * time.Second},
		{"secondary without", forgetest.Fault{Status: 403}, time.Minute},
		{"429 with Retry-After", forgetest.Fault{Status: 429, RetryAfter: 5 * time.Second}, 5 * time.Second},
		{"429 without", forgetest.Fault{Status: 429, Message: "Too many requests"}, time.Minute},
		{"primary", forgetest.Fault{Status: 403, Primary: true}, time.Hour + time.Second},
		{"primary as 429", forgetest.Fault{Status: 429, Primary: true}, time.Hour + time.Second},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gh := start(t)
			var mu sync.Mutex
			now := time.Now().Truncate(time.Second)
			clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
			gh.Now = clock
			c := connect(t, gh, func(cfg *forge.Config) { cfg.Now = clock })
			gh.FailNext(tc.fault)
			_, err := c.CanWrite(ctx, greeter, "mona")
			var limit *forge.Throttled
			require.ErrorAs(t, err, &limit)
			var later interface{ RetryAt() time.Time } // what the queue asks for
			require.ErrorAs(t, err, &later)
			require.Equal(t, tc.wait, later.RetryAt().Sub(now))
			before := len(gh.Calls())
			_, err = c.SaveIssue(ctx, issue("x"))
			require.ErrorAs(t, err, &limit)
			require.Len(t, gh.Calls(), before, "nothing is sent while the limit holds")
			mu.Lock()
			now = now.Add(tc.wait)
			mu.Unlock()
			if !tc.fault.Primary { // go-github remembers the hour by the real clock
				_, err = c.SaveIssue(ctx, issue("x"))
				require.NoError(t, err)
			}
		})
	}
}

func TestRevalidation(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	_, err := c.SaveIssue(ctx, issue("x"))
	require.NoError(t, err)
	known := issue("x")
	known.Number = 1
	for range 3 {
		_, err = c.SaveIssue(ctx, known)
		require.NoError(t, err)
	}
	calls := gh.Calls()
	require.Equal(t, http.StatusNotModified, calls[len(calls)-1].Status)
	require.NoError(t, gh.SetState(greeter, 1, "closed", "completed"))
	got, err := c.SaveIssue(ctx, known)
	require.NoError(t, err)
	require.Equal(t, "closed", got.State, "never a stale answer")
}

func TestCredentialsInOrder(t *testing.T) {
	t.Parallel()
	gh := start(t)
	far := hotfix.Repo{Owner: "far", Name: "away"}
	private := hotfix.Repo{Owner: "far", Name: "private"}
	require.NoError(t, gh.AddRepo(far, map[string]string{"x": "x"}, forgetest.RepoOptions{NotInstalled: true}))
	require.NoError(t, gh.AddRepo(private, map[string]string{"x": "x"}, forgetest.RepoOptions{NotInstalled: true, Private: true}))
	key, err := gh.AddApp(77, "fixer")
	require.NoError(t, err)
	weak := gh.AddToken(forgetest.Access{Login: "weak[bot]", Repos: []hotfix.Repo{greeter}})
	kernel := gh.AddToken(forgetest.Access{Login: "ubiquity-os[bot]", Repos: []hotfix.Repo{far, private}})
	c := connect(t, gh, func(cfg *forge.Config) { cfg.App, cfg.Token = &forge.App{ID: 77, Key: key}, weak }).With(kernel)
	for repo, login := range map[hotfix.Repo]string{greeter: "fixer[bot]", far: "ubiquity-os[bot]", private: "ubiquity-os[bot]"} {
		i := issue("x")
		i.Repo = repo
		for range 2 {
			_, err = c.SaveIssue(ctx, i)
			require.NoError(t, err, repo)
		}
		require.Len(t, gh.Issues(repo), 1)
		require.Equal(t, login, gh.Issues(repo)[0].Author)
	}
	i := issue("changed")
	i.Repo = far
	_, err = connect(t, gh, func(cfg *forge.Config) { cfg.Token = weak }).SaveIssue(ctx, i)
	require.ErrorIs(t, err, forge.ErrForbidden)
	_, err = connect(t, gh, func(cfg *forge.Config) { cfg.Token = redact.Secret{} }).SaveIssue(ctx, i)
	require.ErrorIs(t, err, forge.ErrForbidden)
	require.ErrorContains(t, err, "far/away")
}

func TestAppTokensAreRenewed(t *testing.T) {
	t.Parallel()
	gh := start(t)
	key, err := gh.AddApp(77, "fixer")
	require.NoError(t, err)
	c := connect(t, gh, func(cfg *forge.Config) { cfg.App, cfg.Token = &forge.App{ID: 77, Key: key}, redact.Secret{} })
	var wg sync.WaitGroup
	for range 8 {
		wg.Go(func() {
			if _, err := c.SaveIssue(ctx, issue("x")); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	minted := 0
	for _, call := range gh.Calls() {
		if strings.HasSuffix(call.Path, "/access_tokens") {
			minted++
		}
	}
	require.Equal(t, 1, minted)
	require.Len(t, open(gh, greeter), 1)
}

func TestAppIsReinstalled(t *testing.T) {
	t.Parallel()
	gh := start(t)
	key, err := gh.AddApp(77, "fixer")
	require.NoError(t, err)
	c := connect(t, gh, func(cfg *forge.Config) { cfg.App, cfg.Token = &forge.App{ID: 77, Key: key}, redact.Secret{} })
	_, err = c.SaveIssue(ctx, issue("x"))
	require.NoError(t, err)
	gh.Reinstall(77)
	_, err = c.SaveIssue(ctx, issue("y"))
	require.ErrorIs(t, err, forge.ErrForbidden, "the token that it held ended early")
	_, err = c.SaveIssue(ctx, issue("y"))
	require.NoError(t, err)
	require.Len(t, gh.Issues(greeter), 1)
}
