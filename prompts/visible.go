package prompts

import (
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// visible shows the characters that a reader would not see by their code points. Tabs and line ends stay.
func visible(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if !strings.ContainsFunc(s, redact.Hidden) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if redact.Hidden(r) {
			fmt.Fprintf(&b, "<U+%04X>", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

// nameMax bounds a name that stands in a sentence.
const nameMax = 200

// code puts a name from outside into a code span of one line.
func code(s string) string {
	s = strings.Join(strings.Fields(visible(s)), " ")
	if s == "" {
		return "(none)"
	}
	if chars := []rune(s); len(chars) > nameMax {
		s = string(chars[:nameMax]) + "..."
	}
	ticks := Ticks(s, 1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return ticks + s + ticks
}

// Ticks is what to put around s in Markdown so that nothing in it ends it: more backticks than stand together in s, at least
// least of them.
func Ticks(s string, least int) string {
	run := 0
	for _, r := range s {
		if r != '`' {
			run = 0
			continue
		}
		run++
		least = max(least, run+1)
	}
	return strings.Repeat("`", least)
}
