package tools

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// colours are terminal sequences that only change how text looks.
var colours = regexp.MustCompile("\x1b\\[[0-9;]*m")

// visible shows what a reader would not see: control characters, marks that turn the reading direction, letters
// without a glyph. Colours are dropped, tabs and line ends stay.
func visible(s string) string {
	s = colours.ReplaceAllString(s, "")
	s = strings.ReplaceAll(s, "\r\n", "\n")
	if !strings.ContainsFunc(s, redact.Hidden) {
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
		if redact.Hidden(r) {
			run = append(run, r)
			continue
		}
		flush()
		b.WriteRune(r)
	}
	flush()
	return b.String()
}
