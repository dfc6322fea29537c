package prompts

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"text/template/parse"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

var update = flag.Bool("update", false, "rewrite the golden files")

// full uses every branch of the prompt.
func full() Fix {
	return Fix{
		Plugin: "ubiquity-os-marketplace/text-conversation-rewards", Repo: "ubiquity-os-marketplace/text-conversation-rewards",
		Ref: "4f2c1d9", Status: 500, Trigger: "issues.closed", Seen: 7, Truncated: true,
		Message: redact.Scrub("TypeError: Cannot read properties of undefined (reading 'login')"),
		Stack:   redact.Scrub("at assignees (src/parser/review.ts:41:18)"),
		Logs:    redact.Scrub("level=info msg=start\nlevel=error msg=\"review failed\""),
		Repository: redact.Scrub("commit 4f2c1d9\nsrc/parser/review.ts, lines 40 to 42 of 90\n   40  for (const a of assignees) {\n" +
			"   41    names.push(a.user.login);\n   42  }"),
		Wishes:  redact.Scrub("AGENTS.md:\nRun bun test. Always push to main.\n"),
		Similar: []Similar{{Failure: redact.Scrub("TypeError: Cannot read properties of null (reading 'id')"), Diff: redact.Scrub("-a.id\n+a?.id")}},
		Hint:    redact.Scrub("I think it is the ghost user."),
		Attempts: []Attempt{{Ending: "refused", Says: redact.Scrub("The test passed on the old code."), Diff: redact.Scrub("-a\n+b")},
			{Ending: "draft-opened", Fate: "rejected", Says: redact.Scrub("A ghost has no login."), Lesson: redact.Scrub("Use the id, logins change."), Diff: redact.Scrub("-a\n+c")}},
		MaxFiles: 8, MaxLines: 300, Commands: true,
	}
}

func TestRender(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name string
		data Fix
	}{
		{"full", full()},
		{"bare", Fix{Plugin: "p", Repo: "o/p", Message: redact.Scrub("boom")}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			p, err := Load("fix")
			require.NoError(t, err)
			system, user, err := p.Render(tt.data)
			require.NoError(t, err)
			golden(t, "fix-"+tt.name+".golden", "# system\n"+system+"\n# user\n"+user)
		})
	}
}

func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, string(want), got)
}

// TestOutsideTextIsQuoted walks every template: what it prints has passed quote or code, or is a number.
func TestOutsideTextIsQuoted(t *testing.T) {
	t.Parallel()
	numbers := map[string]bool{"{{.Status}}": true, "{{.Seen}}": true, "{{.MaxFiles}}": true, "{{.MaxLines}}": true}
	actions := 0
	var walk func(t *testing.T, n parse.Node)
	walk = func(t *testing.T, n parse.Node) {
		switch n := n.(type) {
		case *parse.ListNode:
			if n != nil {
				for _, c := range n.Nodes {
					walk(t, c)
				}
			}
		case *parse.IfNode:
			walk(t, n.List)
			walk(t, n.ElseList)
		case *parse.RangeNode:
			walk(t, n.List)
			walk(t, n.ElseList)
		case *parse.WithNode:
			walk(t, n.List)
			walk(t, n.ElseList)
		case *parse.ActionNode:
			actions++
			first := n.Pipe.Cmds[0].Args[0].String()
			require.Len(t, n.Pipe.Cmds, 1, "%s: no pipelines", n)
			require.True(t, first == "quote" || first == "code" || numbers[n.String()], "%s is printed as it is", n)
		case *parse.TemplateNode:
			t.Errorf("%s: no nested templates", n)
		}
	}
	for _, name := range Names() {
		p, err := Load(name)
		require.NoError(t, err)
		walk(t, p.system.Root)
		walk(t, p.user.Root)
	}
	require.Positive(t, actions)
}

func TestQuote(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"plain", "boom", "``` outside text: log\nboom\n```"},
		{"a fence inside", "a\n````\nb", "````` outside text: log\na\n````\nb\n`````"},
		{"hidden marks", "a\u202eb\x1b[2K\u200b\U000E0041", "``` outside text: log\na<U+202E>b<U+001B>[2K<U+200B><U+E0041>\n```"},
		{"a carriage return overwrites nothing", "ok\rno", "``` outside text: log\nok<U+000D>no\n```"},
		{"empty", "", "``` outside text: log\n\n```"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, quote("log", redact.Scrub(tt.text)))
		})
	}
}

func TestCode(t *testing.T) {
	t.Parallel()
	require.Equal(t, "`a b`", code("a\n b"))
	require.Equal(t, "``a`b``", code("a`b"))
	require.Equal(t, "`` `x` ``", code("`x`"))
	require.Equal(t, "(none)", code(" \n"))
	require.Equal(t, "`"+strings.Repeat("x", 200)+"...`", code(strings.Repeat("x", 300)))
}

func TestParseRefuses(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct{ name, text, want string }{
		{"no front matter", "# system\nx\n# user\ny\n", "it must begin with front matter between two lines ---"},
		{"no role", "---\nabout: x\n---\n# system\nx\n# user\ny\n", "front matter: role and about are required"},
		{"a word it does not know", "---\nrole: x\nabout: y\nmodel: z\n---\n# system\nx\n# user\ny\n", "field model not found"},
		{"no user part", "---\nrole: x\nabout: y\n---\n# system\nx\n", "it must have the parts # system and # user, in this order"},
		{"bad template", "---\nrole: x\nabout: y\n---\n# system\n{{.\n# user\ny\n", "template: system"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			_, err := parseText(tt.text)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestLoadNamesWhatThereIs(t *testing.T) {
	t.Parallel()
	_, err := Load("explain-nothing")
	require.EqualError(t, err, `there is no prompt "explain-nothing": the prompts are `+strings.Join(Names(), ", "))
}

func TestRenderRefusesRawText(t *testing.T) {
	t.Parallel()
	p, err := Load("fix")
	require.NoError(t, err)
	_, _, err = p.Render(map[string]any{"Message": "raw"})
	require.Error(t, err)
}

func TestHashFollowsTheText(t *testing.T) {
	t.Parallel()
	a, err := parseText("---\nrole: x\nabout: y\n---\n# system\na\n# user\nb\n")
	require.NoError(t, err)
	b, err := parseText("---\nrole: x\nabout: y\n---\n# system\na\n# user\nc\n")
	require.NoError(t, err)
	require.NotEqual(t, a.Hash(), b.Hash())
	require.Len(t, a.Hash(), 16)
}

func TestRenderOpinion(t *testing.T) {
	t.Parallel()
	p, err := Load("opinion")
	require.NoError(t, err)
	system, user, err := p.Render(Opinion{Message: redact.Scrub("TypeError: x is null"), Stack: redact.Scrub("at f (a.ts:1:2)"), Diff: redact.Scrub("-x.y\n+x?.y")})
	require.NoError(t, err)
	golden(t, "opinion.golden", "# system\n"+system+"\n# user\n"+user)
}
