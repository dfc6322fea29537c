package triage

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// How much of a log an excerpt shows: lines before and after the first error, lines of the end, bytes of one line.
const (
	excerptBefore = 8
	excerptAfter  = 24
	excerptTail   = 16
	excerptLine   = 400
)

// Excerpt returns the part of logs that says most about a failure, in at most max bytes: the first error with the
// lines around it, and the end. What is left out is counted. The same logs give the same excerpt.
func Excerpt(logs []redact.Text, max int) string {
	all := excerptLines(logs)
	if len(all) == 0 || max <= 0 {
		return ""
	}
	return excerptAt(all, firstError(all), max)
}

// Numbered is Excerpt with the number of each line before it, and the number of the line where the failure shows
// first; 0 if none does.
func Numbered(logs []redact.Text, max int) (text string, first int) {
	all := excerptLines(logs)
	if len(all) == 0 || max <= 0 {
		return "", 0
	}
	at := firstError(all)
	if errorRank(all[at]) > 1 {
		first = at + 1
	}
	width := len(strconv.Itoa(len(all)))
	for i, line := range all {
		all[i] = fmt.Sprintf("%*d  %s", width, i+1, line)
	}
	return excerptAt(all, at, max), first
}

// Shows returns the line of logs where the failure shows first; "" if none does.
func Shows(logs []redact.Text) string {
	all := excerptLines(logs)
	if len(all) == 0 {
		return ""
	}
	if line := all[firstError(all)]; errorRank(line) > 1 {
		return line
	}
	return ""
}

// excerptAt narrows the excerpt around line first until it fits.
func excerptAt(all []string, first, max int) string {
	before, after, tail := excerptBefore, excerptAfter, excerptTail
	for {
		s := excerptOf(all, span{first - before, first + after}, tail)
		if len(s) <= max {
			return s
		}
		if before == 0 && after <= 1 && tail == 0 {
			return cutBytes(s, max)
		}
		before, tail = before/2, tail/2
		if before == 0 && tail == 0 {
			after /= 2
		}
	}
}

// A span is a range of lines, the end excluded.
type span struct{ from, to int }

// excerptOf joins the lines of the span and the last tail ones.
func excerptOf(all []string, s span, tail int) string {
	s.from, s.to = max(s.from, 0), min(s.to, len(all))
	end := max(s.to, len(all)-tail)
	if end-s.to <= 2 { // a gap of two lines is shorter than the sentence about it
		s.to = end
	}
	var b strings.Builder
	gap := func(n int) {
		if n > 0 {
			fmt.Fprintf(&b, "[%d lines left out]\n", n)
		}
	}
	gap(s.from)
	writeLines(&b, all[s.from:s.to])
	if tail == 0 {
		gap(len(all) - s.to)
		return b.String()
	}
	gap(end - s.to)
	writeLines(&b, all[end:])
	return b.String()
}

// writeLines writes lines, one that repeats only once.
func writeLines(b *strings.Builder, lines []string) {
	for i := 0; i < len(lines); {
		n := 1
		for i+n < len(lines) && lines[i+n] == lines[i] {
			n++
		}
		b.WriteString(lines[i])
		if n > 1 {
			fmt.Fprintf(b, " [%d times]", n)
		}
		b.WriteByte('\n')
		i += n
	}
}

// excerptLines returns the lines of logs without the codes of terminals and the times of runners.
func excerptLines(logs []redact.Text) []string {
	var all []string
	for _, t := range logs {
		for line := range strings.SplitSeq(scrubLog(t.String()), "\n") {
			line = strings.TrimRight(line, " \t")
			if n := timePrefix(line); n > 0 {
				line = strings.TrimPrefix(line[n:], " ")
			}
			if line == "" && (len(all) == 0 || all[len(all)-1] == "") {
				continue
			}
			if len(line) > excerptLine {
				line = cutBytes(line, excerptLine) + hole
			}
			all = append(all, line)
		}
	}
	for len(all) > 0 && all[len(all)-1] == "" {
		all = all[:len(all)-1]
	}
	return all
}

// scrubLog cleans a log of any length piece by piece.
func scrubLog(s string) string {
	if len(s) <= textMax {
		return clean(s)
	}
	var b strings.Builder
	b.Grow(len(s))
	for s != "" {
		n := min(len(s), textMax)
		if i := strings.LastIndexByte(s[:n], '\n'); i > 0 && n < len(s) {
			n = i + 1
		}
		b.WriteString(clean(s[:n]))
		s = s[n:]
	}
	return b.String()
}

// firstError returns the index of the line where the failure shows first, the last line if none does.
func firstError(all []string) int {
	best, rank := len(all)-1, 0
	for i, line := range all {
		if r := errorRank(line); r > rank {
			best, rank = i, r
		}
	}
	return best
}

// errorRank says how much a line looks like the failure itself: 3 for an error by name, 2 for an error's level,
// 1 for a word that speaks of failing, 0 for anything else.
func errorRank(line string) int {
	if line == "" {
		return 0
	}
	text, kind := stripLine(line)
	if kind.level == "info" || kind.level == "debug" || kind.level == "warn" {
		return 0
	}
	low := strings.ToLower(text)
	switch {
	case contains(low, "process completed with exit code", "error processing plugin", "the operation was canceled"): // what follows from a failure
		return 1
	case testName(strings.TrimSpace(line)) != "", strings.HasPrefix(line, "panic: "), strings.HasPrefix(text, "Traceback (most"), strings.Contains(text, ": error TS"):
		return 3
	}
	if head, _, ok := cutHead(text); ok && isClass(head) {
		return 3
	}
	switch {
	case contains(low, " 0 errors", "0 failed", "no errors", "error: null", "errors: 0", "without error"):
		return 0
	case kind.level == "error" || kind.level == "fatal":
		return 2
	case contains(low, "error", "failed", "failure", "exception", "fatal", "cannot ", "unable to"):
		return 1
	}
	return 0
}

// cutBytes returns at most n bytes of s, whole characters.
func cutBytes(s string, n int) string {
	if len(s) <= n {
		return s
	}
	return strings.ToValidUTF8(s[:n], "")
}
