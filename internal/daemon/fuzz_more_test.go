package daemon

import (
	"bytes"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// FuzzOpinion: what a second model answers is a level with a reason, or an error.
func FuzzOpinion(f *testing.F) {
	for _, s := range []string{`{"level":"low","because":"It is small."}`, "```json\n{\"level\":\"high\",\"because\":\"x\"}\n```", `{"level":7}`, "```", "", `{"level":"low","because":" "}`, `{"level":"low","because":"@team #1 https://x.example"}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, answer string) {
		if o, err := readOpinion(answer); err == nil {
			require.Contains(t, []hotfix.Risk{hotfix.LowRisk, hotfix.MediumRisk, hotfix.HighRisk}, o.Level)
			require.False(t, o.Because.Empty())
		}
	})
}

var (
	spans   = regexp.MustCompile(`(?s)<code.*?</code>`)
	working = regexp.MustCompile(`(?i)<(a|img|script|input|h[1-6]|table)[ >]|@[\w-]|(^|\W)#\d|\bGH-\d`)
)

// FuzzInert: nothing that is published from outside mentions, links, refers or commands, as Markdown is rendered; and nothing
// ends the block that it stands in.
func FuzzInert(f *testing.F) {
	for _, s := range []string{"cc @team, see #12 and a/b#3, GH-4", "[x](https://x.example) ![y](//x.example/y.png) <https://x.example>", "<img src=x><script>x</script>", "# a\n\n| a | b |\n|---|---|\n", "a ` @b", "``` \n@b\n```",
		"/hotfix retry", "- [ ] a\n1. b", "    code", "\r\n> a", "www.x.example", "a@b.example", "&#64;team &lt;a&gt;", "x\n===", "\\@a", "[a]: https://x.example\n[a]"} {
		f.Add(s)
	}
	md := goldmark.New(goldmark.WithExtensions(extension.GFM))
	f.Fuzz(func(t *testing.T, text string) {
		for name, safe := range map[string]string{"prose": prose(text), "code": code(text), "fence": fence(text)} {
			var html bytes.Buffer
			require.NoError(t, md.Convert([]byte(safe), &html))
			rest := spans.ReplaceAllString(html.String(), "")
			require.False(t, working.MatchString(rest), "%s: %q becomes %q", name, safe, rest)
			require.False(t, slices.ContainsFunc(strings.Split(safe, "\n"), func(l string) bool { return name != "fence" && strings.HasPrefix(strings.TrimSpace(l), "/") }), "%s: %q commands", name, safe)
		}
	})
}

// FuzzSnooze: what stands behind /hotfix snooze ends, within a year if it is a time, or is refused.
func FuzzSnooze(f *testing.F) {
	for _, s := range []string{"7d", "9999w", "12 hours", "0m", "3", "0", "999999 failures", "until v1.2.3", "until", "7d\n8d", "", "\u00a0"} {
		f.Add(s)
	}
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	d := &Daemon{cfg: Config{Now: func() time.Time { return now }}}
	f.Fuzz(func(t *testing.T, args string) {
		a := &asking{Command: hotfix.Command{Args: redact.Scrub(args)}, c: &hotfix.Case{State: hotfix.Ongoing, Count: 3}}
		says, err := snooze(t.Context(), d, a)
		require.NoError(t, err)
		if says == "wrong" {
			require.Nil(t, a.c.Snooze)
			return
		}
		s := a.c.Snooze
		require.True(t, s.Count > 3 || s.Version != "" || s.Until.After(now), args)
		require.False(t, s.Until.After(now.Add(snoozeMax)), args)
	})
}
