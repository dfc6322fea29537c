package tools

import (
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Frame is one place in the code that a failure names.
type Frame struct {
	Path string
	Line int // 0 if unknown
}

var frameForm = regexp.MustCompile(`([A-Za-z0-9_@./\\+-]*[A-Za-z0-9_+-]\.(?:ts|tsx|mts|cts|js|jsx|mjs|cjs|go|py|rb|rs|java|kt|json))(?:["']?, line |:|\()(\d+)|([A-Za-z0-9_@./+-]*[A-Za-z0-9_+-]\.(?:ts|tsx|mts|cts|js|jsx|mjs|cjs|go|py))\b`)

// Frames finds the places in the code that a failure names, in the order in which it names them.
func Frames(f hotfix.Failure) []Frame {
	var out []Frame
	texts := []string{f.Stack.String(), f.Message.String()}
	for _, l := range f.Logs {
		texts = append(texts, l.String())
	}
	for _, text := range texts {
		for _, m := range frameForm.FindAllStringSubmatch(text, 200) {
			line, _ := strconv.Atoi(m[2]) // nothing but digits, or nothing
			one := Frame{strings.ReplaceAll(m[1]+m[3], `\`, "/"), line}
			if !slices.Contains(out, one) && len(out) < 60 {
				out = append(out, one)
			}
		}
	}
	return out
}
