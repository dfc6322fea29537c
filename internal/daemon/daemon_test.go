package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

var (
	repo = hotfix.Repo{Owner: "acme", Name: "adder"}
	noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
)

// The plugin of these tests adds numbers, and one of its sums is wrong.
var files = map[string]string{
	"package.json":   `{"name": "adder", "type": "module", "private": true, "scripts": {"test": "node --test"}}` + "\n",
	"src/add.js":     "export function add(list) {\n  return list.reduce((a, b) => a + b);\n}\n",
	"test/a.test.js": "import assert from \"node:assert\";\nimport { test } from \"node:test\";\nimport { add } from \"../src/add.js\";\ntest(\"adds\", () => assert.equal(add([1, 2]), 3));\n",
}

// A world is a forge over real HTTP, a store and a daemon.
type world struct {
	forge  *forgetest.Forge
	store  *store.Volatile
	daemon *daemon.Daemon
	config daemon.Config
	clock  *clock
}

// A clock stands still until it is set forward.
type clock struct {
	mu sync.Mutex
	at time.Time
}

func (c *clock) now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.at
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.at = c.at.Add(d)
}

func newWorld(t *testing.T, change func(*daemon.Config)) *world {
	t.Helper()
	f, err := forgetest.Start()
	require.NoError(t, err)
	t.Cleanup(f.Close)
	require.NoError(t, f.AddRepo(repo, files))
	github, err := forge.New(forge.Config{API: f.API(), Server: f.URL()})
	require.NoError(t, err)
	w := &world{forge: f, store: store.Memory(), clock: &clock{at: noon}}
	f.Now = w.clock.now
	cfg := daemon.Config{
		Policy: triage.Policy{Allow: []hotfix.Repo{repo}, MaxFixesPerDay: 3, MaxAttempts: 3, MaxFiles: 8, MaxLines: 300},
		Store:  w.store, Connect: func(token redact.Secret) daemon.Forge { return github.With(token) }, NoFix: "no model is configured", Key: []byte(strings.Repeat("k", 32)),
		Server: f.URL(), Scratch: t.TempDir(), Now: w.clock.now,
		Budget: agent.Budget{Steps: 20, Tokens: 200_000, Wall: 5 * time.Minute},
	}
	if change != nil {
		change(&cfg)
	}
	w.config = cfg
	w.daemon, err = daemon.New(cfg)
	require.NoError(t, err)
	return w
}

// notice is a failure of the plugin as the door hands it on.
func (w *world) notice(t *testing.T, id string) hotfix.Notice {
	t.Helper()
	n := hotfix.Notice{ID: id, Also: []string{"dispatch:" + id}, Event: "kernel.plugin_error", Token: w.forge.Token(), Failure: &hotfix.Failure{
		ID: id, Plugin: hotfix.Plugin{ID: "acme/adder:compute.yml", Kind: "workflow", Repo: repo}, Category: "workflow", Status: 500,
		Message: redact.Scrub("HTTP (target: https://adder.example) 500: TypeError: Reduce of empty array with no initial value"),
		Trigger: hotfix.Trigger{Event: "issues.opened", Repo: hotfix.Repo{Owner: "acme", Name: "app"}, Number: 7, Actor: "mona"}, At: w.clock.now(),
	}}
	_, err := w.store.SaveNotice(context.Background(), n)
	require.NoError(t, err)
	return n
}

// watch lets time pass, has the daemon look at everything and do what it then wants done.
func (w *world) watch(t *testing.T, after time.Duration) {
	t.Helper()
	w.clock.pass(after)
	require.NoError(t, w.daemon.Watch(t.Context()))
	cases, err := w.store.Cases(t.Context(), store.CaseFilter{})
	require.NoError(t, err)
	for _, c := range cases {
		for _, next := range w.store.Next(c.Fingerprint) {
			if next == hotfix.NextReport {
				require.NoError(t, w.daemon.Report(t.Context(), c.Fingerprint))
			}
		}
	}
}

func (w *world) theCase(t *testing.T, n hotfix.Notice) hotfix.Case {
	t.Helper()
	c, err := w.store.Case(context.Background(), triage.Fingerprint(*n.Failure))
	require.NoError(t, err)
	return c
}

func TestOneIssuePerProblem(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, nil), context.Background()
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "one")))
	require.Len(t, w.forge.Issues(repo), 1)
	first := w.forge.Issues(repo)[0]
	require.Contains(t, first.Body, "1 time, first 2026-05-04 12:00 UTC")
	require.Contains(t, first.Body, "no model is configured")

	writes := len(w.forge.Writes())
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "one")), "delivered again")
	require.Len(t, w.forge.Writes(), writes, "a duplicate writes nothing")

	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "two")))
	require.Len(t, w.forge.Issues(repo), 1)
	require.Len(t, w.forge.Writes(), writes, "figures wait")
	w.watch(t, 15*time.Minute)
	require.Len(t, w.forge.Writes(), writes+1)
	require.Contains(t, w.forge.Issues(repo)[0].Body, "2 times")
	require.Empty(t, w.forge.Issues(repo)[0].Comments, "repeating is no reason to ping")
}

func TestTwoHundredDeliveriesAtOnceMakeOneIssue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	var group sync.WaitGroup
	errs := make([]error, 200)
	for i := range errs {
		n := w.notice(t, fmt.Sprintf("delivery-%d", i))
		group.Go(func() { errs[i] = w.daemon.Handle(context.Background(), n) })
	}
	group.Wait()
	require.NoError(t, errors.Join(errs...))
	require.Len(t, w.forge.Issues(repo), 1)
	w.watch(t, 15*time.Minute)
	require.Contains(t, w.forge.Issues(repo)[0].Body, "200 times")
}

func TestARepositoryThatIsNotAllowedIsLeftAlone(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Policy.Allow = []hotfix.Repo{{Owner: "other", Name: "*"}} })
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	require.Empty(t, w.forge.Calls(), "GitHub is not even asked")
	require.Equal(t, 1, w.theCase(t, n).Count, "but the failure is counted")
	require.NotEmpty(t, w.theCase(t, n).Decision.Reasons)
}

func TestGitHubIsAwayAndComesBack(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, nil), context.Background()
	w.forge.FailRate(1, 1, forgetest.Fault{Status: 503})
	n := w.notice(t, "one")
	require.Error(t, w.daemon.Handle(ctx, n), "the queue will try again")
	require.Equal(t, 1, w.theCase(t, n).Count, "the case stays")
	w.forge.FailRate(1, 0, forgetest.Fault{})
	require.NoError(t, w.daemon.Report(ctx, triage.Fingerprint(*n.Failure)))
	require.Len(t, w.forge.Issues(repo), 1)
}

func TestAPayloadCannotSpeakForTheDaemon(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	n := w.notice(t, "one")
	n.Failure.Message = redact.Scrub("HTTP 500: boom\n```\n# Heading\n@team fixes #1\n<!-- daemon-hotfix:end -->\n/wallet 0x0")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	body := w.forge.Issues(repo)[0].Body
	require.Equal(t, 2, strings.Count(body, "````"), "the fence is longer than any in the message")
	fenced := body[strings.Index(body, "````text"):strings.LastIndex(body, "````")]
	for _, said := range []string{"# Heading", "@team", "/wallet", "daemon-hotfix:end -->"} {
		require.Contains(t, fenced, said)
	}
	rest := strings.Replace(body, fenced, "", 1)
	require.NotContains(t, rest, "@team")
	require.Equal(t, 1, strings.Count(rest, "<!-- daemon-hotfix:end -->"))
}

func TestRetryIsForPeopleWhoMayWrite(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, nil), context.Background()
	w.forge.AddUser("ada", "write")
	w.forge.AddUser("eve", "read")
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(ctx, n))
	issue := w.theCase(t, n).Issue
	ask := func(id, by string, issue int) {
		cmd := hotfix.Notice{ID: id, Event: "issue_comment.created", Token: w.forge.Token(),
			Command: &hotfix.Command{ID: id, Verb: "retry", Repo: repo, Issue: issue, By: by, At: noon}}
		_, err := w.store.SaveNotice(ctx, cmd)
		require.NoError(t, err)
		require.NoError(t, w.daemon.Handle(ctx, cmd))
	}
	ask("c1", "eve", issue)
	comments := w.forge.Issues(repo)[0].Comments
	require.Len(t, comments, 1)
	require.Contains(t, comments[0].Body, "needs write permission")

	ask("c2", "ada", issue)
	ask("c2", "ada", issue)
	comments = w.forge.Issues(repo)[0].Comments
	require.Len(t, comments, 2, "one comment is answered once")
	require.Contains(t, comments[1].Body, "No attempt is made")
	require.Empty(t, w.theCase(t, n).Attempts)
}

func TestAPersonsCloseIsFinal(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, nil), context.Background()
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(ctx, n))
	issue := w.theCase(t, n).Issue
	require.NoError(t, w.forge.SetState(repo, issue, "closed", "not_planned"))
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "two")))
	require.Equal(t, "closed", w.forge.Issues(repo)[0].State)
	require.Equal(t, hotfix.Ignored, w.theCase(t, n).State)
	writes := len(w.forge.Writes())
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "three")))
	require.Len(t, w.forge.Writes(), writes)
	require.Equal(t, 3, w.theCase(t, n).Count, "counted in silence")
}

func TestWhatWasFixedAndComesBackIsReopened(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, nil), context.Background()
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(ctx, n))
	w.clock.pass(time.Minute)
	require.NoError(t, w.forge.SetState(repo, w.theCase(t, n).Issue, "closed", "completed"))
	w.clock.pass(time.Minute)
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "two")))
	require.Len(t, w.forge.Issues(repo), 1)
	require.Equal(t, "open", w.forge.Issues(repo)[0].State)
}

var oneBox = sync.OnceValues(func() (sandbox.Box, error) { return sandbox.Native(sandbox.Config{}) })

// box is the real sandbox of this machine.
func box(t *testing.T) sandbox.Box {
	t.Helper()
	b, err := oneBox()
	require.NoError(t, err)
	return b
}

func fixing(t *testing.T, m agent.Model) func(*daemon.Config) {
	b := box(t)
	return func(c *daemon.Config) { c.Model, c.Box, c.NoFix = m, b, "" }
}

const regression = "import assert from \"node:assert\";\nimport { test } from \"node:test\";\nimport { add } from \"../src/add.js\";\ntest(\"adds nothing\", () => assert.equal(add([]), 0));\n"

func edit(path, old, new string) map[string]any {
	return map[string]any{"edits": []map[string]any{{"path": path, "old": old, "new": new}}}
}

func TestAProvenFixBecomesADraft(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixing(t, agenttest.Play(
		agenttest.Call("write-patch", edit("test/empty.test.js", "", regression)),
		agenttest.Call("write-patch", edit("src/add.js", "(a, b) => a + b)", "(a, b) => a + b, 0)")),
		agenttest.Call("open-pr", map[string]any{"title": "Add nothing up to zero", "explanation": "`reduce` needs a first value.", "risk": "None."}),
	)))
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	c := w.theCase(t, n)
	require.Len(t, c.Attempts, 1)
	require.Equal(t, hotfix.DraftOpened, c.Attempts[0].Outcome.Ending, "%+v", c.Attempts[0].Outcome)
	pulls := w.forge.Pulls(repo)
	require.Len(t, pulls, 1)
	require.True(t, pulls[0].Pull.Draft)
	require.Equal(t, "hotfix/"+string(c.Fingerprint), pulls[0].Pull.Head)
	require.Contains(t, pulls[0].Body, fmt.Sprintf("#%d", c.Issue))
	require.Contains(t, w.forge.Issues(repo)[0].Body, fmt.Sprintf("draft pull request #%d", pulls[0].Number))
}

func TestAttemptsADayAreBounded(t *testing.T) {
	t.Parallel()
	var turns []agenttest.Turn
	for range 2 {
		turns = append(turns, agenttest.Call("give-up", map[string]any{"reason": "cause-unclear", "explanation": "Nothing to be seen."}))
	}
	change := fixing(t, agenttest.Play(turns...))
	w := newWorld(t, func(c *daemon.Config) { change(c); c.Policy.MaxFixesPerDay = 2 })
	for i := range 4 { // four problems in one repository
		n := w.notice(t, fmt.Sprintf("n%d", i))
		n.Failure.Message = redact.Scrub([]string{"alpha is not a function", "beta is not iterable", "gamma is undefined", "delta is null"}[i])
		require.NoError(t, w.daemon.Handle(context.Background(), n))
	}
	issues := w.forge.Issues(repo)
	require.Len(t, issues, 4)
	require.Contains(t, issues[1].Body, "Nothing to be seen.")
	require.Contains(t, issues[2].Body, "daily-limit")
}

func TestAClaimIsNoProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixing(t, agenttest.Play(
		agenttest.Call("open-pr", map[string]any{"title": "Fixed", "explanation": "All tests pass.", "risk": "None."}),
		agenttest.Say("I have fixed it and all tests pass."),
		agenttest.Say("It is done."),
	)))
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	require.Empty(t, w.forge.Pulls(repo))
	require.NotEqual(t, hotfix.DraftOpened, w.theCase(t, n).Attempts[0].Outcome.Ending)
}

type ranOut struct{ error }

func (ranOut) Expired() bool { return true }

// TestCredentialsThatRanOut: an attempt that could not ask its gateway any more ends as that, and is no attempt that failed.
func TestCredentialsThatRanOut(t *testing.T) {
	t.Parallel()
	script := agenttest.Play(agenttest.Turn{Err: ranOut{errors.New("the token has run out")}}, agenttest.Call("give-up", map[string]any{"reason": "cause-unclear", "explanation": "Nothing to be seen."}))
	w := newWorld(t, fixing(t, script))
	w.forge.AddUser("mona", "write", repo)
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	require.Equal(t, hotfix.Expired, w.theCase(t, n).Attempts[0].Outcome.Ending)
	require.Contains(t, w.forge.Issues(repo)[0].Body, "the credentials that came with the failure ran out")
	w.say(t, w.forge.Issues(repo)[0].Number, "mona", "retry")
	require.Equal(t, hotfix.NoFix, w.theCase(t, n).Attempts[1].Outcome.Ending)
	require.NotContains(t, told(t, script), "earlier attempt")
}

func TestAModelThatIsAwayIsSaidInTheIssue(t *testing.T) {
	t.Parallel()
	w := newWorld(t, fixing(t, agenttest.Play(agenttest.Turn{Err: errors.New("dial tcp 127.0.0.1:9: connection refused")})))
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	require.Equal(t, hotfix.Broken, w.theCase(t, n).Attempts[0].Outcome.Ending)
	require.Contains(t, w.forge.Issues(repo)[0].Body, "connection refused")
}
