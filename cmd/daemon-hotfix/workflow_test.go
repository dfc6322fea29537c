package main

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"gopkg.in/yaml.v3"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
)

var ratioRepo = hotfix.Repo{Owner: "acme", Name: "ratio"}

// actions is GitHub Actions: each run is a process of its own, with nothing left of the ones before.
type actions struct {
	forge *forgetest.Forge
	key   *rsa.PrivateKey
	dir   string
	more  []string // flags
}

func newActions(t *testing.T, more ...string) *actions {
	t.Helper()
	f, err := forgetest.Start()
	require.NoError(t, err)
	t.Cleanup(f.Close)
	require.NoError(t, f.AddRepo(ratioRepo, ratioFiles))
	a := &actions{forge: f, key: kerneltest.NewKey(), dir: t.TempDir(), more: more}
	require.NoError(t, os.WriteFile(filepath.Join(a.dir, "kernel.pem"), kerneltest.PublicPEM(a.key), 0o600))
	// As compute.yml sets them where nothing is configured.
	for _, name := range []string{"HOTFIX_ALLOW", "HOTFIX_SOURCE_FALLBACK", "HOTFIX_KERNEL_URL", "KERNEL_PUBLIC_KEY", "HOTFIX_APP_PRIVATE_KEY", "HOTFIX_TRUST_BOT",
		"OPENAI_API_KEY", "OPENAI_BASE_URL", "ANTHROPIC_API_KEY", "HOTFIX_MODEL", "GITHUB_TOKEN"} {
		t.Setenv(name, "")
	}
	t.Setenv("HOTFIX_APP_ID", "0")
	t.Setenv("HOTFIX_KEY", strings.Repeat("k", 32))
	t.Setenv("GITHUB_REPOSITORY", "acme/daemon-hotfix")
	t.Setenv("GITHUB_API_URL", f.API())
	t.Setenv("GITHUB_SERVER_URL", f.URL())
	return a
}

// run is one run for a signed request.
func (a *actions) run(t *testing.T, f kerneltest.Fields) (status int, summary, log string) {
	t.Helper()
	if f.Token == "" {
		f.Token = a.forge.Token().Reveal()
	}
	return a.runFile(t, kerneltest.SignWorkflow(a.key, f))
}

func (a *actions) runFile(t *testing.T, event []byte) (status int, summary, log string) {
	t.Helper()
	file := filepath.Join(a.dir, "event.json")
	require.NoError(t, os.WriteFile(file, event, 0o600))
	t.Setenv("GITHUB_EVENT_PATH", file)
	t.Setenv("GITHUB_STEP_SUMMARY", filepath.Join(a.dir, "summary.md"))
	require.NoError(t, os.WriteFile(filepath.Join(a.dir, "summary.md"), nil, 0o600))
	var out, errs bytes.Buffer
	args := append([]string{"workflow", "--public-key", filepath.Join(a.dir, "kernel.pem"), "--allow", ratioRepo.String(), "--settle", "0s"}, a.more...)
	status = run(context.Background(), args, streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	text, err := os.ReadFile(filepath.Join(a.dir, "summary.md"))
	require.NoError(t, err)
	return status, string(text), errs.String()
}

func ratioFailure(message string) kerneltest.Failure {
	return kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: "acme", Repo: "ratio", Ref: "main"}, Message: message,
		Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}
}

const broke = "TypeError: Cannot read properties of null (reading 'size')"

// The issue is the store: what one run knows, the next one reads there.
func TestWorkflowKeepsItsCasesInTheirIssues(t *testing.T) {
	a := newActions(t, "--no-fix")
	told := kerneltest.Fields{StateID: kerneltest.NewID(), Payload: ratioFailure(broke).Payload()}
	status, summary, log := a.run(t, told)
	require.Equal(t, 0, status, log)
	require.Contains(t, summary, a.forge.URL()+"/acme/ratio/issues/1")
	require.Contains(t, summary, "| Seen | 1 time |")
	require.Contains(t, summary, "Keep this issue, attempt no fix.")
	one := func() forgetest.Issue {
		require.Len(t, a.forge.Issues(ratioRepo), 1)
		return a.forge.Issues(ratioRepo)[0]
	}
	require.Contains(t, one().Body, "| Seen | 1 time,")

	status, summary, log = a.run(t, told)
	require.Equal(t, 0, status, log)
	require.Contains(t, one().Body, "| Seen | 1 time,", "the same delivery, run again by hand")
	require.Contains(t, summary, "told before")

	status, summary, log = a.run(t, kerneltest.Fields{Payload: ratioFailure(broke).Payload()})
	require.Equal(t, 0, status, log)
	require.Contains(t, one().Body, "| Seen | 2 times,")
	require.Contains(t, summary, "| Seen | 2 times |")

	require.NoError(t, a.forge.SetState(ratioRepo, 1, "closed", "not_planned"))
	status, _, log = a.run(t, kerneltest.Fields{Payload: ratioFailure(broke).Payload()})
	require.Equal(t, 0, status, log)
	require.Equal(t, "closed", one().State, "a person's close is final")

	a.forge.AddUser("ada", "write")
	id, err := a.forge.Comment(ratioRepo, 1, "ada", "/hotfix unignore")
	require.NoError(t, err)
	status, summary, log = a.run(t, kerneltest.Fields{Event: "issue_comment.created", Command: map[string]any{"name": "hotfix", "parameters": map[string]any{"action": "unignore"}},
		Payload: map[string]any{"action": "created", "issue": map[string]any{"number": 1}, "sender": map[string]any{"login": "ada", "type": "User"},
			"comment":    map[string]any{"id": id, "body": "/hotfix unignore", "author_association": "MEMBER", "user": map[string]any{"login": "ada", "type": "User"}},
			"repository": map[string]any{"name": "ratio", "owner": map[string]any{"login": "acme"}}}})
	require.Equal(t, 0, status, log)
	require.Contains(t, summary, "The command `unignore` of `ada` was answered")
	require.Equal(t, "open", one().State)
	require.Len(t, one().Comments, 2)
}

// One failed run is told in three events, each of which starts a run here; they count once.
func TestWorkflowHearsOneEventOfThree(t *testing.T) {
	a := newActions(t, "--no-fix")
	repository := map[string]any{"name": "ratio", "owner": map[string]any{"login": "acme"}}
	suite := map[string]any{"id": 2, "head_sha": "abc", "conclusion": "failure"}
	events := map[string]map[string]any{
		"check_run.completed": {"repository": repository, "check_run": map[string]any{"name": "build", "head_sha": "abc", "conclusion": "failure", "check_suite": suite,
			"details_url": "https://github.com/acme/ratio/actions/runs/1/job/3"}},
		"check_suite.completed":  {"repository": repository, "check_suite": suite},
		"workflow_run.completed": {"repository": repository, "workflow_run": map[string]any{"id": 1, "name": "ci", "head_sha": "abc", "conclusion": "failure", "check_suite_id": 2}},
	}
	for name, payload := range events {
		status, _, log := a.run(t, kerneltest.Fields{Event: name, Payload: payload, Settings: map[string]any{"allowWorkflowEvents": true}})
		require.Equal(t, 0, status, log)
	}
	require.Len(t, a.forge.Issues(ratioRepo), 1)
	require.Contains(t, a.forge.Issues(ratioRepo)[0].Body, "| Seen | 1 time,")
}

// What is bounded by the hour is counted over runs.
func TestWorkflowKeepsTheBreaker(t *testing.T) {
	a := newActions(t, "--no-fix", "--breaker-per-hour", "2")
	for _, what := range []string{"alpha is not a function", "beta is not iterable", "gamma is undefined"} {
		status, _, log := a.run(t, kerneltest.Fields{Payload: ratioFailure(what).Payload()})
		require.Equal(t, 0, status, log)
	}
	require.Len(t, a.forge.Issues(ratioRepo), 2)
}

func TestWorkflowFailsLoudly(t *testing.T) {
	a := newActions(t, "--no-fix")
	good := kerneltest.Fields{Payload: ratioFailure(broke).Payload(), Token: a.forge.Token().Reveal()}
	for _, c := range []struct {
		name, says string
		event      func() []byte
	}{
		{"another key", "signature", func() []byte { return kerneltest.SignWorkflow(kerneltest.NewKey(), good) }},
		{"no inputs", "inputs", func() []byte { return []byte(`{"ref":"refs/heads/main"}`) }},
		{"too old", "attestation expired", func() []byte {
			old := good
			old.Now = time.Now().Add(-7 * time.Hour)
			return kerneltest.SignWorkflow(a.key, old)
		}},
	} {
		status, summary, log := a.runFile(t, c.event())
		require.Equal(t, 1, status, c.name)
		require.Contains(t, summary, "not taken in", c.name)
		require.Contains(t, log, c.says, c.name)
	}
	require.Empty(t, a.forge.Calls())

	for _, fault := range []forgetest.Fault{{Status: 422}, {Status: 403, Message: "Resource not accessible by integration"}, {Cut: true}} {
		fault.On = "GET /repos/acme/ratio/issues"
		a.forge.FailRate(1, 1, fault)
		status, summary, log := a.run(t, good)
		require.Equal(t, 1, status, log)
		require.Contains(t, summary, "This run failed")
		require.Empty(t, a.forge.Issues(ratioRepo), "without a list nothing is created")
		a.forge.ClearFaults()
	}

	queued := good
	queued.Now = time.Now().Add(-5 * time.Hour)
	status, _, log := a.run(t, queued)
	require.Equal(t, 0, status, "it waited in a queue: %s", log)
	t.Setenv("HOTFIX_KEY", "short")
	status, _, log = a.run(t, good)
	require.Equal(t, 1, status)
	require.Contains(t, log, "HOTFIX_KEY has 5 characters")
}

// The key that comes with a run is used only if the kernel's own account dispatched it.
func TestWorkflowTrustsNoKeyThatAnybodyMaySend(t *testing.T) {
	forger := kerneltest.NewKey()
	for _, c := range []struct {
		name, trust, actor, sender, kind string
		want                             int
	}{
		{"nobody is trusted", "", "ubiquity-os[bot]", "ubiquity-os[bot]", "Bot", 1},
		{"the kernel's app", "ubiquity-os[bot]", "ubiquity-os[bot]", "ubiquity-os[bot]", "Bot", 0},
		{"a person", "ubiquity-os[bot]", "mallory", "mallory", "User", 1},
		{"a person of that name", "ubiquity-os[bot]", "ubiquity-os[bot]", "ubiquity-os[bot]", "User", 1},
		{"a person is trusted by mistake", "mallory", "mallory", "mallory", "User", 1},
		{"another app", "ubiquity-os[bot]", "evil[bot]", "evil[bot]", "Bot", 1},
		{"the event file says otherwise", "ubiquity-os[bot]", "ubiquity-os[bot]", "mallory", "User", 1},
	} {
		a := newActions(t, "--no-fix", "--trust-bot", c.trust)
		t.Setenv("GITHUB_ACTOR", c.actor)
		var file map[string]any
		require.NoError(t, json.Unmarshal(kerneltest.SignWorkflow(forger, kerneltest.Fields{Payload: ratioFailure(broke).Payload(), Token: a.forge.Token().Reveal()}), &file))
		file["sender"] = map[string]any{"login": c.sender, "type": c.kind}
		event, err := json.Marshal(file)
		require.NoError(t, err)
		status, _, log := a.runFile(t, event)
		require.Equal(t, c.want, status, "%s: %s", c.name, log)
		require.Len(t, a.forge.Issues(ratioRepo), 1-c.want, c.name)
	}
}

// The same story to its end: a fix is made, proven and proposed in the run.
func TestWorkflowProposesAFix(t *testing.T) {
	a := newActions(t)
	provider := modeltest.OpenAI(patchOf(edits{mend, prove}), draft)
	t.Cleanup(provider.Close)
	t.Setenv("OPENAI_API_KEY", "a key of a test")
	t.Setenv("OPENAI_BASE_URL", provider.URL)
	t.Setenv("HOTFIX_MODEL", "openai:served-model")
	status, summary, log := a.run(t, kerneltest.Fields{Payload: ratioFailure(broke).Payload()})
	require.Equal(t, 0, status, log)
	require.Contains(t, summary, "draft-opened, draft pull request #2", log)
	require.Len(t, a.forge.Pulls(ratioRepo), 1)
	require.Contains(t, a.forge.Issues(ratioRepo)[0].Body, "draft pull request #2")
}

// compute.yml takes the ten inputs and gives none to a shell, has no permission but to read, and pins its actions.
func TestTheWorkflowFile(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("../../.github/workflows/compute.yml")
	require.NoError(t, err)
	var file struct {
		On struct {
			Dispatch struct {
				Inputs map[string]struct{ Required bool }
			} `yaml:"workflow_dispatch"`
		} `yaml:"on"`
		Permissions map[string]string
		Jobs        map[string]struct {
			Permissions map[string]string
			Steps       []struct {
				Uses, Run string
				With, Env map[string]string
			}
		}
	}
	require.NoError(t, yaml.Unmarshal(text, &file))
	var event struct{ Inputs map[string]string }
	require.NoError(t, json.Unmarshal(kerneltest.SignWorkflow(kerneltest.NewKey(), kerneltest.Fields{Payload: map[string]any{}}), &event))
	require.Len(t, event.Inputs, 10)
	for name := range event.Inputs {
		require.Contains(t, file.On.Dispatch.Inputs, name)
	}
	require.Len(t, file.On.Dispatch.Inputs, 10)
	for _, name := range []string{"ubiquityKernelToken", "kernelPublicKey", "command"} {
		require.False(t, file.On.Dispatch.Inputs[name].Required, "%s: older kernels do not send it", name)
	}
	require.Equal(t, map[string]string{"contents": "read"}, file.Permissions)
	require.NotRegexp(t, `\$\{\{[^}]*(inputs|github\.event)`, string(text), "inputs never reach a shell or the environment")
	for _, job := range file.Jobs {
		require.Empty(t, job.Permissions)
		for _, step := range job.Steps {
			require.NotContains(t, step.Run, "${{")
			if step.Uses != "" {
				require.Regexp(t, regexp.MustCompile(`^actions/[a-z-]+@[0-9a-f]{40}$`), step.Uses)
			}
		}
	}
}

// Whatever the inputs say, no shell reads it.
func TestTrap14InputsNeverReachAShell(t *testing.T) {
	a := newActions(t, "--no-fix")
	proof := filepath.Join(t.TempDir(), "ran")
	evil := "boom $(touch " + proof + ") `touch " + proof + "` '; touch " + proof + " #\n${{ secrets.X }} && touch " + proof
	f := ratioFailure(evil)
	f.Plugin.Ref = "main$(touch " + proof + ")"
	status, _, log := a.run(t, kerneltest.Fields{StateID: "$(touch " + proof + ")", Payload: f.Payload(), Settings: map[string]any{"issueLabels": []string{"`touch " + proof + "`"}}})
	require.Equal(t, 0, status, log)
	require.Len(t, a.forge.Issues(ratioRepo), 1)
	require.NoFileExists(t, proof)
}
