package daemon

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// The draft's own example, as an old configuration of the prototype has it.
func TestOldSettingsAreUnderstood(t *testing.T) {
	t.Parallel()
	s, warnings := ParseSettings(json.RawMessage(`{"enabled":true,"modes":["issue","pr"],"riskPolicy":{"autoMerge":false,"maxAutofixPerDay":2},
		"issueLabels":["hotfix"],"notify":["@acme/oncall"],"allowlistRepos":["acme/greet"],"allowWorkflowEvents":true,"maxBodyChars":8000,"dedupeWindowHours":24}`))
	require.Empty(t, warnings)
	require.Equal(t, []string{"acme/greet"}, s.AllowlistRepos)
	require.Equal(t, 2, *s.RiskPolicy.MaxAutofixPerDay)
	require.Equal(t, 8000, s.MaxBodyChars)
}

func TestWhatIsWrongWithSettingsIsSaid(t *testing.T) {
	t.Parallel()
	for _, c := range []struct{ name, raw, says string }{
		{"typing error", `{"allowListRepos":["acme/greet"]}`, `there is no setting "allowListRepos"; did you mean "allowlistRepos"?`},
		{"typing error inside", `{"riskPolicy":{"maxAutoFixesPerDay":1}}`, `there is no setting "riskPolicy.maxAutoFixesPerDay"; did you mean "riskPolicy.maxAutofixPerDay"?`},
		{"nothing like it", `{"colour":"red"}`, `there is no setting "colour"`},
		{"wrong type", `{"maxBodyChars":"many"}`, `setting "maxBodyChars" should be a whole number and is a text; its default is used`},
		{"fraction", `{"maxBodyChars":2000.5}`, `setting "maxBodyChars" should be a whole number and is a number`},
		{"list of numbers", `{"notify":[1]}`, `setting "notify" should be a list of texts and is a list`},
		{"free-form risk policy", `{"riskPolicy":"low"}`, `setting "riskPolicy" should be names with values and is a text`},
		{"out of range", `{"maxBodyChars":10}`, "should be from 2000 to 60000 and is 10"},
		{"mode", `{"modes":["issues"]}`, `setting modes names "issues"`},
		{"repository", `{"allowlistRepos":["greet"]}`, `"greet" is not a repository`},
		{"no settings at all", `[]`, "the settings should be names with values and are a list"},
	} {
		s, warnings := ParseSettings(json.RawMessage(c.raw))
		require.Len(t, warnings, 1, c.name)
		require.Contains(t, warnings[0], c.says, c.name)
		require.Equal(t, maxBody, s.MaxBodyChars, c.name)
	}
	s, warnings := ParseSettings(json.RawMessage(`{"maxBodyChars":true,"issueLabels":["kept"],"notfy":1,"dedupeWindowHours":{}}`))
	require.Len(t, warnings, 3)
	require.Equal(t, []string{"kept"}, s.IssueLabels, "what can be read counts")
	require.NotContains(t, strings.Join(warnings, " ")+warned(`{"maxBodyChars":"swordfish"}`), "swordfish", "a value may be a secret in the wrong place")
	s, warnings = ParseSettings(json.RawMessage(`{"issueLabels":"bug","enabled":"false","notify":null}`))
	require.Empty(t, warnings)
	require.Equal(t, []string{"bug"}, s.IssueLabels)
	require.False(t, *s.Enabled)
}

func warned(raw string) string {
	_, warnings := ParseSettings(json.RawMessage(raw))
	return strings.Join(warnings, "; ")
}

// Whatever a request says, the policy after it allows no more than before.
func TestSettingsOnlyNarrow(t *testing.T) {
	t.Parallel()
	greet, app, all := hotfix.Repo{Owner: "acme", Name: "greet"}, hotfix.Repo{Owner: "acme", Name: "app"}, hotfix.Repo{Owner: "acme", Name: "*"}
	for _, c := range []struct {
		name, raw string
		allow     []hotfix.Repo
		want      []hotfix.Repo
		off, fix  bool
		perDay    int
	}{
		{"nothing said", `{}`, []hotfix.Repo{greet, app}, []hotfix.Repo{greet, app}, false, true, 3},
		{"switched off", `{"enabled":false}`, []hotfix.Repo{greet}, []hotfix.Repo{greet}, true, true, 3},
		{"issues only", `{"modes":["issue"]}`, []hotfix.Repo{greet}, []hotfix.Repo{greet}, false, false, 3},
		{"one of two", `{"allowlistRepos":["Acme/Greet"]}`, []hotfix.Repo{greet, app}, []hotfix.Repo{{Owner: "Acme", Name: "Greet"}}, false, true, 3},
		{"one of all", `{"allowlistRepos":["acme/greet"]}`, []hotfix.Repo{all}, []hotfix.Repo{greet}, false, true, 3},
		{"all of two", `{"allowlistRepos":["acme/*"]}`, []hotfix.Repo{greet, app}, []hotfix.Repo{greet, app}, false, true, 3},
		{"another's", `{"allowlistRepos":["other/repo","*/*"]}`, []hotfix.Repo{greet}, nil, false, true, 3},
		{"fewer a day", `{"riskPolicy":{"maxAutofixPerDay":1}}`, []hotfix.Repo{greet}, []hotfix.Repo{greet}, false, true, 1},
		{"more a day", `{"riskPolicy":{"maxAutofixPerDay":99}}`, []hotfix.Repo{greet}, []hotfix.Repo{greet}, false, true, 3},
		{"none a day", `{"riskPolicy":{"maxAutofixPerDay":-1}}`, []hotfix.Repo{greet}, []hotfix.Repo{greet}, false, true, 0},
		{"a list that cannot be read", `{"allowlistRepos":{"acme":"greet"}}`, []hotfix.Repo{greet}, []hotfix.Repo{greet}, true, false, 3},
		{"modes that cannot be read", `{"modes":7}`, []hotfix.Repo{greet}, []hotfix.Repo{greet}, false, false, 3},
		{"a budget that cannot be read", `{"budget":{"steps":"few"}}`, []hotfix.Repo{greet}, []hotfix.Repo{greet}, false, false, 3},
		{"auto-merge", `{"riskPolicy":{"autoMerge":true}}`, []hotfix.Repo{greet}, []hotfix.Repo{greet}, false, true, 3},
	} {
		s, _ := ParseSettings(json.RawMessage(c.raw))
		p := s.Narrow(triage.Policy{Allow: c.allow, MaxFixesPerDay: 3})
		require.Equal(t, c.want, p.Allow, c.name)
		require.Equal(t, []any{c.off, c.fix, c.perDay}, []any{p.Off != "", p.NoFix == "", p.MaxFixesPerDay}, c.name)
	}
	s, _ := ParseSettings(json.RawMessage(`{"budget":{"steps":5,"tokens":900000,"minutes":2,"dollars":9}}`))
	require.Equal(t, agent.Budget{Steps: 5, Tokens: 400_000, Wall: 2 * time.Minute, Money: 9},
		s.Budget.within(agent.Budget{Steps: 40, Tokens: 400_000, Wall: 15 * time.Minute}))
}

func TestCommandsOfTheSettingsAreOneLine(t *testing.T) {
	t.Parallel()
	s, warnings := ParseSettings([]byte(`{"commands": {"test": "npx vitest run", "install": "a\nb"}}`))
	require.Equal(t, Commands{Test: "npx vitest run"}, s.Commands)
	require.Equal(t, []string{"setting commands.install should be one line of at most 400 characters; what is found out is used"}, warnings)
}
