package forge_test

import (
	"bytes"
	"encoding/base64"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

var plugin = hotfix.Plugin{ID: "greeter", Repo: greeter}

// changed clones the plugin and edits a file.
func changed(t *testing.T, c *forge.Client, says string) *sandbox.Tree {
	t.Helper()
	tree, err := c.Clone(ctx, plugin, t.TempDir())
	require.NoError(t, err)
	require.NoError(t, tree.Write("greet.go", "package greeter\n\n// "+says+"\n"))
	return tree
}

func proposal() hotfix.Proposal {
	return hotfix.Proposal{Case: "v1-0123", Issue: 1, Repo: greeter, Branch: "hotfix/v1-0123", Title: "Greet\nwithout a name",
		Commit: "Greet without a name\n\nRefs: #1", Body: redact.Scrub("Closes #1"), Labels: []string{"hotfix"}}
}

func TestOpenDraft(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh, func(cfg *forge.Config) { cfg.SignOff = true })
	n, err := c.OpenDraft(ctx, changed(t, c, "fixed"), proposal())
	require.NoError(t, err)
	require.Equal(t, []string{"push new hotfix/v1-0123", "create pull request #1", "label #1"}, writes(gh))
	pr := gh.Pulls(greeter)[0]
	require.Equal(t, n, pr.Number)
	require.True(t, pr.Pull.Draft)
	require.Equal(t, "main", pr.Pull.Base)
	require.Equal(t, "Greet without a name", pr.Title)
	require.Equal(t, []string{"hotfix"}, pr.Labels)
	log, err := gh.Log(greeter, "hotfix/v1-0123")
	require.NoError(t, err)
	require.Contains(t, log, "Author: daemon-hotfix[bot] <")
	require.Contains(t, log, "+daemon-hotfix[bot]@users.noreply.github.com>")
	require.Contains(t, log, "    Refs: #1\n    Signed-off-by: daemon-hotfix[bot] <")
	got, err := gh.File(greeter, "hotfix/v1-0123", "greet.go")
	require.NoError(t, err)
	require.Contains(t, got, "fixed")

	state, err := c.PullState(ctx, greeter, n)
	require.NoError(t, err)
	require.Equal(t, "open", state.State)
	require.True(t, state.Draft)
	require.NoError(t, gh.Merge(greeter, n))
	state, err = c.PullState(ctx, greeter, n)
	require.NoError(t, err)
	require.Equal(t, "merged", state.State)
	require.NotEmpty(t, state.MergeSHA)
}

func TestOpenDraftTwiceIsOnce(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	tree := changed(t, c, "fixed")
	n, err := c.OpenDraft(ctx, tree, proposal())
	require.NoError(t, err)
	before := writes(gh)
	for _, again := range []*sandbox.Tree{tree, changed(t, c, "fixed")} { // the same tree, and the same content made anew
		late := connect(t, gh, func(cfg *forge.Config) { cfg.Now = func() time.Time { return time.Now().Add(time.Hour) } })
		m, err := late.OpenDraft(ctx, again, proposal())
		require.NoError(t, err)
		require.Equal(t, n, m)
	}
	require.Equal(t, before, writes(gh))

	require.NoError(t, gh.SetState(greeter, n, "closed", ""))
	m, err := c.OpenDraft(ctx, tree, proposal())
	require.ErrorIs(t, err, forge.ErrDeclined)
	require.Equal(t, n, m)
	require.Len(t, gh.Pulls(greeter), 1)
}

func TestOpenDraftNeverForces(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		tip  map[string]string
	}{
		{"another file", map[string]string{"mine.txt": "work of a person\n"}},
		{"the same change on top of another", map[string]string{"greet.go": "package greeter\n\n// fixed\n", "x": "x"}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gh := start(t)
			c := connect(t, gh)
			tree := changed(t, c, "fixed")
			hash, err := gh.Commit(greeter, "hotfix/v1-0123", "person", tc.tip)
			require.NoError(t, err)
			_, err = c.OpenDraft(ctx, tree, proposal())
			require.ErrorIs(t, err, forge.ErrBranchTaken)
			heads, err := gh.Branches(greeter)
			require.NoError(t, err)
			require.Equal(t, hash, heads["hotfix/v1-0123"])
			require.Empty(t, writes(gh))
		})
	}
}

func TestOpenDraftRefuses(t *testing.T) {
	t.Parallel()
	gh := start(t, forgetest.RepoOptions{NoDrafts: true})
	c := connect(t, gh)
	tree := changed(t, c, "fixed")
	_, err := c.OpenDraft(ctx, tree, proposal())
	require.ErrorIs(t, err, forge.ErrNoDrafts)
	require.Empty(t, gh.Pulls(greeter), "never an ordinary one instead")
	for name, change := range map[string]func(*hotfix.Proposal){
		"default branch":  func(p *hotfix.Proposal) { p.Branch = "main" },
		"target branch":   func(p *hotfix.Proposal) { p.Branch, p.Into = "dev", "dev" },
		"no branch":       func(p *hotfix.Proposal) { p.Branch = "" },
		"option":          func(p *hotfix.Proposal) { p.Branch = "--force" },
		"missing target":  func(p *hotfix.Proposal) { p.Into = "nowhere" },
		"body too long":   func(p *hotfix.Proposal) { p.Body = redact.Scrub(strings.Repeat("long ", 14000)) },
		"unknown project": func(p *hotfix.Proposal) { p.Repo.Name = "unknown" },
	} {
		p := proposal()
		change(&p)
		_, err := c.OpenDraft(ctx, tree, p)
		require.Error(t, err, name)
	}
	clean, err := c.Clone(ctx, plugin, t.TempDir())
	require.NoError(t, err)
	_, err = c.OpenDraft(ctx, clean, proposal())
	require.ErrorContains(t, err, "no changes")
	heads, err := gh.Branches(greeter)
	require.NoError(t, err)
	require.Len(t, heads, 2, "main, and the branch of the refused draft")
}

func TestOpenDraftRace(t *testing.T) {
	t.Parallel()
	gh := start(t)
	var wg sync.WaitGroup
	for n := range 4 {
		c := connect(t, gh, func(cfg *forge.Config) {
			cfg.Now = func() time.Time { return time.Unix(1_700_000_000+int64(n), 0) } // so that hashes differ
		})
		tree := changed(t, c, "fixed")
		wg.Go(func() {
			if got, err := c.OpenDraft(ctx, tree, proposal()); err != nil || got != 1 {
				t.Errorf("pull request %d, error %v", got, err)
			}
		})
	}
	wg.Wait()
	require.Len(t, gh.Pulls(greeter), 1)
}

func TestOpenDraftAfterFaults(t *testing.T) {
	t.Parallel()
	for seed := range uint64(3) {
		gh := start(t)
		c := connect(t, gh)
		tree := changed(t, c, "fixed")
		gh.FailRate(seed, 0.3, forgetest.Fault{Status: 500, After: true})
		opened := 0
		for range 25 {
			if n, err := c.OpenDraft(ctx, tree, proposal()); err == nil {
				require.Equal(t, 1, n)
				opened++
			}
		}
		require.Positive(t, opened)
		require.Len(t, gh.Pulls(greeter), 1)
	}
}

func TestOpenDraftWithoutRights(t *testing.T) {
	t.Parallel()
	for _, deny := range [][]string{{"contents"}, {"pulls"}} {
		gh := start(t)
		tree := changed(t, connect(t, gh), "fixed")
		c := connect(t, gh, func(cfg *forge.Config) { cfg.Token = gh.AddToken(forgetest.Access{Login: "weak[bot]", Deny: deny}) })
		_, err := c.OpenDraft(ctx, tree, proposal())
		require.ErrorIs(t, err, forge.ErrForbidden, deny)
		if deny[0] == "pulls" {
			require.ErrorContains(t, err, "pull_requests=write", "what is missing is named")
		}
		n, err := c.With(gh.Token()).OpenDraft(ctx, tree, proposal())
		require.NoError(t, err, "the fallback takes over, even on a branch that the first credential pushed")
		require.Equal(t, 1, n)
	}
}

func TestClone(t *testing.T) {
	t.Parallel()
	gh := start(t)
	first, err := gh.Branches(greeter)
	require.NoError(t, err)
	_, err = gh.Commit(greeter, "main", "second", map[string]string{"greet.go": "package second\n"})
	require.NoError(t, err)
	_, err = gh.Commit(greeter, "dev", "third", map[string]string{"greet.go": "package dev\n"})
	require.NoError(t, err)
	private := hotfix.Repo{Owner: "acme", Name: "private"}
	require.NoError(t, gh.AddRepo(private, map[string]string{"x": "x"}, forgetest.RepoOptions{Private: true}))
	c := connect(t, gh)
	for ref, want := range map[string]string{"": "second", "dev": "dev", "dist/dev": "dev", first["main"]: "greeter"} {
		tree, err := c.Clone(ctx, hotfix.Plugin{Repo: greeter, Ref: ref}, t.TempDir())
		require.NoError(t, err, ref)
		got, err := tree.Read("greet.go")
		require.NoError(t, err)
		require.Equal(t, "package "+want+"\n", got, ref)
	}
	anonymous := connect(t, gh, func(cfg *forge.Config) { cfg.Token = redact.Secret{} })
	_, err = anonymous.Clone(ctx, plugin, t.TempDir())
	require.NoError(t, err, "public")
	_, err = anonymous.Clone(ctx, hotfix.Plugin{Repo: private}, t.TempDir())
	require.ErrorIs(t, err, forge.ErrForbidden)
	_, err = c.Clone(ctx, hotfix.Plugin{Repo: private}, t.TempDir())
	require.NoError(t, err)
	_, err = c.Clone(ctx, hotfix.Plugin{ID: "unknown"}, t.TempDir())
	require.Error(t, err)
}

func failure(run int64) hotfix.Failure {
	return hotfix.Failure{Plugin: plugin, Run: &hotfix.WorkflowRun{ID: run}, Logs: []redact.Text{redact.Scrub("event line")}}
}

func TestLogs(t *testing.T) {
	t.Parallel()
	secret := "ghs_" + strings.Repeat("a1B2", 9)
	stamp := "2026-01-02T03:04:05.1234567Z "
	long := stamp + "first line\r\n" + strings.Repeat(stamp+"filler filler filler filler\r\n", 20000) + stamp + "token \x1b[31mghs_" + "\x1b[0m" + secret[4:] + "\r\n" + stamp + "##[error]boom\r\n"
	jobs := []forgetest.Job{{Name: "ok", Conclusion: "success", Log: "fine"},
		{Name: "build / test (20)", Steps: []forgetest.Step{{Name: "npm test", Conclusion: "failure"}}, Log: long}}
	for _, tc := range []struct {
		name string
		run  forgetest.Run
	}{{"job", forgetest.Run{Jobs: jobs}}, {"archive", forgetest.Run{Jobs: jobs, ZipOnly: true}}} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gh := start(t)
			run, err := gh.AddRun(greeter, tc.run)
			require.NoError(t, err)
			text, err := connect(t, gh).Logs(ctx, failure(run.ID))
			require.NoError(t, err)
			got := text.String()
			require.True(t, strings.HasPrefix(got, "== job \"build / test (20)\": failure, step \"npm test\"\nfirst line\n"), got[:80])
			require.True(t, strings.HasSuffix(got, "##[error]boom\n"))
			require.Less(t, len(got), 50<<10)
			require.NotContains(t, got, "fine")
			require.NotContains(t, got, stamp[:10])
			require.NotContains(t, got, secret[4:], "a colour code does not hide a token")
			for _, call := range gh.Calls() {
				if strings.HasPrefix(call.Path, "blob:") {
					require.Empty(t, call.Login, "no credential for the storage host")
				}
			}
		})
	}
}

func TestLogsNotThere(t *testing.T) {
	t.Parallel()
	gh := start(t)
	run, err := gh.AddRun(greeter, forgetest.Run{NoLogs: true, Jobs: []forgetest.Job{{Name: "x", Log: "x"}}})
	require.NoError(t, err)
	weak := connect(t, gh, func(cfg *forge.Config) {
		cfg.Token = gh.AddToken(forgetest.Access{Login: "w[bot]", Deny: []string{"actions"}})
	})
	for name, get := range map[string]func() (redact.Text, error){
		"expired":   func() (redact.Text, error) { return connect(t, gh).Logs(ctx, failure(run.ID)) },
		"unknown":   func() (redact.Text, error) { return connect(t, gh).Logs(ctx, failure(9999)) },
		"forbidden": func() (redact.Text, error) { return weak.Logs(ctx, failure(run.ID)) },
	} {
		text, err := get()
		require.ErrorIs(t, err, forge.ErrNoLogs, name)
		require.Equal(t, "event line", text.String(), name)
	}
	text, err := connect(t, gh).Logs(ctx, hotfix.Failure{Plugin: plugin, Logs: []redact.Text{redact.Scrub("a"), redact.Scrub("b")}})
	require.NoError(t, err)
	require.Equal(t, "a\nb", text.String())
}

// A hostile GitHub, or one behind a hostile proxy, sends everything elsewhere: no credential may follow.
func TestRedirectsDoNotCarryCredentials(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	var seen []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprintf("%s %s %q", r.Method, r.URL, r.Header.Get("Authorization")))
		if strings.HasSuffix(r.URL.Path, "/info/refs") { // enough for git to go on and ask for a pack
			service := r.URL.Query().Get("service")
			w.Header().Set("Content-Type", "application/x-"+service+"-advertisement")
			first := "# service=" + service + "\n"
			ref := strings.Repeat("1", 40) + " HEAD\x00symref=HEAD:refs/heads/main agent=x\n"
			main := strings.Repeat("1", 40) + " refs/heads/main\n"
			fmt.Fprintf(w, "%04x%s0000%04x%s%04x%s0000", len(first)+4, first, len(ref)+4, ref, len(main)+4, main)
			return
		}
		w.WriteHeader(http.StatusNotFound)
	}))
	t.Cleanup(elsewhere.Close)
	for _, status := range []int{http.StatusMovedPermanently, http.StatusFound, http.StatusTemporaryRedirect} {
		front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, elsewhere.URL+r.URL.String(), status)
		}))
		var log bytes.Buffer
		token := redact.NewSecret("ghs_" + strings.Repeat("zZ9", 12))
		c, err := forge.New(forge.Config{API: front.URL, Server: front.URL, Token: token, Log: slog.New(slog.NewTextHandler(&log, nil))})
		require.NoError(t, err)
		known := issue("x")
		known.Number = 1
		run := failure(7)
		_, e1 := c.SaveIssue(ctx, issue("x"))
		_, e2 := c.SaveIssue(ctx, known)
		_, e3 := c.Clone(ctx, plugin, t.TempDir())
		_, e4 := c.Logs(ctx, run)
		_, e5 := c.CanWrite(ctx, greeter, "mona")
		e6 := c.Comment(ctx, greeter, 1, redact.Scrub("x"))
		for _, err := range []error{e1, e2, e3, e4, e6} {
			require.Error(t, err)
			require.NotContains(t, err.Error(), token.Reveal())
		}
		require.Error(t, e5)
		require.NotContains(t, log.String(), token.Reveal())
		front.Close()
	}
	mu.Lock()
	defer mu.Unlock()
	require.NotEmpty(t, seen)
	all := strings.Join(seen, "\n")
	require.Contains(t, all, "POST /acme/greeter.git/git-upload-pack", "git went on at the other host")
	require.NotContains(t, all, "/repos/", "the API's answers are taken from the API's host only")
	basic := base64.StdEncoding.EncodeToString([]byte("x-access-token:"))[:18]
	for _, s := range seen {
		require.True(t, strings.HasSuffix(s, ` ""`), s)
		require.NotContains(t, s, basic)
	}
}

// go-github follows this one redirect itself, without asking the client's policy.
func TestLogRedirectDoesNotCarryCredentials(t *testing.T) {
	t.Parallel()
	var got []string
	elsewhere := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
		w.Header().Set("Location", "http://"+r.Host+"/log")
		w.WriteHeader(map[bool]int{true: http.StatusOK, false: http.StatusFound}[r.URL.Path == "/log"])
	}))
	t.Cleanup(elsewhere.Close)
	front := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/jobs") {
			fmt.Fprint(w, `{"total_count":1,"jobs":[{"id":5,"name":"x","conclusion":"failure"}]}`)
			return
		}
		http.Redirect(w, r, elsewhere.URL+r.URL.String(), http.StatusMovedPermanently)
	}))
	t.Cleanup(front.Close)
	c, err := forge.New(forge.Config{API: front.URL, Server: front.URL, Token: redact.NewSecret("ghs_" + strings.Repeat("zZ9", 12))})
	require.NoError(t, err)
	_, err = c.Logs(ctx, failure(7))
	require.NoError(t, err)
	require.Equal(t, []string{"", ""}, got)
}

func TestTidyBoundsAndTellsSo(t *testing.T) {
	t.Parallel()
	for _, raw := range []string{"", "one", strings.Repeat("é", 200_000), strings.Repeat("line\n", 100_000), "\xff\xfe bad"} {
		got := forge.Tidy([]byte(raw)).String()
		require.LessOrEqual(t, len(got), 49<<10)
		require.True(t, len(raw) < 1000 || strings.Contains(got, "bytes left out"))
		require.Equal(t, got, strings.ToValidUTF8(got, "?"))
	}
}
