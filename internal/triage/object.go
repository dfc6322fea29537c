package triage

import "strings"

// A pair is one key and value of an object as JSON, JavaScript or Python print it.
type pair struct {
	key   string
	val   string
	text  bool // the value was quoted
	whole bool // the value's end was seen
	depth int
}

// pairsMax bounds how many pairs of an object are read.
const pairsMax = 200

// pairs calls visit for each key with a scalar value in s, in order. It is lenient: quotes of any kind, keys without
// quotes, a missing end. Values of arrays come under the array's key. It reports whether s looked like an object.
func pairs(s string, visit func(pair)) bool {
	p := pairReader{s: s, visit: visit}
	return p.read()
}

// A pairReader scans one object.
type pairReader struct {
	s     string
	i     int
	n     int
	depth int
	keys  [12]string // the key at each depth
	key   string
	value bool // a value is due
	visit func(pair)
}

// read scans to the end of s.
func (p *pairReader) read() bool {
	for p.i < len(p.s) && p.n < pairsMax {
		switch c := p.s[p.i]; {
		case c == '{' || c == '[':
			if p.depth+1 < len(p.keys) {
				p.keys[p.depth] = p.key
			}
			p.depth++
			p.value = c == '[' && p.key != ""
			p.i++
		case c == '}' || c == ']':
			p.depth = max(p.depth-1, 0)
			if p.depth+1 < len(p.keys) {
				p.key = p.keys[p.depth]
			}
			p.value = false
			p.i++
		case c == ',':
			p.value = p.inArray()
			p.i++
		case c == ':' || c == ' ' || c == '\n' || c == '\t' || c == '\r':
			p.value = p.value || c == ':'
			p.i++
		case c == '"' || c == '\'' || c == '`':
			p.token(p.quoted(c))
		default:
			p.token(p.bare())
		}
	}
	return p.n > 0
}

// inArray reports whether the last bracket that is open before i is one of an array.
func (p *pairReader) inArray() bool {
	return p.depth > 0 && p.arrayOpen()
}

// arrayOpen looks back for the nearest bracket that is not closed.
func (p *pairReader) arrayOpen() bool {
	depth := 0
	for j := p.i - 1; j >= 0 && p.i-j < 200; j-- {
		switch p.s[j] {
		case ']', '}':
			depth++
		case '[', '{':
			if depth == 0 {
				return p.s[j] == '['
			}
			depth--
		}
	}
	return false
}

// token takes a string or word as key or value.
func (p *pairReader) token(val string, text, whole bool) {
	if !p.value && p.colonNext() {
		p.key = val
		return
	}
	if p.value || p.inArray() {
		p.n++
		p.visit(pair{p.key, val, text, whole, p.depth})
		p.value = false
	}
}

// colonNext reports whether the next mark is a colon.
func (p *pairReader) colonNext() bool {
	for j := p.i; j < len(p.s); j++ {
		switch p.s[j] {
		case ' ', '\t', '\n', '\r':
		case ':', '=':
			return true
		default:
			return false
		}
	}
	return false
}

// quoted reads a string, undoing its escapes.
func (p *pairReader) quoted(q byte) (val string, text, whole bool) {
	start := p.i + 1
	for j := start; j < len(p.s); j++ {
		switch p.s[j] {
		case '\\':
			return p.escaped(q, start)
		case q:
			p.i = j + 1
			return p.s[start:j], true, true
		}
	}
	p.i = len(p.s)
	return p.s[start:], true, false
}

// escaped reads a string that has escapes.
func (p *pairReader) escaped(q byte, j int) (val string, text, whole bool) {
	var b strings.Builder
	for ; j < len(p.s); j++ {
		c := p.s[j]
		if c == q {
			p.i = j + 1
			return b.String(), true, true
		}
		if c != '\\' || j+1 >= len(p.s) {
			b.WriteByte(c)
			continue
		}
		j++
		switch p.s[j] {
		case 'n', 'r':
			b.WriteByte('\n')
		case 't':
			b.WriteByte('\t')
		case 'u':
			j += 4
			b.WriteByte(' ')
		default:
			b.WriteByte(p.s[j])
		}
	}
	p.i = len(p.s)
	return b.String(), true, false
}

// bare reads a word without quotes: a number, true, a key, a class before its properties.
func (p *pairReader) bare() (val string, text, whole bool) {
	j := p.i
	for j < len(p.s) && !strings.ContainsRune("{}[],:=\"' \n\t\r`", rune(p.s[j])) {
		j++
	}
	if j == p.i {
		j++
	}
	val, p.i = p.s[p.i:j], j
	return val, false, p.i < len(p.s)
}
