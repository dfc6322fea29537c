package forgetest_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/config"
	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	githttp "github.com/go-git/go-git/v5/plumbing/transport/http"
	"github.com/google/go-github/v66/github"
	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

var acme = hotfix.Repo{Owner: "acme", Name: "greeter"}

func start(t *testing.T) *forgetest.Forge {
	t.Helper()
	f, err := forgetest.Start()
	require.NoError(t, err)
	t.Cleanup(f.Close)
	require.NoError(t, f.AddRepo(acme, map[string]string{"README.md": "hello\n", "src/a.txt": "a\n", "run.sh": "#!/bin/sh\n"}))
	return f
}

func client(t *testing.T, f *forgetest.Forge, token redact.Secret) *github.Client {
	t.Helper()
	c := github.NewClient(nil)
	if !token.Empty() {
		c = c.WithAuthToken(token.Reveal())
	}
	base, err := url.Parse(f.API() + "/")
	require.NoError(t, err)
	c.BaseURL = base
	return c
}

func status(t *testing.T, err error) int {
	t.Helper()
	var e *github.ErrorResponse
	require.ErrorAs(t, err, &e)
	return e.Response.StatusCode
}

func TestIssues(t *testing.T) {
	t.Parallel()
	f, ctx := start(t), context.Background()
	gh := client(t, f, f.Token())
	i, _, err := gh.Issues.Create(ctx, "acme", "greeter", &github.IssueRequest{Title: github.String("broken"),
		Body: github.String("text <&>"), Labels: &[]string{"bug", "brand new"}})
	require.NoError(t, err)
	require.Equal(t, 1, i.GetNumber())
	require.Equal(t, "daemon-hotfix[bot]", i.GetUser().GetLogin())
	require.Equal(t, "Bot", i.GetUser().GetType())
	require.Len(t, i.Labels, 2)
	require.Equal(t, "text <&>", i.GetBody())

	i, _, err = gh.Issues.Edit(ctx, "acme", "greeter", 1, &github.IssueRequest{State: github.String("closed"), StateReason: github.String("not_planned")})
	require.NoError(t, err)
	require.Equal(t, "not_planned", i.GetStateReason())
	open, _, err := gh.Issues.ListByRepo(ctx, "acme", "greeter", nil)
	require.NoError(t, err)
	require.Empty(t, open)

	_, _, err = gh.Issues.Create(ctx, "acme", "greeter", &github.IssueRequest{Title: github.String("x"), Body: github.String(strings.Repeat("é", forgetest.BodyMax+1))})
	require.Equal(t, 422, status(t, err))
	_, _, err = gh.Issues.Create(ctx, "acme", "greeter", &github.IssueRequest{Title: github.String("x"), Body: github.String(strings.Repeat("é", forgetest.BodyMax))})
	require.NoError(t, err)

	require.NoError(t, f.Delete(acme, 2))
	_, _, err = gh.Issues.Get(ctx, "acme", "greeter", 2)
	require.Equal(t, 410, status(t, err))
	require.NoError(t, f.Lock(acme, 1))
	_, _, err = gh.Issues.CreateComment(ctx, "acme", "greeter", 1, &github.IssueComment{Body: github.String("x")})
	require.Equal(t, 403, status(t, err))
	require.Equal(t, []string{"create issue #1", "edit #1: closed", "create issue #2"}, writes(f))
}

func writes(f *forgetest.Forge) []string {
	var out []string
	for _, c := range f.Writes() {
		out = append(out, c.Write)
	}
	return out
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	f, ctx := start(t), context.Background()
	secret := hotfix.Repo{Owner: "acme", Name: "secret"}
	require.NoError(t, f.AddRepo(secret, map[string]string{"x": "x"}, forgetest.RepoOptions{Private: true}))
	create := func(token redact.Secret, repo string) int {
		_, resp, _ := client(t, f, token).Issues.Create(ctx, "acme", repo, &github.IssueRequest{Title: github.String("x")})
		return resp.StatusCode
	}
	require.Equal(t, 401, create(redact.NewSecret("ghs_"+strings.Repeat("0", 36)), "greeter"), "unknown token")
	require.Equal(t, 401, create(redact.Secret{}, "greeter"), "no token")
	other := f.AddToken(forgetest.Access{Login: "other[bot]", Repos: []hotfix.Repo{{Owner: "else", Name: "where"}}})
	require.Equal(t, 403, create(other, "greeter"), "token of another installation")
	require.Equal(t, 404, create(other, "secret"), "private")
	require.Equal(t, 403, create(f.AddToken(forgetest.Access{Login: "a[bot]", Deny: []string{"issues"}}), "greeter"))
	require.Equal(t, 201, create(f.AddUser("mona", "read", acme), "greeter"), "anybody may open an issue")
	require.Equal(t, 201, create(f.Token(), "secret"))

	f.AddUser("hubot", "maintain", acme)
	p, _, err := client(t, f, f.Token()).Repositories.GetPermissionLevel(ctx, "acme", "greeter", "hubot")
	require.NoError(t, err)
	require.Equal(t, "write", p.GetPermission())
	_, _, err = client(t, f, f.Token()).Users.Get(ctx, "")
	require.Equal(t, 403, status(t, err), "an installation has no /user")
}

func TestPaging(t *testing.T) {
	t.Parallel()
	f, ctx := start(t), context.Background()
	for range 7 {
		_, err := f.OpenIssue(acme, "mona", "t", "b")
		require.NoError(t, err)
	}
	gh := client(t, f, f.Token())
	opt := &github.IssueListByRepoOptions{Direction: "asc", ListOptions: github.ListOptions{PerPage: 3}}
	var got []int
	for {
		page, resp, err := gh.Issues.ListByRepo(ctx, "acme", "greeter", opt)
		require.NoError(t, err)
		for _, i := range page {
			got = append(got, i.GetNumber())
		}
		if resp.NextPage == 0 {
			break
		}
		opt.Page = resp.NextPage
	}
	require.Equal(t, []int{1, 2, 3, 4, 5, 6, 7}, got)
}

func TestSearchLags(t *testing.T) {
	t.Parallel()
	f, ctx := start(t), context.Background()
	now := time.Now()
	f.Now, f.SearchDelay = func() time.Time { return now }, time.Minute
	gh := client(t, f, f.Token())
	_, err := f.OpenIssue(acme, "mona", "Crash in parser", "with a marker")
	require.NoError(t, err)
	search := func(q string) int {
		r, _, err := gh.Search.Issues(ctx, q, nil)
		require.NoError(t, err)
		return r.GetTotal()
	}
	require.Equal(t, 0, search(`repo:acme/greeter "a marker"`))
	now = now.Add(2 * time.Minute)
	require.Equal(t, 1, search(`repo:acme/greeter is:issue is:open "a marker" author:mona`))
	require.Equal(t, 0, search(`repo:acme/greeter "no marker"`))
}

func TestGit(t *testing.T) {
	t.Parallel()
	f, ctx := start(t), context.Background()
	auth := &githttp.BasicAuth{Username: "x-access-token", Password: f.Token().Reveal()}
	r, err := git.PlainClone(filepath.Join(t.TempDir(), "c"), false, &git.CloneOptions{URL: f.URL() + "/Acme/greeter.git", Auth: auth})
	require.NoError(t, err)
	w, err := r.Worktree()
	require.NoError(t, err)
	file, err := w.Filesystem.Create("new.txt")
	require.NoError(t, err)
	_, err = io.WriteString(file, "new\n")
	require.NoError(t, err)
	require.NoError(t, file.Close())
	_, err = w.Add("new.txt")
	require.NoError(t, err)
	hash, err := w.Commit("Add new.txt", &git.CommitOptions{Author: &object.Signature{Name: "a", Email: "a@example.com", When: time.Unix(1e9, 0)}})
	require.NoError(t, err)
	push := func(auth *githttp.BasicAuth) error {
		spec := config.RefSpec(hash.String() + ":" + plumbing.NewBranchReferenceName("topic/one").String())
		return r.PushContext(ctx, &git.PushOptions{RemoteURL: f.URL() + "/acme/greeter.git", RefSpecs: []config.RefSpec{spec}, Auth: auth})
	}
	require.Error(t, push(&githttp.BasicAuth{Username: "x-access-token", Password: "ghs_wrong"}))
	require.Error(t, push(&githttp.BasicAuth{Username: "x-access-token", Password: f.AddToken(forgetest.Access{Login: "r[bot]", Read: true}).Reveal()}))
	require.Empty(t, f.Writes())
	require.NoError(t, push(auth))
	require.Equal(t, []string{"push new topic/one"}, writes(f))

	gh := client(t, f, f.Token())
	req := &github.NewPullRequest{Title: github.String("t"), Head: github.String("topic/one"), Base: github.String("main"), Draft: github.Bool(true), Body: github.String("Closes #1")}
	pr, _, err := gh.PullRequests.Create(ctx, "acme", "greeter", req)
	require.NoError(t, err)
	require.True(t, pr.GetDraft())
	require.Equal(t, hash.String(), pr.GetHead().GetSHA())
	_, _, err = gh.PullRequests.Create(ctx, "acme", "greeter", req)
	require.Equal(t, 422, status(t, err))
	require.ErrorContains(t, err, "A pull request already exists for acme:topic/one.")
	files, _, err := gh.PullRequests.ListFiles(ctx, "acme", "greeter", 1, nil)
	require.NoError(t, err)
	require.Len(t, files, 1)
	require.Equal(t, "new.txt", files[0].GetFilename())
	require.Equal(t, "@@ -0,0 +1 @@\n+new", files[0].GetPatch())
	commits, _, err := gh.PullRequests.ListCommits(ctx, "acme", "greeter", 1, nil)
	require.NoError(t, err)
	require.Equal(t, "Add new.txt", strings.TrimSpace(commits[0].GetCommit().GetMessage()))
	ref, _, err := gh.Git.GetRef(ctx, "acme", "greeter", "heads/topic/one")
	require.NoError(t, err)
	require.Equal(t, hash.String(), ref.GetObject().GetSHA())
	cmp, _, err := gh.Repositories.CompareCommits(ctx, "acme", "greeter", "main", "topic/one", nil)
	require.NoError(t, err)
	require.Equal(t, 1, cmp.GetAheadBy())

	require.NoError(t, f.Merge(acme, 1))
	got, err := f.File(acme, "main", "new.txt")
	require.NoError(t, err)
	require.Equal(t, "new\n", got)
	log, err := f.Log(acme, "main")
	require.NoError(t, err)
	require.Contains(t, log, "Merge pull request #1 from acme/topic/one")
}

func TestFaults(t *testing.T) {
	t.Parallel()
	f, ctx := start(t), context.Background()
	gh := client(t, f, f.Token())
	f.FailNext(forgetest.Fault{On: "POST /repos/acme/greeter/issues", Status: 502, After: true},
		forgetest.Fault{On: "GET /repos/acme", Cut: true},
		forgetest.Fault{Status: 403, RetryAfter: 7 * time.Second})
	_, _, err := gh.Issues.Create(ctx, "acme", "greeter", &github.IssueRequest{Title: github.String("x")})
	require.Equal(t, 502, status(t, err))
	require.Len(t, f.Issues(acme), 1, "done before it failed")
	_, _, err = gh.Repositories.Get(ctx, "acme", "greeter")
	require.ErrorIs(t, err, io.ErrUnexpectedEOF)
	_, _, err = gh.Repositories.Get(ctx, "acme", "greeter")
	var abuse *github.AbuseRateLimitError
	require.ErrorAs(t, err, &abuse)
	require.Equal(t, 7*time.Second, *abuse.RetryAfter)
}

func TestEtagAndRename(t *testing.T) {
	t.Parallel()
	f := start(t)
	get := func(path, tag string) *http.Response {
		req, err := http.NewRequest(http.MethodGet, f.API()+path, nil)
		require.NoError(t, err)
		req.Header.Set("If-None-Match", tag)
		resp, err := http.DefaultClient.Do(req)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		return resp
	}
	tag := get("/repos/acme/greeter", "").Header.Get("ETag")
	require.NotEmpty(t, tag)
	require.Equal(t, 304, get("/repos/acme/greeter", tag).StatusCode)
	require.NoError(t, f.Rename(acme, hotfix.Repo{Owner: "acme", Name: "welcomer"}))
	resp := get("/repos/acme/greeter", tag)
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, resp.Request.URL.Path, "/repos/acme/welcomer")
}

func TestRunsAndLogs(t *testing.T) {
	t.Parallel()
	f, ctx := start(t), context.Background()
	run, err := f.AddRun(acme, forgetest.Run{Name: "CI", Jobs: []forgetest.Job{{Name: "build / test", Log: "boom\n"}}})
	require.NoError(t, err)
	gh := client(t, f, f.Token())
	at, _, err := gh.Actions.GetWorkflowJobLogs(ctx, "acme", "greeter", run.Jobs[0].ID, 0)
	require.NoError(t, err)
	resp, err := http.Get(at.String())
	require.NoError(t, err)
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.Contains(t, string(data), "boom\n")
}

func TestPages(t *testing.T) {
	t.Parallel()
	f := start(t)
	_, err := f.OpenIssue(acme, "mona", "<b>bold</b>", "<!-- hidden -->\nSome **bold** text\n\n<script>alert(1)</script>", "bug")
	require.NoError(t, err)
	for path, want := range map[string]string{"/": "acme/greeter", "/acme/greeter": "#1 &lt;b&gt;", "/acme/greeter/issues/1": "Some <strong>bold</strong> text"} {
		resp, err := http.Get(f.URL() + path)
		require.NoError(t, err)
		data, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, 200, resp.StatusCode, path)
		require.Contains(t, string(data), want)
		require.NotContains(t, string(data), "hidden")
		require.NotContains(t, string(data), "<script")
	}
}
