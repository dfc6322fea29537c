package kernel

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

func comment(body, association, kind string) string {
	text, _ := json.Marshal(body) // a string always encodes
	return `{"comment":{"id":41001,"body":` + string(text) + `,"author_association":"` + association + `","created_at":"2026-04-22T11:00:00Z",
		"user":{"login":"mona","type":"` + kind + `"}},"issue":{"number":3},"sender":{"login":"mona","type":"` + kind + `"},
		"repository":{"name":"r","owner":{"login":"o"}}}`
}

func TestCommands(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, params, body string
		verb, args         string
	}{
		{"plain", `{"action":"retry"}`, "/hotfix retry", "retry", ""},
		{"with text and lines", `{"action":"retry  --force\nthanks"}`, "/hotfix retry  --force\nthanks", "retry", "--force"},
		{"upper case", `{"action":" Retry it"}`, "/hotfix Retry it", "retry", "it"},
		{"bare", `{}`, "/hotfix", "", ""},
		{"parameters lost, comment kept", `{}`, "/hotfix explain please", "explain", "please"},
		{"after a mention", `null`, "@UbiquityOS /hotfix retry", "retry", ""},
		{"null, nothing to read", `null`, "@ubiquityos please try the fix again", "", ""},
		{"list", `{"action":["retry"],"reason":7}`, "@ubiquityos retry it", "retry", ""},
		{"number", `{"action":7}`, "x", "", ""},
		{"text", `"retry"`, "x", "", ""},
		{"quoted by someone", `null`, "> /hotfix retry\nno", "", ""},
		{"another command", `null`, "/hotfixes retry", "", ""},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			d := delivery(t, "issue_comment.created", comment(c.body, "MEMBER", "User"), &command{"hotfix", json.RawMessage(c.params)})
			n, err := d.Notice()
			require.NoError(t, err)
			require.NotNil(t, n.Command, "%+v", n.Ignored)
			require.Equal(t, []string{c.verb, c.args}, []string{n.Command.Verb, n.Command.Args.String()})
			require.Equal(t, "41001", n.Command.ID)
			require.Equal(t, []string{"comment:41001:o/r"}, n.Also)
			require.Equal(t, hotfix.Repo{Owner: "o", Name: "r"}, n.Command.Repo)
			require.Equal(t, 3, n.Command.Issue)
			require.Equal(t, "mona", n.Command.By)
		})
	}
}

func TestCommandsOfOthers(t *testing.T) {
	t.Parallel()
	hotfixCommand := &command{"hotfix", json.RawMessage(`{"action":"retry"}`)}
	for _, c := range []struct {
		name, event, payload string
		cmd                  *command
		rule                 string
	}{
		{"bot", "issue_comment.created", comment("/hotfix retry", "MEMBER", "Bot"), hotfixCommand, RuleBot},
		{"stranger", "issue_comment.created", comment("/hotfix retry", "NONE", "User"), hotfixCommand, RuleOutsider},
		{"contributor", "issue_comment.created", comment("/hotfix retry", "CONTRIBUTOR", "User"), hotfixCommand, RuleOutsider},
		{"unknown role", "issue_comment.created", comment("/hotfix retry", "", "User"), hotfixCommand, RuleOutsider},
		{"for another plugin", "issue_comment.created", comment("/start", "MEMBER", "User"), &command{"start", nil}, RuleNoCommand},
		{"edited", "issue_comment.edited", comment("/hotfix retry", "MEMBER", "User"), hotfixCommand, RuleEvent},
		{"no issue", "issue_comment.created", `{"comment":{"user":{"login":"mona"},"author_association":"MEMBER"}}`, hotfixCommand, RuleMalformed},
		{"no command", "issue_comment.created", comment("hello", "MEMBER", "User"), nil, RuleNoCommand},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			n, err := delivery(t, c.event, c.payload, c.cmd).Notice()
			require.NoError(t, err)
			require.Nil(t, n.Command)
			require.Equal(t, c.rule, n.Ignored.Rule)
		})
	}
}

func TestCommandInAReview(t *testing.T) {
	t.Parallel()
	d := delivery(t, "pull_request_review_comment.created", `{"comment":{"id":5,"body":"/HotFix retry","author_association":"OWNER",
		"user":{"login":"mona","type":"User"}},"pull_request":{"number":9},"repository":{"name":"r","owner":{"login":"o"}}}`,
		&command{"HotFix", json.RawMessage(`null`)})
	n, err := d.Notice()
	require.NoError(t, err)
	require.Equal(t, 9, n.Command.Issue)
	require.Equal(t, "retry", n.Command.Verb)
	require.Equal(t, noon, n.Command.At)
}
