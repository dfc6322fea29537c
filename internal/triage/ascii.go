package triage

// The character classes of the scanners. Bytes of multi-byte runes are none of them.

func isDigit(c byte) bool  { return c >= '0' && c <= '9' }
func isLetter(c byte) bool { return c|0x20 >= 'a' && c|0x20 <= 'z' }
func isUpper(c byte) bool  { return c >= 'A' && c <= 'Z' }
func isAlnum(c byte) bool  { return isDigit(c) || isLetter(c) }
func isHex(c byte) bool    { return isDigit(c) || c|0x20 >= 'a' && c|0x20 <= 'f' }
func isWord(c byte) bool   { return isAlnum(c) || c == '_' || c >= 0x80 }

// isLower reports whether s has only lower-case letters.
func isLower(s string) bool {
	for i := 0; i < len(s); i++ {
		if s[i] < 'a' || s[i] > 'z' {
			return false
		}
	}
	return s != ""
}

// numeric reports whether s is digits with what joins numbers, times, addresses and versions.
func numeric(s string) bool {
	digits := false
	for i := 0; i < len(s); i++ {
		switch c := s[i]; {
		case isDigit(c):
			digits = true
		case c == '.' || c == ',' || c == ':' || c == '-' || c == '/' || c == '+' || c == 'T' || c == 'Z' || c == '_' || c == ' ' || c == '%':
		default:
			return false
		}
	}
	return digits
}
