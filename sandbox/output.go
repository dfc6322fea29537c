package sandbox

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// outputMax bounds what is shown of a command's output.
const outputMax = 64 << 10

// escapes are terminal sequences: titles and clipboards (OSC), strings (DCS, PM, APC), colours and cursors (CSI), the rest.
var escapes = regexp.MustCompile("(?s)\x1b\\][^\x07\x1b]{0,999}(?:\x07|\x1b\\\\)?|\x1b[P^_X][^\x1b]{0,999}(?:\x1b\\\\)?|\x1b\\[[0-?]*[ -/]*[@-~]|\x1b[ -/]*[0-~]?")

// commands are lines that GitHub's log reader would obey.
var commands = regexp.MustCompile(`(?m)^(\s*)(::|##\[)`)

// Clean makes output fit to be read: control characters are gone, marks that turn the reading direction are
// visible, lines that a log reader would obey are disarmed, secrets are masked, the middle is cut out beyond limit.
func Clean(out []byte, limit int) redact.Text {
	s := strings.ToValidUTF8(string(out), "\uFFFD")
	s = escapes.ReplaceAllString(s, "")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	var b strings.Builder
	b.Grow(len(s))
	for _, r := range s {
		switch {
		case r == '\n' || r == '\t':
			b.WriteRune(r)
		case r == '\r':
			b.WriteByte('\n')
		case unicode.IsControl(r):
		case unicode.Is(unicode.Cf, r) || r == '\u2028' || r == '\u2029':
			fmt.Fprintf(&b, "<U+%04X>", r)
		default:
			b.WriteRune(r)
		}
	}
	text := redact.Scrub(commands.ReplaceAllString(b.String(), "$1 $2"))
	if len(text.String()) <= limit {
		return text
	}
	return redact.Scrub(cut(text.String(), limit))
}

// cut keeps the first quarter and the end of s: a test's verdict stands last.
func cut(s string, limit int) string {
	head, tail := limit/4, limit-limit/4
	from := len(s) - tail
	if i := strings.IndexByte(s[from:], '\n'); i >= 0 && i < 1024 {
		from += i + 1
	}
	if i := strings.LastIndexByte(s[:head], '\n'); i > head-1024 && i >= 0 {
		head = i + 1
	}
	return strings.ToValidUTF8(s[:head], "") + fmt.Sprintf("[... %d bytes left out ...]\n", from-head) + strings.ToValidUTF8(s[from:], "")
}
