package redact

import "strings"

// A format is a kind of token that gives itself away by how it begins.
type format struct {
	prefix string
	kind   string
	set    *alphabet // what may follow
	min    int       // at least so much of it
	strict bool      // the prefix is short or common: the rest must look random and stand alone
}

// format judges a token whose prefix ends at end. It returns the token's end, or 0.
func (f *finder) format(t *format, end int) int {
	start := end - len(t.prefix)
	if f.s[start:end] != t.prefix {
		return 0
	}
	github := t.kind == "github-token"
	if !github && !f.edge(start) || t.prefix == pkcs && !isPKCS(f.s[start:]) {
		return 0
	}
	to := f.run(t.set, end)
	if to-end < 4 {
		return 0
	}
	to = f.wrapped(t.set, start, to)
	for to > end && f.s[to-1] == '.' {
		to--
	}
	tail := f.s[end:to]
	if github && len(tail) < 30 && !f.edge(start) || !t.holds(tail, f.s[to:]) {
		return 0
	}
	f.add(start, to, t.kind, rankFormat)
	return to
}

// holds reports whether a tail, before rest, is one of the format's.
func (t *format) holds(tail, rest string) bool {
	if t.strict && t.set == word && rest != "" && (rest[0] == '/' || rest[0] == '+') {
		return false // a line of base64 that happens to begin so
	}
	if t.strict && t.set == word && t.min > 50 && hexes.all(tail) {
		return false
	}
	if len(tail) < t.min {
		cut := rest == "" || strings.HasPrefix(rest, "...") || strings.HasPrefix(rest, "…")
		if !cut || t.strict || len(tail) < 4 {
			return false
		}
	}
	if t.strict && !random(tail) && !t.plausible(tail) || !t.strict && !mixed(tail) && !t.lettersOnly(tail) {
		return false
	}
	return !filled(tail) && !sample(tail)
}

// pkcs is how base64 of a key's encoding begins; a private one goes on with its version.
const pkcs = "MII"

func isPKCS(s string) bool { return len(s) > 9 && s[6:9] == "IBA" }

// plausible reports whether a tail that does not look random may still be a token: it is hexadecimal, or its prefix
// is long enough to speak for it.
func (t *format) plausible(tail string) bool {
	s := shapeOf(tail)
	if s.n >= 20 && s.distinct > 6 && hexes.all(tail) {
		return true
	}
	return len(t.prefix) >= 5 && s.n >= 24 && s.distinct > 8 && s.swings+s.turns >= 4 && !isSlug(tail)
}

// lettersOnly reports whether a tail of capital letters is one by chance: it has the length of the format and is no words.
func (t *format) lettersOnly(tail string) bool {
	return t.set == upperDigits && len(tail) == t.min && !wordy(lowered(tail))
}

// mixed reports whether v has more than one sort of character, as everything drawn at random does.
func mixed(v string) bool {
	s := shapeOf(v)
	return s.digits > 0 && s.lowers+s.uppers > 0 || s.swings > 1 || s.digits >= 16
}

// sample reports whether a token says of itself that it is none.
func sample(v string) bool {
	l := lowered(v)
	return strings.Contains(l, "example") || strings.Contains(l, "redacted") || strings.HasPrefix(l, "your")
}

// edge reports whether a token may begin at i: after no letter or digit, or after an escape that ends in one.
func (f *finder) edge(i int) bool {
	if i == 0 || !isWord(f.s[i-1]) && f.s[i-1] != '_' {
		return true
	}
	b := f.s[max(0, i-6):i]
	n := len(b)
	switch c := b[n-1]; {
	case n >= 2 && b[n-2] == '\\' && (c == 'n' || c == 't' || c == 'r'):
		return true
	case n >= 3 && b[n-3] == '%' && hexes[b[n-2]] && hexes[c]:
		return true
	case n >= 6 && b[0] == '\\' && b[1] == 'u':
		return true
	case c == 'm' && strings.Contains(f.s[max(0, i-8):i], "\x1b["):
		return true
	}
	return false
}

// clean returns where a run that begins at i begins once the end of an escape or a colour is taken off it.
func (f *finder) clean(i, end int) int {
	s := f.s
	if i == 0 || i+3 > end {
		return i
	}
	switch {
	case s[i-1] == '\\' && (s[i] == 'n' || s[i] == 't' || s[i] == 'r'):
		return i + 1
	case s[i-1] == '\\' && s[i] == 'u' && i+5 < end && hexes.all(s[i+1:i+5]):
		return i + 5
	case s[i-1] == '%' && hexes[s[i]] && hexes[s[i+1]]:
		return i + 2
	case s[i] == '-' && s[i-1] == '\n': // a line of a diff
		return i + 1
	case s[i-1] == '[' && i > 1 && s[i-2] == 0x1b:
		j := i
		for j < end && isDigit(s[j]) {
			j++
		}
		if j < end && s[j] == 'm' {
			return j + 1
		}
	}
	return i
}

// wrapped follows a token that a terminal or an encoder broke over lines: the token fills its line to the end, and
// the lines after it hold nothing but its alphabet.
func (f *finder) wrapped(set *alphabet, start, to int) int {
	if to >= len(f.s) || f.s[to] != '\n' && f.s[to] != '\r' {
		return to
	}
	line := start - (strings.LastIndexByte(f.s[max(0, start-lookBehind):start], '\n') + max(0, start-lookBehind) + 1)
	width := to - start + max(0, line)
	for width >= 60 && width <= 200 && to+1 < len(f.s) {
		next := to
		if f.s[next] == '\r' {
			next++
		}
		if next >= len(f.s) || f.s[next] != '\n' {
			break
		}
		next++
		end := set.run(f.s, next)
		if end == next || end-next > width || end < len(f.s) && !strings.ContainsRune("\r\n\"' ,", rune(f.s[end])) || end-next < width && isSlug(f.s[next:end]) {
			break
		}
		to = end
		if end-next < width {
			break
		}
	}
	return to
}

// An infix is what gives a token away somewhere in its middle.
type infix struct {
	text     string
	kind     string
	set      *alphabet
	min, max int
	holds    func(token string, at int) bool // may be nil
}

func (f *finder) infix(t *infix, end int) int {
	at := end - len(t.text)
	if f.s[at:end] != t.text {
		return 0
	}
	start := f.clean(t.set.back(f.s, at, t.max), at)
	to := t.set.run(f.s[:min(len(f.s), start+t.max+1)], end)
	token := f.s[start:to]
	if len(token) < t.min || len(token) > t.max || t.holds != nil && !t.holds(token, at-start) || filled(token) || sample(token) {
		return 0
	}
	f.add(start, to, t.kind, rankFormat)
	return to
}
