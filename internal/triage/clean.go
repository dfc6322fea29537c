package triage

import (
	"strings"
	"unicode/utf8"
)

// textMax bounds how much of a message is read: the kernel sends 283 bytes, workflow logs are cut by the caller.
const textMax = 16 << 10

// clean removes what a terminal or a transport put into s: ANSI sequences, carriage returns, control characters,
// zero-width characters. Typographic quotes become plain ones.
func clean(s string) string {
	if len(s) > textMax {
		s = s[:textMax]
	}
	if plain(s) {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	for i := 0; i < len(s); {
		c := s[i]
		switch {
		case c == 0x1b:
			i = skipEscape(s, i)
		case c == '\r':
			if i+1 >= len(s) || s[i+1] != '\n' {
				b.WriteByte('\n')
			}
			i++
		case c == '\n' || c == '\t':
			b.WriteByte(c)
			i++
		case c < 0x20 || c == 0x7f:
			i++
		case c < 0x80:
			b.WriteByte(c)
			i++
		default:
			out, n := fold(s[i:])
			b.WriteString(out)
			i += n
		}
	}
	return b.String()
}

// plain reports whether clean has nothing to do.
func plain(s string) bool {
	for i := 0; i < len(s); i++ {
		if c := s[i]; c >= 0x7f || (c < 0x20 && c != '\n' && c != '\t') {
			return false
		}
	}
	return true
}

// skipEscape returns the index after the escape sequence at s[i].
func skipEscape(s string, i int) int {
	i++
	if i >= len(s) {
		return i
	}
	switch s[i] {
	case '[': // CSI: parameters, then one final byte
		i++
		for i < len(s) && s[i] >= 0x20 && s[i] < 0x40 {
			i++
		}
		if i < len(s) && s[i] >= 0x40 && s[i] < 0x7f {
			i++
		}
		return i
	case ']': // OSC: up to BEL or ST
		for i < len(s) && s[i] != 0x07 && s[i] != 0x1b && s[i] != '\n' {
			i++
		}
		if i < len(s) && s[i] == 0x1b {
			i++
			if i < len(s) && s[i] == '\\' {
				i++
			}
		} else if i < len(s) && s[i] == 0x07 {
			i++
		}
		return i
	}
	return i + 1
}

// folds are the typographic characters that stand for plain ones.
var folds = map[rune]string{
	'\u2018': "'", '\u2019': "'", '\u201a': "'", '\u201c': `"`, '\u201d': `"`, '\u00ab': `"`, '\u00bb': `"`,
	'\u00a0': " ", '\u202f': " ", '\u2009': " ", '\u2028': "\n", '\u2029': "\n", '\u2013': "-", '\u2014': "-", '\u2212': "-",
	'\u200b': "", '\u200c': "", '\u200d': "", '\u2060': "", '\ufeff': "", '\ufe0f': "", '\ufffd': "",
}

// fold returns the plain form of the first rune of s and how many bytes it takes.
func fold(s string) (string, int) {
	r, n := utf8.DecodeRuneInString(s)
	if out, ok := folds[r]; ok {
		return out, n
	}
	if r >= 0xE0000 && r <= 0xE007F || r >= 0x202A && r <= 0x202E || r >= 0x2066 && r <= 0x2069 { // tags, direction marks
		return "", n
	}
	return s[:n], n
}
