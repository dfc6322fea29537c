package kernel

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

var hookSecret = redact.NewSecret("a webhook secret of a test")

// hooked is a request as GitHub sends it.
func hooked(event, id string, body []byte) http.Header {
	mac := hmac.New(sha256.New, []byte(hookSecret.Reveal()))
	mac.Write(body)
	h := http.Header{}
	h.Set("Content-Type", "application/json")
	h.Set("X-GitHub-Event", event)
	h.Set("X-GitHub-Delivery", id)
	h.Set("X-Hub-Signature-256", "sha256="+hex.EncodeToString(mac.Sum(nil)))
	return h
}

func TestGitHubsOwnWebhooks(t *testing.T) {
	t.Parallel()
	body := []byte(`{"action":"completed","workflow_run":{"id":7,"name":"ci","conclusion":"failure","head_sha":"abc"},"repository":{"name":"r","owner":{"login":"o"}}}`)
	hook := Hook{Secret: hookSecret, Settings: json.RawMessage(`{"allowWorkflowEvents":true}`)}
	d, err := OpenGitHub(hooked("workflow_run", "d-1", body), body, hook, Options{Now: noon})
	require.NoError(t, err)
	n, err := d.Notice()
	require.NoError(t, err)
	require.Equal(t, "github:d-1", n.ID)
	require.Equal(t, "workflow_run.completed", n.Event)
	require.JSONEq(t, `{"allowWorkflowEvents":true}`, string(n.Settings))
	require.True(t, n.Token.Empty(), "GitHub sends none")

	again, err := OpenGitHub(hooked("workflow_run", "d-2", body), body, hook, Options{Now: noon})
	require.NoError(t, err)
	m, err := again.Notice()
	require.NoError(t, err)
	require.Equal(t, n.Also, m.Also, "captured and sent again under another id, it is the same occurrence")
	require.Contains(t, strings.Join(n.Also, " "), "body:")
}

func TestGitHubsOwnWebhooksAreRefused(t *testing.T) {
	t.Parallel()
	body := []byte(`{"action":"completed"}`)
	with := func(name, value string) http.Header {
		h := hooked("workflow_run", "d-1", body)
		h.Set(name, value)
		return h
	}
	hook := Hook{Secret: hookSecret}
	for _, c := range []struct {
		name, stage string
		header      http.Header
		hook        Hook
		body        []byte
	}{
		{"changed", StageSignature, hooked("workflow_run", "d-1", body), hook, []byte(`{"action":"complete"}`)},
		{"another secret", StageSignature, hooked("workflow_run", "d-1", body), Hook{Secret: redact.NewSecret("another secret of a test")}, body},
		{"no secret here", StageSignature, hooked("workflow_run", "d-1", body), Hook{}, body},
		{"unsigned", StageSignature, with("X-Hub-Signature-256", ""), hook, body},
		{"signed by the kernel", StageSignature, with("X-Hub-Signature-256", "sha256=bm90IGhleA=="), hook, body},
		{"old algorithm", StageSignature, with("X-Hub-Signature-256", "sha1=00"), hook, body},
		{"a form", StageHTTP, with("Content-Type", "application/x-www-form-urlencoded"), hook, body},
		{"no delivery", StageSchema, with("X-GitHub-Delivery", ""), hook, body},
		{"no event", StageSchema, with("X-GitHub-Event", "a b"), hook, body},
		{"no JSON", StageJSON, hooked("push", "d-1", []byte("x")), hook, []byte("x")},
		{"no object", StageSchema, hooked("push", "d-1", []byte("[]")), hook, []byte("[]")},
		{"too large", StageLimit, http.Header{"Content-Type": {"application/json"}}, hook, make([]byte, GitHubMax+1)},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			_, err := OpenGitHub(c.header, c.body, c.hook, Options{Now: noon})
			var no *Refusal
			require.ErrorAs(t, err, &no)
			require.Equal(t, c.stage, no.Stage)
		})
	}
}

func TestCommandLines(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, body, want string }{
		{"alone", "/hotfix retry", "retry"},
		{"with a hint", "/hotfix retry look at  reduce ", "retry look at  reduce"},
		{"bare", "/hotfix", ""},
		{"after words", "I think so.\r\n\r\n/hotfix ignore flaky\r\nthanks", "ignore flaky"},
		{"the first counts", "/hotfix stop\n/hotfix retry", "stop"},
		{"after a code block", "```\nx\n```\n/hotfix status", "status"},
	} {
		got, ok := commandLine(c.body)
		require.True(t, ok, c.name)
		require.Equal(t, c.want, got, c.name)
	}
	for _, body := range []string{"", "please /hotfix retry", "> /hotfix retry", " /hotfix retry", "    /hotfix retry", "```\n/hotfix retry\n```", "~~~sh\n/hotfix retry",
		"````\n```\n/hotfix retry\n````", "`/hotfix retry`", "<!-- \n/hotfix retry\n-->", "<!--\n/hotfix retry", "/hotfixes", "/hotfix-retry", "/Hotfix retry", "- /hotfix retry", "<!-- x -->/hotfix retry"} {
		_, ok := commandLine(body)
		require.False(t, ok, body)
	}
}

func TestCommandsFromGitHubItself(t *testing.T) {
	t.Parallel()
	comment := func(action, author, kind, text string) string {
		b, err := json.Marshal(map[string]any{"action": action, "issue": map[string]any{"number": 4}, "sender": map[string]any{"login": "mona", "type": kind},
			"comment":    map[string]any{"id": 99, "body": text, "author_association": author, "user": map[string]any{"login": "mona", "type": kind}},
			"repository": map[string]any{"name": "r", "owner": map[string]any{"login": "o"}}})
		require.NoError(t, err)
		return string(b)
	}
	for _, c := range []struct{ name, body, then, rule, verb string }{
		{"of a member", comment("created", "MEMBER", "User", "/hotfix retry now"), "command", "", "retry"},
		{"edited", comment("edited", "MEMBER", "User", "/hotfix retry"), "ignore", RuleNoCommand, ""},
		{"of an outsider", comment("created", "NONE", "User", "/hotfix retry"), "ignore", RuleOutsider, ""},
		{"of a bot", comment("created", "MEMBER", "Bot", "/hotfix retry"), "ignore", RuleBot, ""},
		{"quoted", comment("created", "OWNER", "User", "> /hotfix retry"), "ignore", RuleNoCommand, ""},
	} {
		d, err := OpenGitHub(hooked("issue_comment", "d", []byte(c.body)), []byte(c.body), Hook{Secret: hookSecret}, Options{Now: noon})
		require.NoError(t, err)
		n, err := d.Notice()
		require.NoError(t, err)
		require.Equal(t, c.then, Then(n), c.name)
		if c.rule != "" {
			require.Equal(t, c.rule, n.Ignored.Rule, c.name)
			continue
		}
		require.Equal(t, c.verb, n.Command.Verb)
		require.Equal(t, "now", n.Command.Args.String())
		require.Equal(t, "99", n.Command.ID)
	}
	body := []byte(`{"action":"created","installation":{"id":1}}`)
	d, err := OpenGitHub(hooked("installation", "d", body), body, Hook{Secret: hookSecret}, Options{Now: noon})
	require.NoError(t, err)
	n, err := d.Notice()
	require.NoError(t, err)
	require.Equal(t, RuleInstallation, n.Ignored.Rule)
}
