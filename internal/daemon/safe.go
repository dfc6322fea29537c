package daemon

import (
	"regexp"
	"strings"
	"unicode"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/prompts"
)

// Outside text (messages, logs, names, the model's words) may neither notify anybody, nor link, nor command
// another bot, nor end the block it stands in. Three places hold it: fence for blocks, code for names in a
// line, prose for sentences. Nothing else from outside is published.

// zwsp breaks a mention or a reference without changing how it reads.
const zwsp = "\u200b"

// fence puts s into a code block that s cannot end. Characters that do not show are made visible.
func fence(s string) string {
	s = strings.TrimRight(visible(s), "\n ")
	ticks := prompts.Ticks(s, 3)
	return ticks + "text\n" + s + "\n" + ticks
}

// code puts s into a code span of one line that s cannot end.
func code(s string) string {
	s = strings.Join(strings.Fields(visible(s)), " ")
	if s == "" {
		return "–"
	}
	// In a table a bar would end the cell even inside a span.
	s = strings.ReplaceAll(s, "|", "¦")
	ticks := prompts.Ticks(s, 1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// visible replaces control, bidirectional and other characters without a glyph by their code points. Tabs and line
// ends stay. The start of an HTML comment is broken, so that no outside text looks like one of our markers.
func visible(s string) string {
	var b strings.Builder
	s = strings.ReplaceAll(s, "\r\n", "\n")
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case hidden(r):
			b.WriteString("<U+" + strings.ToUpper(hex4(r)) + ">")
		default:
			b.WriteRune(r)
		}
	}
	return strings.ReplaceAll(b.String(), "<!--", "<!"+zwsp+"--")
}

// hidden reports characters without a glyph, those that only choose how an emoji looks among them.
func hidden(r rune) bool {
	return redact.Hidden(r) || r == unicode.ReplacementChar || r == 0xfe0e || r == 0xfe0f
}

func hex4(r rune) string {
	const digits = "0123456789abcdef"
	var b []byte
	for shift := 28; shift >= 0; shift -= 4 {
		d := digits[r>>shift&15]
		if d != '0' || len(b) > 0 || shift < 16 {
			b = append(b, d)
		}
	}
	return string(b)
}

var (
	addresses  = regexp.MustCompile(`(?i)\b(?:[a-z][a-z0-9+.-]*://|www\.|mailto:)\S+`)
	references = regexp.MustCompile(`(?i)(^|\W)((?:[\w.-]+/[\w.-]+)?#|GH-)(\d)`)
	closers    = regexp.MustCompile(`(?i)\b(close[sd]?|fix(?:e[sd])?|resolve[sd]?)\b(:?\s+)(\S*#|GH-|https?:)`)
	commands   = regexp.MustCompile(`(?m)^(\s*)([/#>+~=*|-]|\d+[.)])`)
	specials   = strings.NewReplacer(`\`, `\\`, "&", "&amp;", "<", "&lt;", ">", "&gt;", "[", `\[`, "]", `\]`, "*", `\*`, "_", `\_`, "~", `\~`, "|", `\|`, "!", `\!`, "@", "@"+zwsp)
)

// prose makes a sentence or paragraph plain: code spans stay, addresses become code spans, all other marks
// show as they were typed.
func prose(s string) string {
	parts := strings.Split(strings.TrimSpace(visible(s)), "`")
	if len(parts)%2 == 0 { // an odd tick at the end opens nothing
		parts[len(parts)-2] += "'" + parts[len(parts)-1]
		parts = parts[:len(parts)-1]
	}
	var b strings.Builder
	for i, part := range parts {
		if i%2 == 1 && part != "" && !strings.Contains(part, "\n") {
			b.WriteString("`" + part + "`")
			continue
		}
		last := 0
		for _, at := range addresses.FindAllStringIndex(part, -1) {
			b.WriteString(plain(part[last:at[0]]) + "`" + part[at[0]:at[1]] + "`")
			last = at[1]
		}
		b.WriteString(plain(part[last:]))
	}
	return commands.ReplaceAllString(b.String(), "$1"+zwsp+"$2")
}

func plain(s string) string {
	s = references.ReplaceAllString(s, "$1$2"+zwsp+"$3")
	return specials.Replace(s)
}

// line makes s fit for a title or the first line of a commit: one line, no control characters, no mention,
// no reference, at most limit characters.
func line(s string, limit int) string {
	s = strings.Join(strings.Fields(visible(s)), " ")
	s = closers.ReplaceAllString(s, "$1"+zwsp+"$2$3")
	s = references.ReplaceAllString(s, "$1$2"+zwsp+"$3")
	s = strings.ReplaceAll(s, "@", "@"+zwsp)
	if r := []rune(s); len(r) > limit {
		s = strings.TrimSpace(string(r[:limit-1])) + "…"
	}
	return strings.TrimLeft(s, "/")
}
