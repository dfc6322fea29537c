package kernel

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

var noon = time.Date(2026, 4, 22, 12, 0, 0, 0, time.UTC)

// delivery is a verified one, as open makes it.
func delivery(t *testing.T, event, payload string, cmd *command) *Delivery {
	t.Helper()
	d := &Delivery{StateID: "5d03e2a8-a791-4d00-8733-dafffd057ebe", Event: event, Settings: json.RawMessage(`{}`),
		Token: redact.NewSecret("t"), Ref: "https://hotfix.example/", command: cmd, opts: Options{Now: noon}.withDefaults()}
	require.NoError(t, json.Unmarshal([]byte(payload), &d.payload), payload)
	return d
}

func fromVector(t *testing.T, file string) hotfix.Notice {
	t.Helper()
	v := readVector(t, "testdata/vectors/"+file+".json")
	d, err := v.open(t, vectorKey(t))
	require.NoError(t, err)
	n, err := d.Notice()
	require.NoError(t, err)
	return n
}

func TestFailureOfAWorker(t *testing.T) {
	t.Parallel()
	n := fromVector(t, "captured-http-502")
	f := n.Failure
	require.Equal(t, n.ID, f.ID)
	require.Equal(t, "5d03e2a8-a791-4d00-8733-dafffd057ebe", n.ID)
	require.Equal(t, hotfix.Plugin{ID: "http://127.0.0.1:4020/status-502", Kind: "http", URL: "http://127.0.0.1:4020/status-502"}, f.Plugin)
	require.Equal(t, 502, f.Status)
	require.Equal(t, "http", f.Category)
	require.Contains(t, f.Message.String(), "upstream connect error <b>502</b> \u2028 zażółć")
	require.Equal(t, hotfix.Trigger{Event: "issues.opened", Delivery: "11111111-aaaa-4bbb-8ccc-000000000008",
		Repo: hotfix.Repo{Owner: "acme", Name: "storefront"}, Number: 123, Actor: "mona"}, f.Trigger)
	require.Len(t, f.Logs, 16)
	require.Equal(t, "production", f.Environment)
	require.Equal(t, "0e4d5266-e7e3-4752-a84c-ebbfaca4c098", f.RequestID)
	require.Equal(t, time.Date(2026, 11, 22, 7, 35, 39, 789e6, time.UTC), f.At)
	require.False(t, f.Truncated)
	require.Equal(t, []string{"dispatch:4ed83c80-2aea-4448-9159-2f801612fdc2",
		"webhook:11111111-aaaa-4bbb-8ccc-000000000008:http://127.0.0.1:4020/status-502"}, n.Also)
	require.JSONEq(t, `{"enabled":true,"modes":["issue"]}`, string(n.Settings))
	require.False(t, n.Token.Empty())
}

func TestWhereThePluginLives(t *testing.T) {
	t.Parallel()
	greet := hotfix.Repo{Owner: "acme-plugins", Name: "command-greet"}
	for _, c := range []struct {
		file   string
		plugin hotfix.Plugin
		status int
	}{
		{"plugin-error-http", hotfix.Plugin{ID: "https://greet.plugins.example", Kind: "http", URL: "https://greet.plugins.example"}, 502},
		{"plugin-error-source-repo", hotfix.Plugin{ID: "https://greet.plugins.example", Kind: "http", Repo: greet, Ref: "main", URL: "https://greet.plugins.example"}, 502},
		{"plugin-error-worker-behind-repo-key", hotfix.Plugin{ID: "acme-plugins/command-greet:compute.yml", Kind: "workflow", Repo: greet, URL: "https://greet.plugins.example"}, 502},
		{"plugin-error-workflow-422", hotfix.Plugin{ID: "acme-plugins/command-greet:compute.yml", Kind: "workflow", Repo: greet, Ref: "dist/main"}, 422},
		{"plugin-error-workflow-empty-ref", hotfix.Plugin{ID: "acme-plugins/command-greet:compute.yml", Kind: "workflow", Repo: greet}, 404},
		{"plugin-error-kernel", hotfix.Plugin{ID: "ubiquity-os/ubiquity-os-kernel", Kind: "kernel", Repo: hotfix.Repo{Owner: "ubiquity-os", Name: "ubiquity-os-kernel"}, Ref: "df8cdd5"}, 500},
		{"check-run-failure", hotfix.Plugin{ID: "acme-plugins/command-greet", Kind: "ci", Repo: greet, Ref: "a143beed5371b3d060501fe0a58d555d947290c4"}, 0},
	} {
		t.Run(c.file, func(t *testing.T) {
			t.Parallel()
			f := fromVector(t, c.file).Failure
			require.Equal(t, c.plugin, f.Plugin)
			require.Equal(t, c.status, f.Status)
		})
	}
	require.True(t, fromVector(t, "plugin-error-truncated-redacted").Failure.Truncated)
}

// Two refs of one plugin have one id; owner, repository and workflow never contain an @, and a URL may.
func TestOddPlugins(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, plugin, id, repo, ref, url string
	}{
		{"branch", `{"type":"workflow","id":"o/r:compute.yml@feature/x","owner":"o","repo":"r","ref":"feature/x"}`, "o/r:compute.yml", "o/r", "feature/x", ""},
		{"second at", `{"type":"workflow","id":"o/r:c.yml@https://u:p@w.example/x","owner":"o","repo":"r","ref":"https://u:p@w.example/x"}`, "o/r:c.yml", "o/r", "", "https://w.example/x"},
		{"credentials", `{"type":"http","id":"https://user:hunter2@W.example/a/?k=v#f","ref":"https://user:hunter2@w.example/a/"}`, "https://w.example/a", "", "", "https://w.example/a"},
		{"homepage", `{"type":"http","id":"https://key.example","ref":"https://home.example"}`, "https://key.example", "", "", "https://home.example"},
		{"draft without type", `{"id":"o/r@main","owner":"o","repo":"r","ref":"main"}`, "o/r", "o/r", "main", ""},
		{"draft http with repository", `{"type":"http","id":"https://w.example","owner":"o","repo":"r"}`, "https://w.example", "o/r", "", "https://w.example"},
		{"repository from the id", `{"type":"workflow","id":"o/r:c.yml@"}`, "o/r:c.yml", "o/r", "", ""},
		{"kernel lies about its repository", `{"type":"kernel","id":"not a repo","owner":"acme","repo":"app","ref":"df8cdd5"}`, "not a repo", "", "df8cdd5", ""},
		{"source of another", `{"type":"workflow","id":"o/r:c.yml@x","owner":"o","repo":"r","ref":"x","settings":{"with":{"sourceRepo":"s/t","sourceRef":"v1"}}}`, "o/r:c.yml", "s/t", "v1", ""},
		{"source that is none", `{"type":"workflow","id":"o/r:c.yml@x","owner":"o","repo":"r","ref":"x","settings":{"with":{"sourceRepo":"../../x"}}}`, "o/r:c.yml", "o/r", "x", ""},
		{"source of a wrong type", `{"type":"workflow","id":"o/r:c.yml@x","owner":"o","repo":"r","ref":"x","settings":{"with":{"sourceRepo":["s/t"],"sourceRef":7}}}`, "o/r:c.yml", "o/r", "x", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := delivery(t, "kernel.plugin_error", `{"plugin":`+c.plugin+`,"error":{"message":"m"}}`, nil)
			n, err := d.Notice()
			require.NoError(t, err)
			p := n.Failure.Plugin
			require.Equal(t, []string{c.id, c.repo, c.ref, c.url}, []string{p.ID, p.Repo.String(), p.Ref, p.URL})
		})
	}
}

func TestStatusInTheMessage(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		message, status string
		want            int
	}{
		{"HTTP (target: https://w.example/a_(b)) 502: bad", "null", 502},
		{"HTTP 404: gone", "null", 404},
		{"HTTP 502", "null", 502},
		{"HTTP 502: bad", "503", 503},
		{"HTTP 502: bad", `"503"`, 503},
		{"HTTP 502: bad", `{"code":1}`, 502},
		{"HTTP 5020: bad", "null", 0},
		{"HTTP 999: bad", "99999", 0},
		{"fetch failed", "null", 0},
		{"said HTTP 502: bad", "null", 0},
	} {
		d := delivery(t, "kernel.plugin_error", `{"plugin":{"id":"https://w.example"},"error":{"message":"`+c.message+`","status":`+c.status+`}}`, nil)
		n, err := d.Notice()
		require.NoError(t, err)
		require.Equal(t, c.want, n.Failure.Status, "%s and %s", c.message, c.status)
	}
}

func TestCutMessages(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, message string
		want          bool
	}{
		{"cut", strings.Repeat("x", 280) + "...", true},
		{"cut at UTF-16 code units", strings.Repeat("😀", 140) + "...", true},
		{"cut, then redacted", strings.Repeat("x", 200) + "[REDACTED]...", true},
		{"ends in dots", "waiting for the queue...", false},
		{"long but whole", strings.Repeat("x", 280), false},
	} {
		require.Equal(t, c.want, wasCut(c.message), c.name)
	}
}

// Nothing of a failure leaves with a secret, whichever field it is in.
func TestNothingLeavesUnscrubbed(t *testing.T) {
	t.Parallel()
	secret := "ghs_" + strings.Repeat("Ab1", 12)
	payload := map[string]any{
		"timestamp": secret, "stateId": secret, "environment": secret,
		"plugin":   map[string]any{"type": "workflow", "id": "o/" + secret + ":x@" + secret, "owner": "o", "repo": secret, "ref": secret},
		"error":    map[string]any{"message": "m " + secret, "stack": "at x\n" + secret, "category": secret, "status": 500},
		"trigger":  map[string]any{"githubEvent": secret, "deliveryId": secret, "repo": "o/" + secret, "actor": secret},
		"context":  map[string]any{"requestId": secret, "responseSnippet": "body " + secret},
		"logTrail": map[string]any{"lines": []any{"ERROR " + secret, 7, nil}},
	}
	text, err := json.Marshal(payload)
	require.NoError(t, err)
	d := delivery(t, "kernel.plugin_error", string(text), nil)
	d.StateID = secret
	d.Settings = json.RawMessage(`{"a":"` + secret + `","` + secret + `":["` + secret + `",1,null,{"x":"https://u:hunter2@h.example/"}]}`)
	n, err := d.Notice()
	require.NoError(t, err)
	out, err := json.Marshal(n)
	require.NoError(t, err)
	require.NotContains(t, string(out), secret[:20])
	require.NotContains(t, string(out), "hunter2")
	require.Len(t, n.Failure.Logs, 2)
	require.True(t, json.Valid(n.Settings))
}

func TestNamesAreOnOneLine(t *testing.T) {
	t.Parallel()
	require.Equal(t, "ab", clean("a\n\x1b\u202e\u200bb\U000e0041\u0000\u2028", 10))
	require.Equal(t, "éé", clean("ééé", 5))
	require.LessOrEqual(t, len(text(strings.Repeat("é", 5000), 1001).String()), 1001)
	require.Regexp(t, `^sha256:[0-9a-f]{32}$`, name("", "a b"))
	require.Equal(t, "dispatch:a", name("dispatch", "a"))
	require.NotEqual(t, name("", "\ufffda"), name("", "a"))
}

func TestSelf(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, plugin string
		self         Self
		own          bool
	}{
		{"by name, any owner", `{"type":"workflow","id":"fork/Daemon-Hotfix:compute.yml@main","owner":"fork","repo":"Daemon-Hotfix"}`, Self{}, true},
		{"by id alone", `{"type":"workflow","id":"fork/daemon-hotfix:compute.yml@","owner":"","repo":""}`, Self{}, true},
		{"by the address posted to", `{"type":"http","id":"https://HOTFIX.example","ref":"https://hotfix.example/"}`, Self{}, true},
		{"by another address", `{"type":"http","id":"https://old.example/x","ref":"https://old.example/x"}`, Self{URLs: []string{"https://old.example/x/"}}, true},
		{"by another name", `{"type":"workflow","id":"o/medic:c.yml@main","owner":"o","repo":"medic"}`, Self{Name: "medic"}, true},
		{"source repository", `{"type":"http","id":"https://w.example","settings":{"with":{"sourceRepo":"o/daemon-hotfix"}}}`, Self{}, true},
		{"a neighbour", `{"type":"http","id":"https://hotfix.example/other"}`, Self{}, false},
		{"a similar name", `{"type":"workflow","id":"o/daemon-hotfixes:c.yml@main","owner":"o","repo":"daemon-hotfixes"}`, Self{}, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := delivery(t, "kernel.plugin_error", `{"plugin":`+c.plugin+`,"error":{"message":"m"}}`, nil)
			d.opts.Self = c.self
			n, err := d.Notice()
			require.NoError(t, err)
			if !c.own {
				require.NotNil(t, n.Failure)
				return
			}
			require.Equal(t, RuleOwnFailure, n.Ignored.Rule)
		})
	}
}

func TestMalformedFailures(t *testing.T) {
	t.Parallel()
	for _, payload := range []string{`{}`, `{"plugin":{},"error":{}}`, `{"plugin":"x","error":[]}`, `{"plugin":{"id":"a/b"},"error":{"message":7}}`} {
		n, err := delivery(t, "kernel.plugin_error", payload, nil).Notice()
		require.NoError(t, err)
		require.Equal(t, RuleMalformed, n.Ignored.Rule, payload)
		require.Nil(t, n.Failure)
	}
}

func TestTimes(t *testing.T) {
	t.Parallel()
	d := delivery(t, "x", `{}`, nil)
	require.Equal(t, noon.Add(-time.Hour), d.when("2026-04-22T13:00:00+02:00"))
	for _, s := range []string{"", "yesterday", "2031-01-01T00:00:00Z"} {
		require.Equal(t, noon, d.when(s), s)
	}
}

func TestConclusions(t *testing.T) {
	t.Parallel()
	run := func(event, conclusion string) hotfix.Notice {
		kind, _, _ := strings.Cut(event, ".")
		d := delivery(t, event, `{"`+kind+`":{"id":7,"name":"ci","conclusion":`+conclusion+`,"head_sha":"abc","head_branch":"main"},
			"repository":{"name":"r","owner":{"login":"o"}}}`, nil)
		n, err := d.Notice()
		require.NoError(t, err)
		return n
	}
	for event := range runEvents {
		for _, c := range []string{"failure", "timed_out", "startup_failure"} {
			require.NotNil(t, run(event, `"`+c+`"`).Failure, "%s %s", event, c)
		}
		for _, c := range []string{`"success"`, `"cancelled"`, `"skipped"`, `"neutral"`, `"stale"`, `"action_required"`, `"new"`, `null`, `7`} {
			n := run(event, c)
			require.Nil(t, n.Failure, "%s %s", event, c)
			require.Equal(t, RuleConclusion, n.Ignored.Rule)
			require.Regexp(t, `^[A-Z].*\.$`, n.Ignored.Because)
		}
	}
}

// GitHub reports one failed run three times; the three share a name.
func TestThreeEventsOfOneRun(t *testing.T) {
	t.Parallel()
	repository := `"repository":{"name":"R","owner":{"login":"o"}}`
	run := delivery(t, "workflow_run.completed", `{"workflow_run":{"id":555,"name":"ci","check_suite_id":9,"head_sha":"abc","conclusion":"failure",
		"event":"push","html_url":"https://github.com/o/R/actions/runs/555","updated_at":"2026-04-22T11:00:00Z","pull_requests":[{"number":4}],
		"triggering_actor":{"login":"mona"}},`+repository+`}`, nil)
	check := delivery(t, "check_run.completed", `{"check_run":{"id":8,"name":"build","head_sha":"abc","conclusion":"failure",
		"details_url":"https://github.com/o/R/actions/runs/555/job/2","check_suite":{"id":9,"head_branch":"main"},
		"output":{"title":"2 errors","summary":"s","text":"t"}},`+repository+`}`, nil)
	suite := delivery(t, "check_suite.completed", `{"check_suite":{"id":9,"head_sha":"abc","conclusion":"failure"},`+repository+`}`, nil)
	var notices []hotfix.Notice
	for _, d := range []*Delivery{run, check, suite} {
		n, err := d.Notice()
		require.NoError(t, err)
		notices = append(notices, n)
	}
	require.Equal(t, []string{"commit:abc:o/r", "suite:9:o/r", "run:555:o/r"}, notices[0].Also)
	require.Equal(t, notices[0].Also, notices[1].Also)
	require.Equal(t, []string{"commit:abc:o/r", "suite:9:o/r"}, notices[2].Also)
	f := notices[0].Failure
	require.Equal(t, `Workflow "ci" ended with "failure"`, f.Message.String())
	require.Equal(t, &hotfix.WorkflowRun{ID: 555, Name: "ci", Conclusion: "failure", SHA: "abc", URL: "https://github.com/o/R/actions/runs/555"}, f.Run)
	require.Equal(t, hotfix.Trigger{Event: "push", Repo: hotfix.Repo{Owner: "o", Name: "R"}, Number: 4, Actor: "mona"}, f.Trigger)
	require.Equal(t, noon.Add(-time.Hour), f.At)
	c := notices[1].Failure
	require.Equal(t, `Check "build" ended with "failure": 2 errors`, c.Message.String())
	require.Len(t, c.Logs, 2)
	require.Equal(t, `Check suite ended with "failure"`, notices[2].Failure.Message.String())
}

func TestOwnRuns(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, branch, repo, rule string }{
		{"on our branch", "hotfix/v1-" + strings.Repeat("0a", 16), "r", RuleOwnBranch},
		{"in our repository", "main", "daemon-hotfix", RuleOwnFailure},
		{"on a person's branch", "hotfix/login", "r", ""},
		{"without a repository", "main", "", RuleMalformed},
	} {
		d := delivery(t, "workflow_run.completed", `{"workflow_run":{"id":7,"conclusion":"failure","head_branch":"`+c.branch+`"},"repository":{"name":"`+c.repo+`","owner":{"login":"o"}}}`, nil)
		n, err := d.Notice()
		require.NoError(t, err)
		if c.rule == "" {
			require.NotNil(t, n.Failure, c.name)
			continue
		}
		require.Equal(t, c.rule, n.Ignored.Rule, c.name)
	}
}

// The rest of a secret that begins in the line before is taken off; other lines stay as they are.
func TestSecretsOverALineBorder(t *testing.T) {
	t.Parallel()
	secret := "ghp" + "_" + strings.Repeat("Zx9", 12)
	for _, c := range []struct{ before, line, want string }{
		{"token=" + secret[:18], secret[18:] + " was sent", "[REDACTED] was sent"},
		{"INFO " + secret[:20], secret[20:], "[REDACTED]"},
		{"token=[REDACTED]", secret[18:], "[REDACTED]"},
		{"token=[REDACTED]", "connection refused", "connection refused"},
		{"INFO started", "Error: cannot read user7", "Error: cannot read user7"},
		{"", secret[18:], secret[18:]},
		{"at handler", "short", "short"},
	} {
		require.Equal(t, c.want, withoutRest(c.before, c.line), c.before)
	}
}
