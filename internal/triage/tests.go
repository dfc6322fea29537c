package triage

import "strings"

// testLine reads a line that names a failed test. It reports whether the line was one.
func (l *lines) testLine(s string) bool {
	name := testName(s)
	if name == "" {
		return false
	}
	if len(l.parts) == 1 && strings.HasPrefix(l.parts[0], "FAIL ") { // the line above only named the test's file
		l.parts, l.gap = nil, false
	}
	if l.r.test == "" && len(l.parts) == 0 {
		l.r.test = name
	}
	return true
}

// testName returns the test that a line of a runner reports as failed, "" if it reports none.
func testName(s string) string {
	t := s
	for _, p := range [...]string{"\u25cf ", "FAIL ", "FAILED ", "--- FAIL: ", "not ok ", "(fail) ", "\u2717 ", "\u2716 ", "\u2715 "} {
		rest, ok := strings.CutPrefix(t, p)
		if !ok {
			continue
		}
		rest = strings.TrimSpace(rest)
		switch p {
		case "not ok ":
			rest = strings.TrimLeft(rest, "0123456789 -")
		case "FAIL ":
			if !strings.Contains(rest, " > ") && !strings.Contains(rest, " \u203a ") {
				return ""
			}
		case "FAILED ":
			if !strings.Contains(rest, "::") {
				return ""
			}
			rest = upTo(rest, " - ")
		case "\u25cf ":
			if !strings.Contains(rest, " \u203a ") {
				return ""
			}
		case "\u2717 ", "\u2716 ", "\u2715 ":
			if !strings.HasSuffix(rest, "ms]") && !strings.HasSuffix(rest, "ms)") && !strings.HasSuffix(rest, "ms") {
				return ""
			}
		}
		return withoutTime(rest)
	}
	return ""
}

// withoutTime removes "(12 ms)", "[1.20ms]", "(0.00s)" and " 12ms" from the end of a test's name.
func withoutTime(s string) string {
	i := strings.LastIndexAny(s, "([ ")
	if i <= 0 {
		return s
	}
	tail := strings.Trim(s[i:], "([ )]")
	if j := strings.LastIndexAny(s[:i], "([ "); tail == "ms" && j > 0 { // "(12 ms)"
		tail, i = strings.Trim(s[j:], "([ )]"), j
	}
	tail = strings.ReplaceAll(tail, " ", "")
	n := 0
	for n < len(tail) && (isDigit(tail[n]) || tail[n] == '.') {
		n++
	}
	if n > 0 && unit(tail[n:]) {
		return strings.TrimSpace(s[:i])
	}
	return s
}
