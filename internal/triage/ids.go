package triage

import "strings"

// isID reports whether t is a value that no person chose: a UUID, a hash, an address, a request id, a long random token.
func isID(t string) bool {
	switch n := len(t); {
	case n < 6:
		return false
	case t[0] == '0' && (t[1] == 'x' || t[1] == 'X'):
		return allHex(t[2:])
	case n == 36 && isUUID(t):
		return true
	}
	hex, colons, digits, letters, others := 0, 0, 0, 0, 0
	for i := 0; i < len(t); i++ {
		c := t[i]
		if isHex(c) {
			hex++
		}
		switch {
		case isDigit(c):
			digits++
		case isLetter(c):
			letters++
		case c == ':':
			colons++
		default:
			others++
		}
	}
	n := len(t)
	switch {
	case others == 0 && colons == 0 && hex == n && (n >= 7 && digits > 0 && letters > 0 || n >= 32):
		return true
	case others == 0 && colons >= 2 && hex+colons == n && digits > 0: // GitHub's request ids, IPv6, MAC addresses
		return true
	}
	return n >= 12 && digits >= 2 && letters > 0 && strings.IndexByte(t, '/') < 0 && mostlyRandom(t)
}

// mostlyRandom reports whether most of t is parts that look drawn at random.
func mostlyRandom(t string) bool {
	random, parts := 0, 0
	for p := range strings.FieldsFuncSeq(t, func(c rune) bool { return c == '-' || c == '_' || c == '.' }) {
		parts++
		if hasDigit(p) && (allDigits(p) || randomish(p)) && !isCode(p) {
			random += len(p)
		}
	}
	return parts > 0 && random*10 >= len(t)*6 && randomish(t)
}

// isUUID reports whether t, of 36 bytes, is a UUID.
func isUUID(t string) bool {
	for i := 0; i < len(t); i++ {
		if i == 8 || i == 13 || i == 18 || i == 23 {
			if t[i] != '-' {
				return false
			}
		} else if !isHex(t[i]) {
			return false
		}
	}
	return true
}

// allHex reports whether s is hexadecimal and not empty.
func allHex(s string) bool {
	for i := 0; i < len(s); i++ {
		if !isHex(s[i]) {
			return false
		}
	}
	return s != ""
}

// randomish reports whether t looks drawn at random: letters and digits change places more often than in names.
func randomish(t string) bool {
	if len(t) == 36 && isUUID(t) {
		return true
	}
	changes, best, run, digits := 0, 0, 0, 0
	var last byte
	for i := 0; i < len(t); i++ {
		c := t[i]
		kind := byte(0)
		switch {
		case isDigit(c):
			kind = 'd'
			digits++
		case isLetter(c):
			kind = 'l'
		}
		if kind == 0 { // a separator starts a new part
			last, run = 0, 0
			continue
		}
		if last != 0 && kind != last {
			run++
			changes++
			best = max(best, run)
		}
		last = kind
	}
	return digits > 0 && (best >= 3 && len(t) >= 6 || best >= 2 && len(t) >= 10 && digits >= 2 || len(t) >= 24 && changes >= 4)
}
