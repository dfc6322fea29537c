package triage

import (
	"slices"
	"strings"
)

// lines reads a text of several lines: message, stack, cause and properties in the order in which runtimes print them.
type lines struct {
	r      *report
	depth  int
	parts  []string // lines of the message
	object string   // an object that belongs to the message
	gap    bool     // a blank line followed the message
	stack  bool     // frames have begun
	props  bool     // inside the properties that follow a stack
	python bool
}

// partsMax is how many lines of the first paragraph belong to the message.
const partsMax = 3

// linesMax bounds how many lines are looked at.
const linesMax = 200

// read reads s line by line.
func (l *lines) read(s string) {
	if i := objectStart(s); i >= 0 && strings.IndexByte(s[i:min(len(s), i+40)], '"') >= 0 && !framesBefore(s[:i]) {
		end := i + objectEnd(s[i:])
		head, rest := s[:i], s[end:]
		l.scan(head)
		l.object = s[i:end]
		l.stack = len(l.parts) > 0
		s = rest
	}
	l.scan(s)
	l.finish()
}

// framesBefore reports whether a stack has begun in s.
func framesBefore(s string) bool {
	return strings.Contains(s, "\n    at ") || strings.Contains(s, "\n\tat ") || strings.Contains(s, "\ngoroutine ") || strings.Contains(s, "Traceback (most") || strings.Contains(s, "\ncause")
}

// scan reads the lines of s.
func (l *lines) scan(s string) {
	for n := 0; s != "" && n < linesMax; n++ {
		line := s
		next := ""
		if i := strings.IndexByte(s, '\n'); i >= 0 {
			line, next = s[:i], s[i+1:]
		}
		if len(l.r.trace) >= framesMax {
			return
		}
		if t, ok := goFrame(line, upTo(next, "\n")); ok && next != "" {
			l.frame(t)
			if i := strings.IndexByte(next, '\n'); i >= 0 {
				next = next[i+1:]
			} else {
				next = ""
			}
		} else {
			l.line(line)
		}
		s = next
	}
}

// frame keeps a frame.
func (l *lines) frame(t traced) {
	l.stack = true
	if len(l.r.trace) < framesMax && t.path != "" && !(l.r.cause != "" && len(l.r.trace) > 0) {
		l.r.trace = append(l.r.trace, t)
	}
}

// line reads one line.
func (l *lines) line(line string) {
	trimmed := strings.TrimSpace(line)
	if len(l.parts) == 0 && !l.stack && trimmed != "" {
		if bare, _ := stripLine(trimmed); len(bare) < len(trimmed) && (testName(bare) != "" || strings.HasPrefix(bare, "Traceback (most")) {
			trimmed = bare
		}
	}
	switch {
	case trimmed == "":
		l.gap = l.gap || len(l.parts) > 0
		return
	case l.python && line[0] != ' ' && line[0] != '\t': // the exception itself comes last
		slices.Reverse(l.r.trace)
		l.parts, l.stack, l.python, l.gap = []string{trimmed}, false, false, false
		return
	case isCaret(trimmed):
		l.caret()
		return
	}
	if t, ok := parseFrame(trimmed); ok && (len(l.parts) > 0 || l.stack || l.python || l.r.test != "" || strings.HasPrefix(trimmed, "at ")) {
		l.frame(t)
		return
	}
	switch {
	case strings.HasPrefix(trimmed, "Traceback (most recent call last)"):
		l.python, l.stack, l.r.trace = true, true, nil
	case strings.HasPrefix(trimmed, "goroutine ") && strings.HasSuffix(trimmed, ":"):
		l.stack = true
	case strings.HasPrefix(trimmed, "[signal ") || isNoise(trimmed):
	case l.cause(trimmed):
	case l.stack || l.props:
		l.property(trimmed)
	case l.testLine(trimmed):
	default:
		l.part(trimmed)
	}
}

// part adds a line to the message while the message lasts.
func (l *lines) part(trimmed string) {
	if len(l.parts) >= partsMax || l.gap && !leadsOn(l.parts) {
		return
	}
	if rest, ok := strings.CutSuffix(trimmed, " {"); ok {
		l.props, trimmed = true, rest
	}
	if len(trimmed) > 2 && trimmed[0] == '[' && trimmed[len(trimmed)-1] == ']' && strings.Contains(trimmed, "Error: ") {
		trimmed = trimmed[1 : len(trimmed)-1]
	}
	text, kind := stripLine(trimmed)
	if kind.file != "" && l.r.file == "" {
		l.r.file = kind.file
	}
	if len(l.parts) > 0 && repeats(l.parts[0], text) {
		return
	}
	l.gap = false
	l.parts = append(l.parts, text)
}

// repeats reports whether a line says again what the first one said, as Go does for a recovered panic.
func repeats(first, text string) bool {
	a, _, _ := strings.Cut(first, " [")
	b, _, _ := strings.Cut(text, " [")
	return len(a) > 10 && a == b
}

// cause reads "[cause]: Error: text" and its relatives.
func (l *lines) cause(s string) bool {
	rest, ok := "", false
	for _, p := range [...]string{"[cause]:", "cause:", "Caused by:", "caused by:", "[errors]:", "Caused by"} {
		if rest, ok = strings.CutPrefix(s, p); ok {
			break
		}
	}
	if !ok {
		if s == "cause" || s == "Cause" {
			l.props = true
			return true
		}
		return false
	}
	if len(l.parts) == 0 {
		return false
	}
	l.props, l.stack = true, true
	rest = strings.TrimSuffix(strings.TrimSpace(rest), "{")
	if i := strings.Index(rest, "{"); i >= 0 {
		l.r.facts(rest[i:])
		rest = rest[:i]
	}
	rest = strings.Trim(strings.TrimSpace(rest), "[] ")
	if rest != "" {
		l.r.cause = stripClasses(rest, nil)
	}
	return true
}

// property reads a line of the properties that a runtime prints after a stack.
func (l *lines) property(s string) { l.r.facts(s) }

// isCaret reports whether s only points at something on the line above.
func isCaret(s string) bool { return strings.Trim(s, "^~ |-") == "" && strings.ContainsAny(s, "^~") }

// caret handles the pointer under a quoted source line: the line above it is no message, and if a bare place
// stood above that, neither was it.
func (l *lines) caret() {
	if l.stack || len(l.parts) == 0 {
		return
	}
	if path, line := cutLine(l.parts[0]); line > 0 && !strings.Contains(path, " ") {
		l.parts, l.gap = nil, false
		return
	}
	if len(l.parts) > 1 {
		l.parts = l.parts[:len(l.parts)-1]
	}
	l.gap = true
}

// isNoise reports whether a line says nothing about the failure: quoted source, versions, hints of tools.
func isNoise(s string) bool {
	if s[0] == '>' || isDigit(s[0]) || s[0] == '|' { // "> 12 | code", "12 | code"
		t := strings.TrimLeft(s, "> ")
		n := 0
		for n < len(t) && isDigit(t[n]) {
			n++
		}
		if r := strings.TrimLeft(t[n:], " "); strings.HasPrefix(r, "|") && (n > 0 || s[0] == '|') {
			return true
		}
	}
	if s[0] == '[' && len(s) > 4 && isDigit(s[1]) && strings.Contains(s[:min(len(s), 16)], ":0x") { // V8's report on its heap
		return true
	}
	for _, p := range [...]string{"<--- ", "Node.js v", "A complete log of this run", "Bun v", "npm ERR! A complete log", "npm error A complete log", "Thrown at:",
		"During handling of the above exception", "The above exception was the direct cause", "Version: viem@", "Docs: https://", "note: run with `RUST_BACKTRACE", "stack backtrace:"} {
		if strings.HasPrefix(s, p) {
			return true
		}
	}
	return strings.Trim(s, "-=_*#+\u2500\u2501\u2550 ") == ""
}

// leadsOn reports whether a message so far only announces what comes after the blank line.
func leadsOn(parts []string) bool {
	last := parts[len(parts)-1]
	return len(parts) < partsMax && (strings.HasSuffix(last, ":") || vague(stripClasses(last, nil)))
}

// finish joins the message's lines.
func (l *lines) finish() {
	if l.object != "" {
		l.parts = append(l.parts, l.object)
	}
	if len(l.parts) == 0 {
		return
	}
	msg := strings.Join(l.parts, " ")
	msg = stripClasses(msg, l.r)
	l.r.setMessage(msg, l.depth)
}
