package tools

import (
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

// colours are terminal sequences that only change how text looks.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// visible shows what a reader would not see: control characters, marks that turn the reading direction, letters
// without a glyph. Colours are dropped, tabs and line ends stay.
func visible(s string) string {
	s = colours.ReplaceAllString(s, "")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if !strings.ContainsFunc(s, hidden) {
		return s
	}
	var b strings.Builder
	run := []rune{}
	flush := func() {
		if len(run) > 4 {
			fmt.Fprintf(&b, "<%d hidden characters>", len(run))
		} else {
			for _, r := range run {
				fmt.Fprintf(&b, "<U+%04X>", r)
			}
		}
		run = run[:0]
	}
	for _, r := range s {
		if hidden(r) {
			run = append(run, r)
			continue
		}
		flush()
		b.WriteRune(r)
	}
	flush()
	return b.String()
}

func hidden(r rune) bool {
	switch {
	case r == '\n' || r == '\t':
		return false
	case r < 0x7f:
		return r < ' '
	case r == '\u00ad', r == '\u034f', r == '\u115f', r == '\u1160', r == '\u17b4', r == '\u17b5', r == '\u3164', r == '\uffa0',
		r == '\u2028', r == '\u2029', r >= 0xe0100 && r <= 0xe01ef, r >= 0xfe00 && r < 0xfe0e:
		return true
	}
	return unicode.Is(unicode.C, r)
}
