package triage

import (
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A report is what a failure says, taken apart before anything is masked.
type report struct {
	by      ruleset
	wrapped bool     // the kernel's "HTTP (target: ...) 500: " stood in front
	status  int      // of HTTP, 0 if unknown
	message string   // one line, without log and class prefixes
	class   string   // of the error, when the message alone says too little
	cause   string   // the innermost cause's message
	codes   []string // machine codes that are not in the message
	host    string   // the host that could not be reached
	route   string   // method and route of the request that failed
	test    string   // the test that failed
	file    string   // the file that an annotation or a compiler names
	trace   []traced
	cut     bool // the end is missing
	limit   int  // how much of the template a sister whose end was cut has too
}

// cutAt is where the kernel cuts a message before it adds three dots.
const cutAt = 280

// How many bytes of a template survive the cut whatever stood in the holes: in a plain message, in the body of a
// worker's answer, and in such a body when ids stand before the message.
const (
	limitPlain = 200
	limitBody  = 120
	limitLate  = 72
)

// read takes f's message and stack apart.
func read(f hotfix.Failure) *report { return readBy(f, version) }

// readBy is read by ruleset that may be older ones.
func readBy(f hotfix.Failure, by ruleset) *report {
	r := &report{by: by, status: f.Status}
	text := strings.TrimSpace(clean(f.Message.String()))
	r.cut = f.Truncated || len(text) >= cutAt-30 && len(text) <= cutAt+40 && (strings.HasSuffix(text, "...") || strings.HasSuffix(text, "\u2026"))
	text, r.cut = cutTail(text, r.cut)
	text = r.unwrap(text)
	r.text(text, 0)
	r.limit = r.sharedPart(text)
	if s := f.Stack.String(); s != "" && len(r.trace) == 0 {
		r.stack(clean(s))
	}
	if r.status == 0 {
		r.status = impliedStatus(r.message)
	}
	return r
}

// sharedPart returns how much of the template a sister of this message has whose end the kernel cut. It depends on
// what all sisters have in common, so that they get the same key whether they were cut or not.
func (r *report) sharedPart(body string) int {
	switch {
	case r.wrapped && (strings.HasPrefix(body, "{") || strings.HasPrefix(body, "[")):
		if at := strings.Index(body, r.message[:min(len(r.message), 10)]); at < 0 || at > 32 {
			return limitLate
		}
		return limitBody
	case r.wrapped:
		return limitBody
	}
	return limitPlain
}

// cutTail removes the marks of a cut from the end of text.
func cutTail(text string, cut bool) (string, bool) {
	for _, mark := range [...]string{"[truncated]", "(truncated)", "<truncated>", "...[truncated]"} {
		if rest, ok := strings.CutSuffix(text, mark); ok {
			text, cut = strings.TrimSpace(rest), true
		}
	}
	if cut {
		text = strings.TrimSuffix(strings.TrimSuffix(text, "..."), "\u2026")
	}
	return text, cut
}

// unwrap removes the kernel's HTTP wrapper and remembers the status.
func (r *report) unwrap(text string) string {
	rest, _ := stripLine(text)
	rest = stripClasses(rest, nil)
	if after, ok := strings.CutPrefix(rest, "HTTP (target: "); ok {
		if _, tail, ok := strings.Cut(after, ") "); ok {
			rest = "HTTP " + tail
		} else if r.cut {
			return text
		}
		r.wrapped = true
	}
	if !strings.HasPrefix(rest, "HTTP ") || len(rest) < 8 {
		return text
	}
	status := threeDigits(rest[5:])
	if status == 0 {
		return text
	}
	if r.status == 0 || r.wrapped {
		r.status = status
	}
	body := strings.TrimLeft(rest[8:], " ")
	body = strings.TrimSpace(strings.TrimPrefix(body, ":"))
	if !r.wrapped && !strings.HasPrefix(rest[8:], ":") { // "HTTP 404 Not Found" stays as it is
		return text
	}
	return body
}

// threeDigits reads an HTTP status at the start of s, 0 if there is none.
func threeDigits(s string) int {
	if len(s) < 3 || !isDigit(s[0]) || !isDigit(s[1]) || !isDigit(s[2]) || len(s) > 3 && isAlnum(s[3]) {
		return 0
	}
	n := int(s[0]-'0')*100 + int(s[1]-'0')*10 + int(s[2]-'0')
	if n < 100 || n > 599 {
		return 0
	}
	return n
}

// impliedStatus returns the status that GitHub sends with a message, 0 if that is not certain.
func impliedStatus(message string) int {
	for _, known := range [...]struct {
		text   string
		status int
	}{
		{"Bad credentials", 401}, {"Requires authentication", 401}, {"Not Found", 404}, {"Validation Failed", 422},
		{"Resource not accessible by ", 403}, {"Must have admin rights", 403}, {"This installation has been suspended", 403},
	} {
		if strings.HasPrefix(message, known.text) {
			return known.status
		}
	}
	return 0
}

// text reads a message or body of any form. depth counts bodies inside bodies.
func (r *report) text(s string, depth int) {
	s = strings.TrimSpace(s)
	if s == "" || depth > 4 {
		return
	}
	switch {
	case s[0] == '{' || s[0] == '[' && len(s) > 1 && (s[1] == '{' || s[1] == '"' || s[1] == '\n' || s[1] == ' '):
		if r.object(s, depth) {
			return
		}
	case s[0] == '<' && len(s) > 3 && (isLetter(s[1]) || s[1] == '!'):
		if title := htmlTitle(s); title != "" {
			s = title
		}
	}
	l := lines{r: r, depth: depth}
	l.read(s)
}

// stack reads a stack that came apart from its message.
func (r *report) stack(s string) {
	l := lines{r: &report{by: r.by}}
	l.read(s)
	r.trace = l.r.trace
	for _, c := range l.r.codes {
		r.code(c)
	}
	if r.message == "" {
		r.message = l.r.message
	}
}

// code remembers a machine code once.
func (r *report) code(c string) {
	c = strings.TrimSpace(c)
	if c == "" || len(c) > 60 || len(r.codes) >= 8 {
		return
	}
	for _, have := range r.codes {
		if have == c {
			return
		}
	}
	r.codes = append(r.codes, c)
}

// htmlTitle returns what an error page says: its title, else its first heading.
func htmlTitle(s string) string {
	low := strings.ToLower(s)
	for _, tag := range [...]string{"title", "h1", "h2", "pre", "p"} {
		open := strings.Index(low, "<"+tag)
		if open < 0 {
			continue
		}
		start := strings.IndexByte(low[open:], '>')
		if start < 0 {
			continue
		}
		start += open + 1
		end := strings.Index(low[start:], "</"+tag)
		if end < 0 {
			end = len(low) - start
		}
		if t := strings.TrimSpace(s[start : start+end]); t != "" && !strings.HasPrefix(t, "<") {
			return t
		}
	}
	return ""
}

// setMessage takes the message once its lines are joined: objects in it are read, what they say stays.
func (r *report) setMessage(msg string, depth int) {
	msg = strings.Replace(msg, " - error TS", ": error TS", 1)
	r.message = msg
	i := objectStart(msg)
	if i < 0 || depth > 4 {
		return
	}
	head := strings.TrimRight(msg[:i], " :-=(")
	sub := &report{by: r.by, cut: r.cut}
	if !sub.object(msg[i:], depth+1) && len(sub.codes) == 0 {
		return
	}
	for _, c := range sub.codes {
		r.code(c)
	}
	if r.status == 0 {
		r.status = sub.status
	}
	if r.host == "" {
		r.host = sub.host
	}
	if len(r.trace) == 0 {
		r.trace = sub.trace
	}
	r.cut = r.cut && sub.cut
	r.message = head
	if sub.message != "" && !strings.Contains(head, sub.message) && sub.message != strings.Join(sub.codes, " ") {
		r.message = strings.TrimSpace(head + ": " + sub.message)
		if vague(head) || head == "" || statusPhrase(head) {
			r.message = sub.message
		}
	}
}

// objectEnd returns the length of the object at the start of s, up to the end if it is not closed.
func objectEnd(s string) int {
	depth := 0
	var q byte
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case q != 0 && c == '\\':
			i++
		case q != 0:
			if c == q {
				q = 0
			}
		case c == '"' || c == '`' || c == '\'' && (i == 0 || !isWord(s[i-1])):
			q = c
		case c == '{' || c == '[':
			depth++
		case c == '}' || c == ']':
			if depth--; depth <= 0 {
				return i + 1
			}
		}
	}
	return len(s)
}

// objectStart returns the index of an object inside a message, -1 if there is none.
func objectStart(s string) int {
	for i := 0; i+2 < len(s); i++ {
		if s[i] != '{' && s[i] != '[' {
			continue
		}
		j := i + 1
		for j < len(s) && (s[j] == ' ' || s[j] == '\n') {
			j++
		}
		if j >= len(s) {
			return -1
		}
		if s[i] == '[' {
			if s[j] == '{' {
				return i
			}
			continue
		}
		if s[j] == '"' || s[j] == '\'' {
			return i
		}
		k := j
		for k < len(s) && isWord(s[k]) {
			k++
		}
		if k > j && k < len(s) && s[k] == ':' && k+1 < len(s) && s[k+1] == ' ' {
			return i
		}
	}
	return -1
}
