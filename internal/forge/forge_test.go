package forge_test

import (
	"bytes"
	"context"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

var (
	greeter = hotfix.Repo{Owner: "acme", Name: "greeter"}
	ctx     = context.Background()
)

const marker = "<!-- daemon-hotfix v1-0123 hmac=abcdef -->"

func start(t *testing.T, opts ...forgetest.RepoOptions) *forgetest.Forge {
	t.Helper()
	gh, err := forgetest.Start()
	require.NoError(t, err)
	t.Cleanup(gh.Close)
	require.NoError(t, gh.AddRepo(greeter, map[string]string{"go.mod": "module greeter\n", "greet.go": "package greeter\n"}, opts...))
	return gh
}

func connect(t *testing.T, gh *forgetest.Forge, change ...func(*forge.Config)) *forge.Client {
	t.Helper()
	cfg := forge.Config{API: gh.API(), Server: gh.URL(), Token: gh.Token()}
	for _, f := range change {
		f(&cfg)
	}
	c, err := forge.New(cfg)
	require.NoError(t, err)
	return c
}

func issue(says string, labels ...string) forge.Issue {
	return forge.Issue{Repo: greeter, Marker: marker, Title: "greeter: it broke", Body: redact.Scrub(marker + "\n" + says + "\n"), Labels: labels}
}

func writes(gh *forgetest.Forge) []string {
	var out []string
	for _, c := range gh.Writes() {
		out = append(out, c.Write)
	}
	return out
}

func open(gh *forgetest.Forge, repo hotfix.Repo) []forgetest.Issue {
	var out []forgetest.Issue
	for _, i := range gh.Issues(repo) {
		if i.State == "open" {
			out = append(out, i)
		}
	}
	return out
}

func TestNewRefuses(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		cfg  forge.Config
		says string
	}{
		{"plain http", forge.Config{API: "http://example.com/api/v3"}, "must use https"},
		{"credentials in the address", forge.Config{Server: "https://u:p@example.com"}, "plain address"},
		{"no host", forge.Config{API: "api.github.com"}, "plain address"},
		{"bad key", forge.Config{App: &forge.App{ID: 1, Key: redact.NewSecret("not-a-key-at-all")}}, "PEM"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			_, err := forge.New(tc.cfg)
			require.ErrorContains(t, err, tc.says)
			require.NotContains(t, err.Error(), "not-a-key-at-all")
		})
	}
}

func TestSaveIssueCreatesOnceAndEditsOnlyChanges(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	got, err := c.SaveIssue(ctx, issue("seen once", "bug", "hotfix"))
	require.NoError(t, err)
	require.Equal(t, 1, got.Number)
	require.Equal(t, "open", got.State)
	require.ElementsMatch(t, []string{"bug", "hotfix"}, got.Labels)

	for _, number := range []int{0, 1} {
		again := issue("seen once")
		again.Number = number
		_, err = c.SaveIssue(ctx, again)
		require.NoError(t, err)
	}
	require.Equal(t, []string{"create issue #1"}, writes(gh), "nothing changed, nothing is written")

	changed := issue("seen twice")
	changed.Title = "another title"
	_, err = c.SaveIssue(ctx, changed)
	require.NoError(t, err)
	require.Equal(t, []string{"create issue #1", "edit #1: body"}, writes(gh))
	require.Equal(t, "greeter: it broke", gh.Issues(greeter)[0].Title, "the title belongs to people once it is there")
	require.Contains(t, gh.Issues(greeter)[0].Body, "seen twice")
}

func TestSaveIssueKeepsWhatPeopleWrote(t *testing.T) {
	t.Parallel()
	const begin, end = "<!-- daemon-hotfix:begin -->", "<!-- daemon-hotfix:end -->"
	for _, tc := range []struct {
		name  string
		human func(string) string
		keeps []string
	}{
		{"above and below", func(b string) string { return "Note: rare\t \n\n" + b + "\r\n\r\n- [x] done  \n\n\n" }, []string{"Note: rare\t \n\n" + begin, end + "\n\r\n\r\n- [x] done  \n\n\n"}},
		{"browser line ends", func(b string) string { return strings.ReplaceAll("mine\n"+b+"\nalso mine", "\n", "\r\n") }, []string{"mine\r\n" + begin, end + "\r\n\r\nalso mine"}},
		{"a copy below", func(b string) string { return b + "\n> quoted:\n" + b }, []string{"\n> quoted:\n" + begin + "\n" + marker + "\nfirst\n" + end}},
		{"begin line lost", func(b string) string { return "A\n" + strings.Replace(b, begin, "", 1) + "B" }, []string{"A\n", "first\n" + end + "\nB\n\n" + begin}},
		{"end line lost", func(b string) string { return "A\n" + strings.Replace(b, end, "", 1) + "B\n" }, []string{"A\n" + begin, "first\n\nB\n\n" + begin}},
		{"all but the marker replaced", func(string) string { return "human text\n" + marker }, []string{"human text\n" + marker + "\n\n" + begin}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gh := start(t)
			c := connect(t, gh)
			_, err := c.SaveIssue(ctx, issue("first"))
			require.NoError(t, err)
			require.NoError(t, gh.EditBody(greeter, 1, tc.human))
			for _, says := range []string{"first", "second", "third", "third"} {
				_, err = c.SaveIssue(ctx, issue(says))
				require.NoError(t, err)
			}
			body := gh.Issues(greeter)[0].Body
			for _, k := range tc.keeps {
				require.Contains(t, body, k)
			}
			require.Contains(t, body, "\nthird\n"+end)
			require.NotContains(t, body, "second")
			require.Len(t, gh.Issues(greeter), 1)
		})
	}
}

func TestSaveIssueFindsOnlyOurs(t *testing.T) {
	t.Parallel()
	gh := start(t)
	body := issue("planted").Body.String()
	for _, b := range []string{body, "> " + marker, "text " + marker + " text"} {
		_, err := gh.OpenIssue(greeter, "mallory", "greeter: it broke", b)
		require.NoError(t, err)
	}
	for _, b := range []string{"> " + marker, "text " + marker + " text", strings.ToUpper(marker)} {
		_, err := gh.OpenIssue(greeter, "other[bot]", "greeter: it broke", b)
		require.NoError(t, err)
	}
	got, err := connect(t, gh).SaveIssue(ctx, issue("real"))
	require.NoError(t, err)
	require.Equal(t, 7, got.Number)
	require.Equal(t, []string{"create issue #7"}, writes(gh))
}

func TestOlderMarkersAreAdopted(t *testing.T) {
	t.Parallel()
	gh := start(t)
	old := "<!-- uos-hotfix-key:0123 -->"
	for _, login := range []string{"mallory", "github-actions[bot]"} {
		_, err := gh.OpenIssue(greeter, login, "old", "old text\n"+old+"\n")
		require.NoError(t, err)
	}
	want := issue("x")
	want.Also = []string{old}
	for range 2 {
		got, err := connect(t, gh).SaveIssue(ctx, want)
		require.NoError(t, err)
		require.Equal(t, 2, got.Number)
	}
	body := gh.Issues(greeter)[1].Body
	require.True(t, strings.HasPrefix(body, "old text\n"+old+"\n\n<!-- daemon-hotfix:begin -->\n"+marker+"\n"), body)
	require.Equal(t, []string{"edit #2: body"}, writes(gh))
	found, err := connect(t, gh).FindIssue(ctx, issue("x"))
	require.NoError(t, err)
	require.Equal(t, 2, found.Number)
	require.Equal(t, body, found.Body.String())
}

func TestSaveIssueReadsAllPages(t *testing.T) {
	t.Parallel()
	for _, blind := range []bool{false, true} {
		gh := start(t)
		gh.CreatorBlind = blind
		_, err := connect(t, gh).SaveIssue(ctx, issue("old"))
		require.NoError(t, err)
		for n := range 230 {
			_, err := gh.OpenIssue(greeter, []string{"mona", forgetest.BotLogin}[n%2], "other", "other")
			require.NoError(t, err)
		}
		require.NoError(t, gh.SetState(greeter, 1, "closed", "not_planned"))
		got, err := connect(t, gh).SaveIssue(ctx, issue("new"))
		require.NoError(t, err)
		require.Equal(t, 1, got.Number)
		require.Equal(t, "closed", got.State)
		require.Equal(t, "not_planned", got.StateReason)
		require.Len(t, gh.Issues(greeter), 231)
	}
}

func TestPartialListNeverCreates(t *testing.T) {
	t.Parallel()
	gh := start(t)
	gh.CreatorBlind = true // so that everything is read
	for range 120 {
		_, err := gh.OpenIssue(greeter, "mona", "other", "other")
		require.NoError(t, err)
	}
	list := "GET /repos/acme/greeter/issues"
	for _, tc := range []struct {
		name   string
		faults []forgetest.Fault
	}{
		{"broken off", []forgetest.Fault{{On: list, Cut: true}}},
		{"forbidden", []forgetest.Fault{{On: list, Status: 403, Message: "Resource not accessible by integration"}}},
		{"not found", []forgetest.Fault{{On: list, Status: 404}}},
		{"unprocessable", []forgetest.Fault{{On: list, Status: 422}}},
		{"server error", []forgetest.Fault{{On: list, Status: 500}}},
		{"gateway, four times", []forgetest.Fault{{On: list, Status: 502}, {On: list, Status: 503}, {On: list, Status: 504}, {On: list, Status: 502}}},
		{"secondary limit", []forgetest.Fault{{On: list, Status: 403, RetryAfter: time.Second}}},
		{"empty success", []forgetest.Fault{{On: list, Status: 200, Message: "[]"}}},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for second := range 2 { // the first page breaks, or the second
				c := connect(t, gh)
				if second == 1 {
					gh.FailNext(tc.faults...)
					for i := range tc.faults {
						gh.FailNext(tc.faults[i])
					}
				} else {
					gh.FailNext(tc.faults...)
				}
				_, err := c.SaveIssue(ctx, issue("x"))
				require.Error(t, err)
				gh.ClearFaults()
			}
			require.Empty(t, writes(gh))
		})
	}
}

func TestWrongNumberWritesNothing(t *testing.T) {
	t.Parallel()
	gh := start(t)
	_, err := gh.OpenIssue(greeter, "mona", "mine", "my text")
	require.NoError(t, err)
	c := connect(t, gh)
	wrong := issue("x")
	wrong.Number = 1
	_, err = c.SaveIssue(ctx, wrong)
	require.ErrorIs(t, err, forge.ErrNotOurs)
	wrong.Number = 99
	_, err = c.SaveIssue(ctx, wrong)
	require.ErrorIs(t, err, forge.ErrGone)
	hidden := hotfix.Repo{Owner: "acme", Name: "hidden"}
	wrong.Repo = hidden
	_, err = c.SaveIssue(ctx, wrong)
	require.ErrorIs(t, err, forge.ErrForbidden)
	require.NotErrorIs(t, err, forge.ErrGone, "a repository that may not be seen does not mean a deleted issue")
	require.Empty(t, writes(gh))
}

func TestLabels(t *testing.T) {
	t.Parallel()
	for _, tc := range []struct {
		name string
		opts forgetest.RepoOptions
		has  []string
	}{
		{"made on the way", forgetest.RepoOptions{}, []string{"hotfix"}},
		{"silently dropped", forgetest.RepoOptions{DropLabels: true}, nil},
		{"forbidden", forgetest.RepoOptions{RefuseLabels: true}, nil},
		{"unknown is invalid", forgetest.RepoOptions{NoAutoLabel: true}, nil},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gh := start(t, tc.opts)
			var log bytes.Buffer
			c := connect(t, gh, func(cfg *forge.Config) { cfg.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			got, err := c.SaveIssue(ctx, issue("x", "hotfix"))
			require.NoError(t, err)
			require.Equal(t, tc.has, got.Labels)
			require.Len(t, open(gh, greeter), 1)
			require.Equal(t, len(tc.has) == 0, strings.Contains(log.String(), "label"), log.String())
		})
	}
}

func TestGoneIssues(t *testing.T) {
	t.Parallel()
	elsewhere := hotfix.Repo{Owner: "acme", Name: "elsewhere"}
	for _, tc := range []struct {
		name string
		do   func(*testing.T, *forgetest.Forge)
		want error
		once bool
	}{
		{"deleted", func(t *testing.T, gh *forgetest.Forge) { require.NoError(t, gh.Delete(greeter, 1)) }, forge.ErrGone, false},
		{"withheld for legal reasons", func(t *testing.T, gh *forgetest.Forge) {
			gh.FailNext(forgetest.Fault{On: "GET /repos/acme/greeter/issues/1", Status: 451})
		}, forge.ErrGone, true},
		{"transferred", func(t *testing.T, gh *forgetest.Forge) {
			for range 3 {
				_, err := gh.OpenIssue(elsewhere, "mona", "x", "x")
				require.NoError(t, err)
			}
			_, err := gh.Transfer(greeter, 1, elsewhere)
			require.NoError(t, err)
		}, forge.ErrMoved, false},
		{"moved between reading and writing", func(t *testing.T, gh *forgetest.Forge) {
			gh.FailNext(forgetest.Fault{On: "PATCH /repos/acme/greeter/issues/1", Status: 301, Location: "/repos/acme/greeter"})
		}, forge.ErrMoved, true},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gh := start(t)
			require.NoError(t, gh.AddRepo(elsewhere, map[string]string{"x": "x"}))
			c := connect(t, gh)
			_, err := c.SaveIssue(ctx, issue("x"))
			require.NoError(t, err)
			tc.do(t, gh)
			for _, says := range []string{"y", "x"} { // what must be written, and what is there already
				known := issue(says)
				known.Number = 1
				if _, err = c.SaveIssue(ctx, known); !tc.once || says == "y" {
					require.ErrorIs(t, err, tc.want)
				}
			}
			require.Equal(t, []string{"create issue #1"}, writes(gh))
		})
	}
}

func TestRenamedRepository(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	_, err := c.SaveIssue(ctx, issue("x"))
	require.NoError(t, err)
	now := hotfix.Repo{Owner: "acme", Name: "welcomer"}
	require.NoError(t, gh.Rename(greeter, now))
	_, err = c.SaveIssue(ctx, issue("y"))
	require.NoError(t, err)
	require.Len(t, gh.Issues(now), 1)
	require.Contains(t, gh.Issues(now)[0].Body, "\ny\n")
}

func TestLockedAndSwitchedOff(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	_, err := c.SaveIssue(ctx, issue("x"))
	require.NoError(t, err)
	require.NoError(t, gh.Lock(greeter, 1))
	require.ErrorIs(t, c.Comment(ctx, greeter, 1, redact.Scrub("hello")), forge.ErrLocked)
	off := hotfix.Repo{Owner: "acme", Name: "off"}
	require.NoError(t, gh.AddRepo(off, map[string]string{"x": "x"}, forgetest.RepoOptions{NoIssues: true}))
	_, err = c.SaveIssue(ctx, forge.Issue{Repo: off, Marker: marker, Title: "x", Body: issue("x").Body})
	require.ErrorIs(t, err, forge.ErrNoIssues)
}

func TestBadIssues(t *testing.T) {
	t.Parallel()
	gh := start(t)
	c := connect(t, gh)
	for name, change := range map[string]func(*forge.Issue){
		"no marker":      func(i *forge.Issue) { i.Marker = "" },
		"two lines":      func(i *forge.Issue) { i.Marker = marker + "\n" + marker },
		"not in body":    func(i *forge.Issue) { i.Body = redact.Scrub("x") },
		"only in a line": func(i *forge.Issue) { i.Body = redact.Scrub("see " + marker) },
		"region twice": func(i *forge.Issue) {
			i.Body = redact.Scrub(strings.Repeat("<!-- daemon-hotfix:begin -->\n"+marker+"\n<!-- daemon-hotfix:end -->\n", 2))
		},
		"planted end": func(i *forge.Issue) { i.Body = redact.Scrub(marker + "\n<!-- daemon-hotfix:end -->\n") },
		"too long":    func(i *forge.Issue) { i.Body = redact.Scrub(marker + "\n" + strings.Repeat("long ", 14000)) },
	} {
		i := issue("x")
		change(&i)
		_, err := c.SaveIssue(ctx, i)
		require.Error(t, err, name)
	}
	require.Empty(t, gh.Calls(), "refused before anyone is asked")
}
