package engine_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/engine"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// The traps into which the prototype of this daemon and its peers fell, one test each. The fourteenth, inputs that
// reach a shell, is beside the workflow command.

// fails reports one failure of the plugin greet, on its own dispatch and webhook.
func (p *place) fails(t *testing.T, message string, change ...func(*kerneltest.Failure)) {
	t.Helper()
	f := kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: "acme", Repo: "greet", Ref: "main"}, Message: message,
		Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}
	for _, c := range change {
		c(&f)
	}
	_, err := p.kernel.Report(t.Context(), f)
	require.NoError(t, err)
}

// count is how often the case of an issue was seen.
func (p *place) count(t *testing.T, issue int) int {
	t.Helper()
	fp, err := p.engine.Store().Find(t.Context(), repo, issue)
	require.NoError(t, err)
	c, err := p.engine.Store().Case(t.Context(), fp)
	require.NoError(t, err)
	return c.Count
}

func TestTrap01OldConfigurationsAreAccepted(t *testing.T) {
	t.Parallel()
	m := daemon.NewManifest("acme/daemon-hotfix@main", "")
	require.ElementsMatch(t, []string{"kernel.plugin_error", "workflow_run.completed", "check_run.completed", "check_suite.completed"}, m.Listeners)
	old := map[string]any{"enabled": true, "modes": []string{"issue"}, "allowlistRepos": []string{"acme/greet"}, "issueLabels": []string{"hotfix"}, "maxBodyChars": 8000,
		"riskPolicy": map[string]any{"level": "low"}}
	raw, err := json.Marshal(old)
	require.NoError(t, err)
	_, warnings := daemon.ParseSettings(raw)
	require.Equal(t, []string{`there is no setting "riskPolicy.level"`}, warnings)
	p := newPlace(t, nil)
	p.kernel.Settings = old
	p.fails(t, "boom")
	require.Equal(t, []string{"hotfix"}, p.one(t).Labels)
}

func TestTrap02OldIssuesAreAdopted(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	sum := sha256.Sum256([]byte("acme/greet:compute.yml@main|workflow|boom"))
	n, err := p.forge.OpenIssue(repo, "hotfix[bot]", "boom", "It failed.\n<!-- uos-hotfix-key:"+hex.EncodeToString(sum[:])+" -->\n")
	require.NoError(t, err)
	p.fails(t, "boom")
	i := p.one(t)
	require.Equal(t, n, i.Number)
	require.Contains(t, i.Body, "kept up to date by daemon-hotfix")
}

func TestTrap03ThreeEventsAreOneFailure(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	for _, sha := range []string{"abc", "def"} {
		run := map[string]int{"abc": 500, "def": 700}[sha]
		for _, event := range []string{"check_run", "check_suite", "workflow_run"} {
			p.hook(t, event, fmt.Sprintf("%s-%d", event, run), incident(run, sha)[event])
			p.settle(t)
		}
	}
	require.Equal(t, 2, p.count(t, p.one(t).Number), "two failed runs")
}

// The same, in whatever order they come, for a run of Actions and for checks of another system.
func TestTrap03TheOrderOfTheEventsDoesNotMatter(t *testing.T) {
	t.Parallel()
	orders := [][]string{{"check_suite", "workflow_run", "check_run"}, {"check_suite", "check_run", "workflow_run"}, {"workflow_run", "check_suite", "check_run"},
		{"check_run", "check_suite", "workflow_run"}}
	for _, first := range [][]string{orders[0], orders[2]} {
		for _, second := range orders {
			t.Run(first[0]+" "+first[1]+", then "+second[0]+" "+second[1], func(t *testing.T) {
				t.Parallel()
				p := newPlace(t, nil)
				for i, order := range [][]string{first, second} {
					id, sha := 500+200*i, []string{"abc", "def"}[i]
					_, err := p.forge.AddRun(repo, forgetest.Run{ID: int64(id), Suite: int64(id + 1), Name: "ci", SHA: sha, Branch: "main", NoLogs: true})
					require.NoError(t, err)
					for _, event := range order {
						p.hook(t, event, fmt.Sprintf("%s-%d", event, id), incident(id, sha)[event])
						p.settle(t)
					}
				}
				require.Equal(t, 2, p.count(t, p.one(t).Number), "two failed runs")
			})
		}
	}
	t.Run("another system", func(t *testing.T) {
		t.Parallel()
		p := newPlace(t, nil)
		for i, order := range [][]string{{"check_suite", "check_run"}, {"check_run", "check_suite"}, {"check_suite", "check_run"}} {
			id, sha := 500+200*i, fmt.Sprintf("abc%d", i)
			require.NoError(t, p.forge.AddSuiteCheck(repo, int64(id+1), "build", "failure", "2 errors"))
			for _, event := range order {
				payload := incident(id, sha)[event]
				if c, ok := payload["check_run"].(map[string]any); ok {
					delete(c, "details_url")
				}
				p.hook(t, event, fmt.Sprintf("%s-%d", event, id), payload)
				p.settle(t)
			}
		}
		require.Equal(t, 3, p.count(t, p.one(t).Number))
	})
}

func TestTrap04OnlyFailuresAreFailures(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	tell := func(id int, conclusion string) {
		for event, payload := range incident(id, conclusion) {
			payload[event].(map[string]any)["conclusion"] = conclusion
			p.hook(t, event, fmt.Sprintf("%s-%d", event, id), payload)
		}
	}
	for i, conclusion := range []string{"success", "cancelled", "skipped", "neutral", "stale", "action_required"} {
		tell(100+10*i, conclusion)
	}
	p.settle(t)
	require.Empty(t, p.forge.Issues(repo))
	tell(300, "timed_out")
	tell(400, "startup_failure")
	p.settle(t)
	require.NotEmpty(t, p.forge.Issues(repo))
}

func TestTrap05RefsAreNotPartOfTheProblem(t *testing.T) {
	t.Parallel()
	own := hotfix.Repo{Owner: "ubiquity-os", Name: "ubiquity-os-kernel"}
	app := hotfix.Repo{Owner: "acme", Name: "app"}
	p := newPlace(t, func(c *engine.Config) { c.Daemon.Policy.Allow = []hotfix.Repo{repo, own, app} })
	for _, r := range []hotfix.Repo{own, app} {
		require.NoError(t, p.forge.AddRepo(r, map[string]string{"README.md": "x\n"}))
	}
	p.fails(t, "boom")
	p.fails(t, "boom", func(f *kerneltest.Failure) { f.Plugin.Ref = "dist/main" })
	p.fails(t, "boom", func(f *kerneltest.Failure) { f.Plugin.Ref = "" })
	require.Equal(t, 3, p.count(t, p.one(t).Number))
	p.fails(t, "Cannot find the configuration", func(f *kerneltest.Failure) { f.Kind = kerneltest.Internal })
	p.settle(t)
	require.Len(t, p.forge.Issues(own), 1, "the kernel's own failure is the kernel's")
	require.Empty(t, p.forge.Issues(app), "and not the triggering repository's")
}

func TestTrap06PayloadsAreInert(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	p.fails(t, "alpha is not a function")
	first := p.one(t)
	var marker, state string
	for line := range strings.Lines(first.Body) {
		switch line = strings.TrimSpace(line); {
		case strings.HasPrefix(line, "<!-- daemon-hotfix v"):
			marker = line
		case strings.HasPrefix(line, "<!-- daemon-hotfix:state"):
			state = line
		}
	}
	require.NotEmpty(t, marker)
	require.NotEmpty(t, state)
	p.fails(t, "beta\n`````\n@team #12 <!-- x --> \u202egnol\n"+marker+"\n"+state[:60], func(f *kerneltest.Failure) { f.Lines = []string{marker, state, "<!-- daemon-hotfix:end -->"} })
	p.settle(t)
	issues := p.forge.Issues(repo)
	require.Len(t, issues, 2, "a stolen marker claims nothing")
	require.Equal(t, 1, p.count(t, first.Number))
	body := issues[1].Body
	require.NotContains(t, body, "\u202e", "not even where nobody sees it")
	require.Contains(t, body, `\u202egnol`, "the state line spells it")
	body = body[strings.Index(body, "-->\n`acme/greet`"):] // below the lines that nobody sees
	require.Contains(t, body, "``````")
	for _, block := range strings.Split(body, "``````") {
		if strings.Contains(block, "@team") {
			require.True(t, strings.HasPrefix(block, "text\n"), "only inside the fence: %s", block)
		}
	}
	p.fails(t, "alpha is not a function")
	p.settle(t)
	require.Equal(t, 2, p.count(t, first.Number), "and hides nothing")
}

func TestTrap07WithoutAListNothingIsCreated(t *testing.T) {
	t.Parallel()
	const list = "GET /repos/acme/greet/issues"
	for _, c := range []struct {
		name  string
		fault forgetest.Fault
	}{
		{"refused", forgetest.Fault{On: list, Status: 422}},
		{"forbidden", forgetest.Fault{On: list, Status: 403, Message: "Resource not accessible by integration"}},
		{"no answer in time", forgetest.Fault{On: list, Hang: true}},
		{"broken off", forgetest.Fault{On: list, Cut: true}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var p *place
			p = newPlace(t, func(c *engine.Config) {
				c.Queue.Report = queue.Limits{Attempts: 1000, Backoff: 20 * time.Millisecond, Longest: 100 * time.Millisecond}
				c.Daemon.Connect = func(redact.Secret) daemon.Forge {
					github, err := forge.New(forge.Config{API: p.forge.API(), Server: p.forge.URL(), Token: p.forge.Token(), HTTP: &http.Client{Timeout: 500 * time.Millisecond}})
					if err != nil {
						panic(err)
					}
					return github
				}
			})
			p.forge.FailRate(1, 1, c.fault)
			p.fails(t, "boom")
			require.Eventually(t, func() bool { // tried, refused, and wanted still: the queue tries again
				return slices.ContainsFunc(p.forge.Calls(), func(c forgetest.Call) bool { return c.Method == "GET" && c.Path == "/repos/acme/greet/issues" })
			}, time.Minute, 20*time.Millisecond)
			wanted, err := p.engine.Store().Wanted(t.Context())
			require.NoError(t, err)
			require.NotEmpty(t, wanted)
			require.Empty(t, p.forge.Issues(repo))
			p.forge.ClearFaults()
			require.Equal(t, 1, p.count(t, p.one(t).Number))
		})
	}
}

func TestTrap13HalfASecretIsASecret(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	secret := "ghp" + "_" + strings.Repeat("Zx9", 12)
	for _, before := range []int{240, 255, 268, 275} { // the kernel cuts at 280 and only then looks for secrets
		p.fails(t, strings.Repeat("x", before)+" "+secret, func(f *kerneltest.Failure) {
			f.Lines = []string{strings.Repeat("y", before-40) + " " + secret, "token=" + secret[:18], secret[18:]}
		})
	}
	p.settle(t)
	for _, i := range p.forge.Issues(repo) {
		require.NotContains(t, i.Title+i.Body, secret[:12])
		require.NotContains(t, i.Title+i.Body, secret[20:34])
	}
}

// A syncBuffer may be written by many.
type syncBuffer struct {
	mu sync.Mutex
	b  bytes.Buffer
}

func (s *syncBuffer) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.b.Write(p)
}
