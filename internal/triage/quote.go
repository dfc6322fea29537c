package triage

import "strings"

// quoteMax is the longest text between quotes that is taken as one thing.
const quoteMax = 240

// quote handles a quotation mark at s[i]. It returns the index after what it wrote.
func (m *masker) quote(s string, i int) int {
	q := s[i]
	if q == '\'' && i > 0 && isWord(s[i-1]) && i+1 < len(s) && isLetter(s[i+1]) { // an apostrophe
		m.out = append(m.out, '\'')
		return i + 1
	}
	end := closing(s, i, q)
	if end < 0 {
		m.out = append(m.out, '\'')
		return i + 1
	}
	in := strings.TrimSpace(s[i+1 : end])
	m.quoted(in, s[end+1:], s[:i])
	return end + 1
}

// closing returns the index of the mark that closes the one at i, -1 if there is none close by.
func closing(s string, i int, q byte) int {
	limit := min(len(s), i+1+quoteMax)
	for j := i + 1; j < limit; j++ {
		if s[j] == '\\' {
			j++
			continue
		}
		if s[j] != q {
			continue
		}
		if q == '\'' && j+1 < len(s) && isWord(s[j+1]) && j > i+1 && !strings.HasPrefix(s[j+1:], hole) { // an apostrophe inside
			continue
		}
		return j
	}
	return -1
}

// quoted writes what stays of a quoted text.
func (m *masker) quoted(in, after, before string) {
	switch {
	case in == "":
		m.out = append(m.out, "''"...)
		m.slot = noSlot
	case m.slot == nameSlot && m.left > 0, m.isKnown(in), m.slot == prepSlot && repoShape(in) && !mimeOrPair(in) && !scoped(m.prev2):
		m.out = append(m.out, '\'')
		m.hole()
		m.out = append(m.out, '\'')
	case snippet(before, after):
		m.out = append(m.out, '\'')
		m.hole()
		m.out = append(m.out, '\'')
	case strings.ContainsAny(in, " \n") && len(in) > 40:
		m.out = append(m.out, '\'')
		m.text(in)
		m.out = append(m.out, '\'')
	default:
		m.out = append(m.out, '\'')
		m.name(in)
		m.out = append(m.out, '\'')
		m.prev2, m.prev = m.prev, "'"
	}
	m.num = false
}

// scoped reports whether a noun names something of code, so that a quoted a/b is no repository.
func scoped(noun string) bool {
	switch noun {
	case "module", "package", "resolve", "import", "require", "load", "specifier", "dependency":
		return true
	}
	return false
}

// snippet reports whether a quoted text is a piece of some document that did not parse.
func snippet(before, after string) bool {
	if strings.HasPrefix(after, " is not valid JSON") || strings.HasPrefix(after, "... is not valid JSON") {
		return !strings.HasSuffix(before, "Unexpected token ") || true
	}
	return false
}

// name writes a quoted name: names of code stay as they are, values do not.
func (m *masker) name(in string) {
	switch {
	case strings.ContainsAny(in, " \n(){}[]<>,;|") || strings.Contains(in, "://"):
		slot := m.slot
		m.slot = noSlot
		m.text(in)
		m.slot = slot
	case strings.Contains(in, hole):
		m.keep(in)
	case numeric(in) && len(in) <= 4 && (m.prev == "reading" || m.prev == "setting" || m.prev == "property"): // an index
		m.keep(in)
	case numeric(in) && hasDigit(in), isID(in), strings.IndexByte(in, '@') > 0 && strings.IndexByte(in, '/') < 0:
		if len(in) == 3 && threeDigits(in) >= 400 {
			m.keep(in)
			return
		}
		m.token(in, "", "")
	case m.slot == idSlot && hasDigit(in) && !isCode(in):
		m.hole()
	case strings.ContainsAny(in, `/\`) && (in[0] == '/' || in[0] == '.' || strings.Contains(in, `:\`) || strings.Contains(in, ":/") || fileExt(in) != ""):
		m.path(in)
	case longNumber(in) || randomish(in):
		m.slot = noSlot
		m.token(in, "", "")
	default:
		m.keep(in)
	}
	m.slot = noSlot
}

// longNumber reports whether a name holds a run of digits that no one would write by hand.
func longNumber(s string) bool {
	n := 0
	for i := 0; i < len(s); i++ {
		if !isDigit(s[i]) {
			n = 0
			continue
		}
		if n++; n >= 5 {
			return !isCode(s)
		}
	}
	return false
}
