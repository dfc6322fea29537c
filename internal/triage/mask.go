package triage

import "strings"

// hole stands in a template for what differs between failures of one kind.
const hole = "\u2026"

// maskMax bounds what a masker writes: far more than a template keeps.
const maskMax = 3 * templateMax

// A masker turns a message into a template: it reads once, left to right, and writes what stays.
type masker struct {
	by    ruleset
	known []string // values of the event, lower case: its repository, actor, number, ids
	out   []byte
	slot  slot   // what the words before announce
	left  int    // words for which slot still holds
	prev  string // last word, lower case
	prev2 string
	num   bool // the last thing written was a number
	noun  string
}

// maskPasses bounds how often a template is read again; ordinary text is stable after the first reading.
const maskPasses = 12

// mask returns the template of s. The template of a template is itself.
func mask(s string, known []string, by ruleset) string {
	s = maskOnce(s, known, by)
	for range maskPasses {
		t := maskOnce(s, nil, by)
		if t == s {
			break
		}
		s = t
	}
	return s
}

// maskOnce reads s once.
func maskOnce(s string, known []string, by ruleset) string {
	m := masker{by: by, known: known, out: make([]byte, 0, min(len(s)+16, maskMax+256))}
	m.text(s)
	return tidy(m.out)
}

// text reads s.
func (m *masker) text(s string) {
	for i := 0; i < len(s) && len(m.out) < maskMax; {
		c := s[i]
		switch {
		case c == ' ' || c == '\t' || c == '\n':
			m.space()
			i++
		case c == '"' || c == '\'' || c == '`':
			i = m.quote(s, i)
		case isBlob(c):
			i = m.run(s, i)
		default:
			i = m.mark(s, i)
		}
	}
}

// space writes one space.
func (m *masker) space() {
	if n := len(m.out); n > 0 && m.out[n-1] != ' ' {
		m.out = append(m.out, ' ')
	}
}

// mark handles punctuation. Brackets around nothing but a place in a file vanish.
func (m *masker) mark(s string, i int) int {
	c := s[i]
	if c == '(' || c == '[' {
		if n := place(s[i:]); n > 0 && m.afterPath() {
			return i + n
		}
	}
	if c == '[' && strings.HasPrefix(s[i:], "[bot]") {
		return i + 5
	}
	if c == '[' && strings.HasPrefix(s[i:], "[REDACTED") {
		if end := strings.IndexByte(s[i:], ']'); end > 0 {
			m.hole()
			return i + end + 1
		}
	}
	if c == '<' && m.isTag(s[i:]) {
		m.space()
		return i + strings.IndexByte(s[i:], '>') + 1
	}
	if c != '(' && c != '[' && c != '<' && c != '{' && c != ']' {
		m.slotEnd(c)
	}
	m.out = append(m.out, c)
	m.num = false
	return i + 1
}

// isTag reports whether s starts with an HTML tag.
func (m *masker) isTag(s string) bool {
	if len(s) < 3 || !isLetter(s[1]) && s[1] != '/' && s[1] != '!' {
		return false
	}
	end := strings.IndexByte(s, '>')
	if end < 0 || end > 200 {
		return false
	}
	name := strings.ToLower(strings.Trim(upTo(s[1:end], " "), "/!"))
	switch name {
	case "html", "head", "title", "body", "center", "h1", "h2", "h3", "p", "pre", "hr", "br", "div", "span", "a", "b", "i", "code", "doctype", "meta", "script", "style", "link", "ul", "li", "strong", "em", "table", "tr", "td", "details", "summary", "sub":
		return true
	}
	return false
}

// place returns the length of "(12,5)" or "[12, 5]" at the start of s, 0 if there is none.
func place(s string) int {
	closer := byte(')')
	if s[0] == '[' {
		closer = ']'
	}
	for i := 1; i < len(s) && i < 24; i++ {
		switch c := s[i]; {
		case c == closer && i > 1:
			return i + 1
		case isDigit(c) || (c == ',' || c == ' ' || c == ':') && i > 1:
		default:
			return 0
		}
	}
	return 0
}

// afterPath reports whether the last thing written could be a file.
func (m *masker) afterPath() bool {
	n := len(m.out)
	if n == 0 || !isAlnum(m.out[n-1]) {
		return false
	}
	start := n
	for start > 0 && m.out[start-1] != ' ' {
		start--
	}
	return fileExt(string(m.out[start:])) != ""
}

// isBlob reports whether c can be inside a token: a word, a path, a URL, a number, an id.
func isBlob(c byte) bool {
	if isAlnum(c) || c >= 0x80 {
		return true
	}
	switch c {
	case '_', '.', '/', '\\', ':', '@', '#', '%', '+', '~', '$', '&', '=', '?', '-', '*':
		return true
	}
	return false
}

// run reads one token and writes what stays of it. It returns the index after the token.
func (m *masker) run(s string, i int) int {
	end := i
	for end < len(s) && isBlob(s[end]) {
		end++
	}
	if url := strings.Index(s[i:end], "://"); url > 0 {
		for end < len(s) && (isBlob(s[end]) || strings.IndexByte(",;!{}()[]|^", s[end]) >= 0) && !(s[end] == ')' || s[end] == ']' || s[end] == '}') {
			end++
		}
	}
	tok := s[i:end]
	body := strings.TrimRight(tok, ".:?=&-")
	if body == "" || strings.HasSuffix(tok, "\\") && len(body) < 2 {
		m.out = append(m.out, tok...)
		return end
	}
	tail := tok[len(body):]
	after := s[end:]
	if strings.HasPrefix(after, "[bot]") {
		if strings.Contains(body, "/") {
			m.token(body, "", after[len("[bot]"):])
		} else {
			m.hole()
		}
		return end + len("[bot]")
	}
	m.token(body, tail, after)
	m.tail(tail)
	return end
}

// tail writes the punctuation that followed a token.
func (m *masker) tail(tail string) {
	if tail == "" {
		return
	}
	m.out = append(m.out, tail...)
	m.slotEnd(tail[len(tail)-1])
	if tail != ":" {
		m.num = false
	}
}

// hole writes a hole, once for several in a row.
func (m *masker) hole() {
	m.prev2, m.prev = m.prev, hole
	m.slot, m.num = 0, false
	if strings.HasSuffix(string(m.out[max(0, len(m.out)-len(hole)):]), hole) {
		return
	}
	m.out = append(m.out, hole...)
}

// keep writes a token as it is.
func (m *masker) keep(tok string) {
	m.out = append(m.out, tok...)
	m.num = false
	m.prev2, m.prev = m.prev, lower(tok)
}

// tidy collapses what masking left: spaces before punctuation, holes joined by nothing, repeated holes.
func tidy(b []byte) string {
	s := strings.TrimSpace(string(b))
	for _, pair := range [...][2]string{
		{hole + " " + hole, hole}, {hole + "," + hole, hole}, {hole + ", " + hole, hole}, {hole + "-" + hole, hole}, {hole + ":" + hole, hole},
		{hole + "." + hole, hole}, {hole + "/" + hole, hole}, {"-" + hole, hole}, {"#" + hole, hole}, {"@" + hole, hole}, {"$" + hole, hole}, {"  ", " "},
	} {
		for strings.Contains(s, pair[0]) {
			s = strings.ReplaceAll(s, pair[0], pair[1])
		}
	}
	return strings.TrimRight(strings.TrimSpace(s), " .:,;!-|")
}

// lower is strings.ToLower for a short word; most words are in lower case already.
func lower(s string) string {
	for i := 0; i < len(s); i++ {
		if isUpper(s[i]) {
			return strings.ToLower(s)
		}
	}
	return s
}
