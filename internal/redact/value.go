package redact

import (
	"math/bits"
	"strings"
)

// A shape is what a value's characters tell about it.
type shape struct {
	n, digits, lowers, uppers, others int
	distinct                          int
	turns                             int // places where a letter touches a digit
	swings                            int // places where the case of two touching letters differs
	plain                             int // places where two lower-case letters touch
}

// The sorts of a character.
const (
	anyOther = iota
	aDigit
	aLower
	anUpper
)

// sorts says of which sort each byte is.
var sorts = func() (sort [256]uint8) {
	for c := range sort {
		switch b := byte(c); {
		case isDigit(b):
			sort[c] = aDigit
		case isLower(b):
			sort[c] = aLower
		case isUpper(b):
			sort[c] = anUpper
		}
	}
	return sort
}()

// shapeOf looks at most at the first 256 bytes. It counts without a branch: this is what a hostile text costs most.
func shapeOf(v string) shape {
	v = v[:min(len(v), 256)]
	var seen [4]uint64  // a bit for each byte
	var touch [4][4]int // pairs of sorts that touch; the first byte has a blank before it
	last := uint8(anyOther)
	for i := range len(v) {
		c := v[i]
		sort := sorts[c] & 3
		seen[c>>6] |= 1 << (c & 63)
		touch[last&3][sort]++
		last = sort
	}
	s := shape{n: len(v)}
	for _, bytes := range seen {
		s.distinct += bits.OnesCount64(bytes)
	}
	for _, after := range touch {
		s.digits += after[aDigit]
		s.lowers += after[aLower]
		s.uppers += after[anUpper]
		s.others += after[anyOther]
	}
	s.turns = touch[aDigit][aLower] + touch[aDigit][anUpper] + touch[aLower][aDigit] + touch[anUpper][aDigit]
	s.swings = touch[aLower][anUpper] + touch[anUpper][aLower]
	s.plain = touch[aLower][aLower]
	return s
}

// random reports whether v looks drawn by a machine: digits and letters mixed inside its parts, or letters in
// no case a person writes. Words joined by dashes, dates and versions are not.
func random(v string) bool {
	s := shapeOf(v)
	if s.distinct < 6 || s.n < 8 {
		return false
	}
	letters := s.lowers + s.uppers
	if s.digits == 0 {
		return s.n >= 16 && s.plain*100 < 45*(s.n-1) && s.uppers*6 >= s.n && s.lowers*6 >= s.n && s.distinct >= 10
	}
	if isCode(v) {
		return false
	}
	if s.turns < 2 || letters == 0 {
		return false
	}
	return s.turns*12 >= s.n || s.swings*3 >= s.n || hexes.all(v) && s.turns*16 >= s.n
}

// isCode reports whether v reads like names in a program: words in camel case or joined by dots, digits only after
// words. Characters drawn at random change their sort more often.
func isCode(v string) bool {
	v = v[:min(len(v), 256)]
	if strings.ContainsAny(v, "+/=%") {
		return false
	}
	s := shapeOf(v)
	letters, inside, groups := s.lowers+s.uppers, 0, 0
	for i := range len(v) {
		if !isDigit(v[i]) {
			continue
		}
		if i == 0 || !isDigit(v[i-1]) {
			groups++
		}
		if i > 0 && isLetter(v[i-1]) && i+1 < len(v) && isLower(v[i+1]) {
			inside++
		}
	}
	if letters < 4 || s.digits*3 > s.n || groups*8 > s.n || groups > 2 || inside > 1 {
		return false
	}
	return (s.uppers == 0 || s.plain*100 >= 42*(s.n-1)) && wordy(v)
}

// isUUID reports whether v is written as a UUID.
func isUUID(v string) bool {
	if len(v) != 36 || v[8] != '-' || v[13] != '-' || v[18] != '-' || v[23] != '-' {
		return false
	}
	for i := range len(v) {
		if i != 8 && i != 13 && i != 18 && i != 23 && !hexes[v[i]] {
			return false
		}
	}
	return true
}

// isDigest reports whether v has the length and alphabet of a commit or a digest in hexadecimal.
func isDigest(v string) bool {
	switch len(v) {
	case 32, 40, 56, 64, 96, 128:
		return hexes.all(v)
	}
	return false
}

// isAddress reports whether v is an account on an EVM chain, which is public.
func isAddress(v string) bool {
	return len(v) == 42 && v[0] == '0' && v[1]|0x20 == 'x' && hexes.all(v[2:])
}

// mask is what a value looks like after somebody else redacted it.
func isMask(v string) bool {
	if strings.HasPrefix(v, "[REDACTED") || strings.Contains(v, "***") || strings.Contains(v, "•••") || strings.Contains(v, "███") {
		return true
	}
	l := beginning(v)
	for _, w := range []string{"[redacted", "<redacted", "[filtered", "[hidden", "[masked", "[secret", "(redacted", "[omitted", "[removed", "[private", "(hidden", "[sensitive", "(sensitive", "[object ", "[function", "[circular", "[array"} {
		if strings.HasPrefix(l, w) {
			return true
		}
	}
	return l == "redacted" || l == "masked" || l == "hidden" || l == "filtered"
}

// lowered is v in lower case, at most its first 256 bytes.
func lowered(v string) string { return strings.ToLower(v[:min(len(v), 256)]) }

// beginning is the first 16 bytes of v in lower case, more than any prefix that is looked for there.
func beginning(v string) string { return strings.ToLower(v[:min(len(v), 16)]) }

var fillers = []string{"example", "placeholder", "changeme", "change-me", "change_me", "replaceme", "replace-me", "replace_me", "insert-", "insert_", "redacted"}

// isPlaceholder reports whether v stands for a value instead of being one: empty, masked, a variable, a sample.
func isPlaceholder(v string) bool {
	if v == "" || isMask(v) || isReference(v) {
		return true
	}
	l := lowered(v)
	switch l {
	case "null", "nil", "none", "undefined", "true", "false", "string", "number", "boolean", "object", "any", "unknown", "void", "never",
		"password", "passwd", "pass", "pwd", "secret", "token", "todo", "tbd", "n/a", "empty", "missing", "invalid", "required", "optional",
		"nan", "int", "str", "bytes", "text", "varchar", "char", "bool", "yes", "no", "on", "off", "ok", "default", "unset", "set", "inherit", "write", "read", "bearer", "basic":
		return true
	}
	for _, f := range fillers {
		if strings.Contains(l, f) {
			return true
		}
	}
	for _, w := range []string{"your", "dummy", "fake"} {
		if i := strings.Index(l, w); i >= 0 && (i == 0 || !isWord(l[i-1])) && (i+len(w) == len(l) || !isDigit(l[i+len(w)])) {
			return true
		}
	}
	return filled(v)
}

// filled reports whether v, or what follows its prefix, is one character or counting repeated: xxxx, 0000, 1234567890.
func filled(v string) bool {
	v = v[:min(len(v), 256)]
	tail := v
	if i := strings.LastIndexAny(v[:max(0, len(v)-4)], "_-."); i >= 0 {
		tail = v[i+1:]
	}
	if len(tail) < 6 {
		tail = v
	}
	if len(tail) < 4 {
		return false
	}
	longest, cur, steps := 1, 1, 0
	for i := 1; i < len(tail); i++ {
		if tail[i] == tail[i-1] {
			cur++
			longest = max(longest, cur)
		} else {
			cur = 1
		}
		if tail[i] == tail[i-1]+1 {
			steps++
		}
	}
	return longest*4 >= len(tail)*3 || longest >= 8 && longest*2 >= len(tail) || len(tail) >= 8 && steps*5 >= (len(tail)-1)*4
}

var roots = []string{"process.env", "import.meta", "os.environ", "os.getenv", "env.", "secrets.", "vars.", "inputs.", "github.", "steps.", "needs.", "deno.env", "bun.env", "config.", "settings.", "options.", "this.", "self.", "ctx.", "req.", "request.", "params.", "props.", "context.", "data.", "var.", "local.", "module."}

// isReference reports whether v names a value that lives elsewhere: ${TOKEN}, process.env.X, {{ .Secret }}, <token>.
func isReference(v string) bool {
	switch v[0] {
	case '<':
		return true
	case '{':
		return strings.HasPrefix(v, "{{") || strings.HasSuffix(v, "}") || len(v) == 1
	case '[':
		return len(v) < 3
	case '%':
		return len(v) > 2 && (v[len(v)-1] == '%' && name.all(v[1:len(v)-1]) || len(v) == 2)
	case '$':
		return isVariable(v)
	case '#', '@':
		return len(v) > 1 && v[1] == '{'
	case '&', '*':
		return name.all(v[1:]) && !random(v) || strings.HasPrefix(v, "&lt;") || strings.HasPrefix(v, "&#")
	}
	if strings.Contains(v, "${") || strings.Contains(v, "{{") {
		return true
	}
	l := beginning(v)
	for _, r := range roots {
		if strings.HasPrefix(l, r) {
			return true
		}
	}
	return isConstant(v)
}

// isVariable reports whether v is a shell, template or PowerShell variable.
func isVariable(v string) bool {
	if len(v) == 1 {
		return true
	}
	switch v[1] {
	case '{', '(', '$':
		return true
	}
	if !isLetter(v[1]) && v[1] != '_' {
		return false
	}
	end := keyChars.run(v, 1)
	return end == len(v) && !random(v[1:]) || strings.HasPrefix(lowered(v), "$env:") || end < len(v) && (v[end] == '[' || v[end] == '-' && v[end:] == "->")
}

// isConstant reports whether v is the name of an environment variable or a constant: two upper-case words or more.
func isConstant(v string) bool {
	if !isUpper(v[0]) || !strings.Contains(v, "_") {
		return false
	}
	for i := range len(v) {
		if !isUpper(v[i]) && v[i] != '_' && !isDigit(v[i]) {
			return false
		}
	}
	return !random(v)
}

// isSlug reports whether v is words, dates or versions joined by dashes, dots and the like: a name people gave.
func isSlug(v string) bool {
	part, hasDigit, hasLetter, swings := 0, false, false, 0
	for i := 0; i <= len(v); i++ {
		if i < len(v) && (isDigit(v[i]) || isLetter(v[i])) {
			part++
			hasDigit = hasDigit || isDigit(v[i])
			hasLetter = hasLetter || isLetter(v[i])
			if part > 1 && isLetter(v[i]) && isLetter(v[i-1]) && isUpper(v[i]) != isUpper(v[i-1]) {
				swings++
			}
			continue
		}
		if i < len(v) && !strings.ContainsRune("-_./: @", rune(v[i])) {
			return false
		}
		if hasDigit && hasLetter && part > 4 || part > 20 || swings > 5 {
			return false
		}
		part, hasDigit, hasLetter, swings = 0, false, false, 0
	}
	return true
}

var proseWords = []string{"must", "should", "cannot", "can't", "can", "is", "are", "was", "be", "at", "least", "the", "required", "invalid", "missing", "please", "your", "not", "expired", "failed", "length", "characters", "contain", "enter", "for", "and", "or", "to", "with", "from", "a", "an", "of", "in", "has", "have", "does", "will", "empty", "too", "short", "match", "wrong", "incorrect"}

// isProse reports whether v is words of a message.
func isProse(v string) bool {
	fields := strings.FieldsFunc(lowered(v), func(r rune) bool { return r == ' ' || r == ',' || r == '.' || r == ':' || r == ';' })
	for _, f := range fields {
		for _, w := range proseWords {
			if f == w {
				return len(fields) > 1 || len(v) > 3 && w != "length"
			}
		}
	}
	return false
}
