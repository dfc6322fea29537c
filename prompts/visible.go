package prompts

import (
	"fmt"
	"strings"
	"unicode"
)

// visible shows the characters that a reader would not see by their code points. Tabs and line ends stay.
func visible(s string) string {
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	for _, r := range s {
		if hidden(r) {
			fmt.Fprintf(&b, "<U+%04X>", r)
		} else {
			b.WriteRune(r)
		}
	}
	return b.String()
}

func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r == '\u00ad', r == '\u034f', r == '\u115f', r == '\u1160', r == '\u17b4', r == '\u17b5', r == '\u3164', r == '\uffa0',
		r == '\u2028', r == '\u2029', r >= 0xe0100 && r <= 0xe01ef, r >= 0xfe00 && r < 0xfe0e:
		return true
	}
	return unicode.Is(unicode.C, r)
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
	ticks := strings.Repeat("`", longestRun(s)+1)
	if strings.HasPrefix(s, "`") || strings.HasSuffix(s, "`") {
		s = " " + s + " "
	}
	return ticks + s + ticks
}
