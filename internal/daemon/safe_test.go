package daemon

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestFence(t *testing.T) {
	t.Parallel()
	got := fence("a\n```\n# heading\n````\nb\x1b[31m\u202e")
	require.Equal(t, "`````text\na\n```\n# heading\n````\nb<U+001B>[31m<U+202E>\n`````", got)
}

func TestCode(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"plain", "acme/app", "`acme/app`"},
		{"empty", " ", "–"},
		{"ticks", "a``b", "```a``b```"},
		{"edge tick", "`a", "`` `a ``"},
		{"lines and bars", "a\nb|c", "`a b¦c`"},
		{"hidden", "a\u200bb", "`a<U+200B>b`"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, code(tt.in))
		})
	}
}

// What is spelled has nothing in it that does not show, and reads as the same JSON.
func TestSpelled(t *testing.T) {
	t.Parallel()
	for _, in := range []string{"plain ä 漢 😀", "a\u202egnol\u2066", "a\u200bb\u00ad", "tag \U000E0041\U000E007F", "bom \ufeff", "line\u2028end", "\x07\x1b[31m", "\u3164"} {
		text, err := json.Marshal(in)
		require.NoError(t, err)
		got := spelled(string(text))
		require.NotContains(t, visible(got), "<U+", "%q", got)
		var back string
		require.NoError(t, json.Unmarshal([]byte(got), &back))
		require.Equal(t, in, back)
	}
}

func TestProseIsInert(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"sentence", "The payload had no `user`.", "The payload had no `user`."},
		{"mention", "cc @team", "cc @\u200bteam"},
		{"reference", "see #12, a/b#3 and GH-4", "see #\u200b12, a/b#\u200b3 and GH-\u200b4"},
		{"link", "[x](https://evil.example/a)", "\\[x\\](`https://evil.example/a)`"},
		{"html", "<!-- a --><img src=x>", "&lt;\\!\u200b-- a --&gt;&lt;img src=x&gt;"},
		{"entity", "cc &#64;team, &#12;", "cc &amp;#\u200b64;team, &amp;#\u200b12;"},
		{"command", "ok\n/wallet 0x0", "ok\n\u200b/wallet 0x0"},
		{"heading", "# Notice", "\u200b# Notice"},
		{"odd tick", "a ` @b", "a ' @\u200bb"},
		{"span over lines", "`a\n@b`", "a\n@\u200bb"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, prose(tt.in))
		})
	}
}

func TestLine(t *testing.T) {
	t.Parallel()
	tests := []struct{ name, in, want string }{
		{"lines", "a\n\tb", "a b"},
		{"closing word", "Fixes #1", "Fixes\u200b #\u200b1"},
		{"mention", "by @x", "by @\u200bx"},
		{"command", "/start", "start"},
		{"long", strings.Repeat("a", 200), strings.Repeat("a", 59) + "…"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			require.Equal(t, tt.want, line(tt.in, 60))
		})
	}
}
