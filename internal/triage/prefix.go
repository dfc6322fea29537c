package triage

import "strings"

// A lineKind says what marked a line before its prefix was removed.
type lineKind struct {
	level string // "error", "warn", ...; "" if the line had none
	file  string // from an annotation's file=
}

// stripLine removes what a logger, a runner or a terminal put in front of a line: times, levels, markers, tags.
func stripLine(s string) (string, lineKind) {
	var kind lineKind
	for {
		s = strings.TrimLeft(s, " \t")
		n := linePrefix(s, &kind)
		if n == 0 {
			return s, kind
		}
		s = s[n:]
	}
}

// linePrefix returns the length of one prefix of s, 0 if there is none or nothing would be left.
func linePrefix(s string, kind *lineKind) int {
	if s == "" {
		return 0
	}
	n := 0
	switch c := s[0]; {
	case c == '#':
		n = hashMark(s, kind)
	case c == ':':
		n = annotation(s, kind)
	case c >= '0' && c <= '9':
		n = timePrefix(s)
	case c == '[':
		n = bracketPrefix(s, kind)
	case c == '(':
		if rest, ok := strings.CutPrefix(s, "(node:"); ok {
			if end := strings.Index(rest, ") "); end > 0 && allDigits(rest[:end]) {
				n = len("(node:") + end + 2
			}
		}
	case c >= 0x80:
		n = symbol(s)
	case c == '>' && strings.HasPrefix(s, "> "):
		n = 2
	case c == 'l' && strings.HasPrefix(s, "level="), c == 't' && strings.HasPrefix(s, "time="):
		n = logfmt(s, kind)
	default:
		n = wordPrefix(s, kind)
	}
	if n >= len(s) || strings.TrimSpace(s[n:]) == "" {
		return 0
	}
	return n
}

// hashMark reads "##[error]" and "#12 " of a container build.
func hashMark(s string, kind *lineKind) int {
	if strings.HasPrefix(s, "##[") {
		if end := strings.IndexByte(s, ']'); end > 0 && end < 20 {
			kind.level = strings.ToLower(s[3:end])
			return end + 1
		}
		return 0
	}
	n := 1
	for n < len(s) && isDigit(s[n]) {
		n++
	}
	if n > 1 && n < len(s) && s[n] == ' ' {
		return n
	}
	return 0
}

// annotation reads "::error file=a.ts,line=1::".
func annotation(s string, kind *lineKind) int {
	if !strings.HasPrefix(s, "::") {
		return 0
	}
	end := strings.Index(s[2:], "::")
	if end < 0 || end > 300 {
		return 0
	}
	head := s[2 : 2+end]
	level, props, _ := strings.Cut(head, " ")
	if level == "" || !isLower(level) {
		return 0
	}
	kind.level = level
	for p := range strings.SplitSeq(props, ",") {
		if k, v, ok := strings.Cut(strings.TrimSpace(p), "="); ok && k == "file" {
			kind.file = v
		}
	}
	return end + 4
}

// timePrefix returns the length of a time at the start of s, with what closes it. A bare number is not a time.
func timePrefix(s string) int {
	n, colons, dashes := 0, 0, 0
	for n < len(s) && n < 40 {
		c := s[n]
		switch {
		case c == ':':
			colons++
		case c == '-' || c == '/':
			dashes++
		case isDigit(c) || c == '.' || c == ',' || c == 'T' || c == 'Z' || c == '+':
		case c == ' ' && dashes == 2 && colons == 0 && n+1 < len(s) && isDigit(s[n+1]): // date, then time
		default:
			goto done
		}
		n++
	}
done:
	if (dashes < 2 && colons < 2) || n < 8 || n > 36 {
		return 0
	}
	if n == len(s) || s[n] == ' ' || s[n] == '\t' || s[n] == ']' || s[n] == '|' {
		return n
	}
	return 0
}

// bracketPrefix reads "[error]", "[2026-01-01T00:00:00Z]", "[12:00:00.000]" and "[1/4]" at the start of a line.
func bracketPrefix(s string, kind *lineKind) int {
	end := strings.IndexByte(s, ']')
	if end < 2 || end > 40 {
		return 0
	}
	in := strings.TrimSpace(s[1:end])
	if l := level(in); l != "" {
		kind.level = l
		return end + 1
	}
	if len(in) > 0 && isDigit(in[0]) && numeric(in) {
		return end + 1
	}
	return 0
}

// symbol returns the length of a leading mark such as a cross or an emoji: no letter of any script.
func symbol(s string) int {
	n := 0
	for i, r := range s {
		if r < 0x80 {
			break
		}
		if !isSymbol(r) {
			return 0
		}
		n = i + len(string(r))
	}
	if n < len(s) && (s[n] == ' ' || s[n] == '\t') {
		return n
	}
	return 0
}

// isSymbol reports whether r is a mark that loggers and test runners print in front of a line.
func isSymbol(r rune) bool {
	return r == '×' || r == '·' || r >= 0x2190 && r <= 0x2bff || r >= 0x1f300 && r <= 0x1faff || r == 0x203c || r == 0x2049 || r == 0x2022
}

// logfmt reads leading pairs of a structured line: time=... level=error msg=.
func logfmt(s string, kind *lineKind) int {
	eq := strings.IndexByte(s, '=')
	key, rest := s[:eq], s[eq+1:]
	end := strings.IndexByte(rest, ' ')
	if strings.HasPrefix(rest, `"`) {
		if q := strings.IndexByte(rest[1:], '"'); q >= 0 {
			end = q + 2
		}
	}
	if end < 0 {
		return 0
	}
	if key == "level" {
		kind.level = level(strings.Trim(rest[:end], `"`))
	}
	n := eq + 1 + end
	if r := strings.TrimLeft(s[n:], " "); strings.HasPrefix(r, `msg=`) {
		n = len(s) - len(r) + len("msg=")
	}
	return n
}

// wordPrefix reads "ERROR ", "npm ERR! ", "fatal: ", "thrown: " and the like.
func wordPrefix(s string, kind *lineKind) int {
	for _, p := range [...]string{"npm ERR! ", "npm error ", "npm WARN ", "npm warn ", "Deno.core: ", "thrown: ", "panic: ", "E   "} {
		if strings.HasPrefix(s, p) {
			kind.level = "error"
			return len(p)
		}
	}
	n := 0
	for n < len(s) && isLetter(s[n]) {
		n++
	}
	if n < 3 || n > 10 || n == len(s) {
		return 0
	}
	l := level(s[:n])
	if l == "" {
		return 0
	}
	upper := s[1] >= 'A' && s[1] <= 'Z'
	switch {
	case s[n] == ':' && n+1 < len(s) && (s[n+1] == ' ' || s[n+1] == '\t'), upper && (s[n] == ' ' || s[n] == '\t'), s[n] == '|':
	case s[n] == '!' && n+1 < len(s) && s[n+1] == ' ':
	default:
		return 0
	}
	kind.level = l
	n++
	if strings.HasPrefix(s[n:], " | ") {
		n += 3
	}
	return n
}

// level returns the log level that a word means, "" if none.
func level(w string) string {
	if len(w) > 10 {
		return ""
	}
	switch strings.ToLower(w) {
	case "error", "err", "erro", "severe", "e":
		return "error"
	case "fatal", "crit", "critical", "emerg", "alert", "panic", "failure":
		return "fatal"
	case "warn", "warning", "wrn":
		return "warn"
	case "info", "inf", "information", "notice", "log", "stderr", "stdout", "verbose":
		return "info"
	case "debug", "dbg", "trace", "trc", "command", "group", "section":
		return "debug"
	}
	return ""
}
