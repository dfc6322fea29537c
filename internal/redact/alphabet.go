package redact

// An alphabet is a set of bytes.
type alphabet [256]bool

func letters(s string) *alphabet {
	var a alphabet
	for i := range len(s) {
		a[s[i]] = true
	}
	return &a
}

const (
	digits = "0123456789"
	lower  = "abcdefghijklmnopqrstuvwxyz"
	upper  = "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
	alnum  = digits + lower + upper
)

var (
	word     = letters(alnum)
	name     = letters(alnum + "_-")  // identifiers, base64url
	dotted   = letters(alnum + "_-.") // tokens in parts
	hexes    = letters(digits + "abcdefABCDEF")
	base64s  = letters(alnum + "+/=")
	anyB64   = letters(alnum + "+/=_-")
	urlToken = letters(alnum + "_-.~+/=%|:") // what may stand after "Bearer "
	spaces   = letters(" \t\r\n\v\f")
	keyChars = letters(alnum + "_-.$")
)

func isDigit(c byte) bool  { return c-'0' < 10 }
func isLower(c byte) bool  { return c-'a' < 26 }
func isUpper(c byte) bool  { return c-'A' < 26 }
func isLetter(c byte) bool { return c|0x20-'a' < 26 }
func isWord(c byte) bool   { return word[c] }

// run returns the end of the run of bytes of set that starts at i.
func (set *alphabet) run(s string, i int) int {
	for i < len(s) && set[s[i]] {
		i++
	}
	return i
}

// back returns the start of the run of bytes of set that ends before i, at most limit long.
func (set *alphabet) back(s string, i, limit int) int {
	stop := max(0, i-limit)
	for i > stop && set[s[i-1]] {
		i--
	}
	return i
}

// all reports whether every byte of s is of the set.
func (set *alphabet) all(s string) bool { return set.run(s, 0) == len(s) }
