package triage

import (
	"strconv"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Frame is one place in the plugin's own code that a stack trace names.
type Frame struct {
	Func string `json:"func"` // "" at top level or for an anonymous function
	File string `json:"file"` // relative to the repository as far as can be told
	Line int    `json:"line"` // 0 if the trace does not say
}

// Frames returns the frames of f's stack that are the plugin's own code, the one that failed first.
func Frames(f hotfix.Failure) []Frame {
	r := read(f)
	trace := r.trace
	if len(trace) == 0 {
		if in := fromLogs(f, version); in != nil {
			trace = in.trace
		}
	}
	var own []Frame
	for _, t := range trace {
		if t.own {
			own = append(own, Frame{t.fn, relative(t.path), t.line})
		}
	}
	return own
}

// A traced is one frame of a stack as it was printed.
type traced struct {
	fn, path string
	line     int
	own      bool // neither the runtime's nor a dependency's
	lib      bool // a dependency's
}

// framesMax bounds how many frames of a trace are kept.
const framesMax = 32

// parseFrame reads one line of a stack trace of JavaScript, Java, .NET, Python, Ruby, PHP or a browser.
func parseFrame(line string) (traced, bool) {
	s := strings.TrimSpace(line)
	switch {
	case strings.HasPrefix(s, "at "):
		return atFrame(s[3:])
	case strings.HasPrefix(s, `File "`):
		return pythonFrame(s[6:])
	case strings.HasPrefix(s, "\u276f "): // vitest
		return markedFrame(strings.TrimSpace(s[len("\u276f "):]))
	case strings.HasPrefix(s, "from ") && strings.Contains(s, ":in "):
		return rubyFrame(s[5:])
	case len(s) > 3 && s[0] == '#' && isDigit(s[1]):
		return phpFrame(s)
	}
	if at := strings.IndexByte(s, '@'); at >= 0 && at < 120 && !strings.ContainsAny(s[:at], " \t") {
		return browserFrame(s[:at], s[at+1:])
	}
	return traced{}, false
}

// atFrame reads what follows "at ".
func atFrame(s string) (traced, bool) {
	s = strings.TrimSuffix(strings.TrimRight(s, " {"), ",")
	s = strings.TrimPrefix(s, "async ")
	if in := strings.Index(s, ") in "); in > 0 { // .NET
		path, line := cutLine(s[in+5:])
		return judge(traced{fn: upTo(s, "("), path: path, line: line}), true
	}
	fn, loc := "", s
	if strings.HasSuffix(s, ")") {
		open := openParen(s)
		if open < 0 {
			return traced{}, false
		}
		fn, loc = strings.TrimSpace(s[:open]), s[open+1:len(s)-1]
	} else if i := strings.LastIndexByte(s, ' '); i >= 0 { // "at foo /a/b.js:1:2", or prose
		fn, loc = s[:i], s[i+1:]
		if strings.Contains(fn, " ") && !strings.HasPrefix(fn, "new ") {
			if !strings.Contains(loc, ":") || !strings.ContainsAny(loc, "/\\") {
				return traced{}, false
			}
			fn, loc = "", s
		}
	}
	path, line := cutLine(loc)
	if line == 0 && !knownPlace(path) && !(fn != "" && strings.HasSuffix(path, ".java")) {
		return traced{}, false
	}
	return judge(traced{fn: fn, path: path, line: line}), true
}

// knownPlace reports whether a location without a line number is one that runtimes print.
func knownPlace(p string) bool {
	switch p {
	case "<anonymous>", "native", "Native Method", "Unknown Source", "[native code]", "index":
		return true
	}
	return strings.HasPrefix(p, "node:") || strings.HasPrefix(p, "ext:") || strings.HasPrefix(p, "wasm://") || strings.HasSuffix(p, ".java")
}

// openParen returns the index of the parenthesis that the last byte of s closes, -1 if none does.
func openParen(s string) int {
	depth := 0
	for i := len(s) - 1; i >= 0; i-- {
		switch s[i] {
		case ')':
			depth++
		case '(':
			if depth--; depth == 0 {
				return i
			}
		}
	}
	return -1
}

// pythonFrame reads `path", line 12, in func`.
func pythonFrame(s string) (traced, bool) {
	path, rest, ok := strings.Cut(s, `", line `)
	if !ok {
		return traced{}, false
	}
	n := 0
	for n < len(rest) && isDigit(rest[n]) {
		n++
	}
	line, _ := strconv.Atoi(rest[:n])
	_, fn, _ := strings.Cut(rest, ", in ")
	return judge(traced{fn: strings.TrimSpace(fn), path: path, line: line}), true
}

// markedFrame reads "fn path:1:2" and "path:1:2".
func markedFrame(s string) (traced, bool) {
	fn := ""
	if i := strings.LastIndexByte(s, ' '); i >= 0 {
		fn, s = s[:i], s[i+1:]
	}
	path, line := cutLine(s)
	if line == 0 || strings.Contains(fn, " ") {
		return traced{}, false
	}
	return judge(traced{fn: fn, path: path, line: line}), true
}

// rubyFrame reads "path.rb:12:in 'fn'".
func rubyFrame(s string) (traced, bool) {
	loc, fn, _ := strings.Cut(s, ":in ")
	path, line := cutLine(loc)
	return judge(traced{fn: strings.Trim(fn, "`'"), path: path, line: line}), line > 0
}

// phpFrame reads "#0 /app/x.php(12): fn()".
func phpFrame(s string) (traced, bool) {
	_, s, _ = strings.Cut(s, " ")
	open := strings.Index(s, ".php(")
	if open < 0 {
		return traced{}, false
	}
	num, fn, ok := strings.Cut(s[open+5:], "): ")
	if !ok {
		return traced{}, false
	}
	line, _ := strconv.Atoi(num)
	return judge(traced{fn: upTo(fn, "("), path: s[:open+4], line: line}), true
}

// browserFrame reads the two sides of "fn@https://host/file.js:1:2".
func browserFrame(fn, loc string) (traced, bool) {
	path, line := cutLine(loc)
	if line == 0 && loc != "[native code]" {
		return traced{}, false
	}
	if line > 0 && !strings.Contains(path, "/") && !strings.Contains(path, ".") {
		return traced{}, false
	}
	return judge(traced{fn: fn, path: path, line: line}), true
}

// goFrame reads the two lines of a frame of a Go trace.
func goFrame(fnLine, placeLine string) (traced, bool) {
	if len(placeLine) == 0 || (placeLine[0] != '\t' && placeLine[0] != ' ') {
		return traced{}, false
	}
	place := strings.TrimSpace(placeLine)
	i := strings.Index(place, ".go:")
	if i < 0 || !strings.ContainsAny(place[:i], `/\`) {
		return traced{}, false
	}
	n := i + 4
	for n < len(place) && isDigit(place[n]) {
		n++
	}
	if n < len(place) && place[n] != ' ' {
		return traced{}, false
	}
	line, _ := strconv.Atoi(place[i+4 : n])
	fn := strings.TrimSpace(fnLine)
	if strings.HasPrefix(fn, "created by ") || fn == "" {
		return traced{path: place[:i+3], line: line}, true // where a goroutine was started says little about the failure
	}
	if strings.HasSuffix(fn, ")") {
		if open := openParen(fn); open > 0 {
			fn = fn[:open]
		}
	}
	return judge(traced{fn: fn, path: place[:i+3], line: line}), true
}

// cutLine splits "path:12:5", "path:12", "path:line 12" and "path(12,5)" into path and line.
func cutLine(loc string) (string, int) {
	loc = strings.TrimSpace(loc)
	for range 2 {
		loc = strings.TrimSuffix(loc, ")")
	}
	if i := strings.LastIndex(loc, ":line "); i > 0 {
		n, _ := strconv.Atoi(loc[i+6:])
		return loc[:i], n
	}
	line := 0
	for range 2 {
		i := strings.LastIndexByte(loc, ':')
		if i <= 0 || i+1 >= len(loc) || !allDigits(loc[i+1:]) {
			break
		}
		line, _ = strconv.Atoi(loc[i+1:])
		loc = loc[:i]
	}
	return loc, line
}

// allDigits reports whether s is one or more digits.
func allDigits(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			return false
		}
	}
	return s != "" && len(s) < 10
}

// upTo returns s up to the first sep, all of it if there is none.
func upTo(s, sep string) string {
	head, _, _ := strings.Cut(s, sep)
	return head
}
