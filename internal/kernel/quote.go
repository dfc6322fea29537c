package kernel

import (
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// stringified reports whether a JSON string is spelled as JSON.stringify spells it, without the escapes in hex that it
// has for few characters.
func stringified(raw []byte) bool {
	if len(raw) < 2 || raw[0] != '"' || !utf8.Valid(raw) {
		return false
	}
	for i := 1; i < len(raw)-1; i++ {
		if raw[i] == '\\' {
			if i++; strings.IndexByte(`"\bfnrt`, raw[i]) < 0 {
				return false
			}
		}
	}
	return true
}

// unquote reads a JSON string as the UTF-16 code units that JSON.parse makes of it. raw must be valid JSON;
// false means that it is not a string. Invalid UTF-8 becomes U+FFFD: the caller looks for that itself.
func unquote(raw []byte) ([]uint16, bool) {
	if len(raw) < 2 || raw[0] != '"' || raw[len(raw)-1] != '"' {
		return nil, false
	}
	raw = raw[1 : len(raw)-1]
	units := make([]uint16, 0, len(raw))
	for i := 0; i < len(raw); {
		if raw[i] != '\\' {
			r, size := utf8.DecodeRune(raw[i:])
			units = utf16.AppendRune(units, r)
			i += size
			continue
		}
		if i+1 >= len(raw) {
			return nil, false
		}
		switch c := raw[i+1]; c {
		case 'u':
			if i+6 > len(raw) {
				return nil, false
			}
			n, err := strconv.ParseUint(string(raw[i+2:i+6]), 16, 16)
			if err != nil {
				return nil, false
			}
			units = append(units, uint16(n))
			i += 6
			continue
		case 'b':
			units = append(units, '\b')
		case 'f':
			units = append(units, '\f')
		case 'n':
			units = append(units, '\n')
		case 'r':
			units = append(units, '\r')
		case 't':
			units = append(units, '\t')
		default: // " \ /
			units = append(units, uint16(c))
		}
		i += 2
	}
	return units, true
}

// Quote appends units to dst as JSON.stringify writes a string: short escapes, other controls and unpaired
// surrogates as \u and lower-case hex, everything else as it is.
func Quote(dst []byte, units []uint16) []byte {
	dst = append(dst, '"')
	for i := 0; i < len(units); i++ {
		u := units[i]
		switch {
		case u == '"' || u == '\\':
			dst = append(dst, '\\', byte(u))
		case u == '\b':
			dst = append(dst, '\\', 'b')
		case u == '\f':
			dst = append(dst, '\\', 'f')
		case u == '\n':
			dst = append(dst, '\\', 'n')
		case u == '\r':
			dst = append(dst, '\\', 'r')
		case u == '\t':
			dst = append(dst, '\\', 't')
		case u < 0x20:
			dst = escape(dst, u)
		case !utf16.IsSurrogate(rune(u)):
			dst = utf8.AppendRune(dst, rune(u))
		case i+1 < len(units) && utf16.DecodeRune(rune(u), rune(units[i+1])) != utf8.RuneError:
			dst = utf8.AppendRune(dst, utf16.DecodeRune(rune(u), rune(units[i+1])))
			i++
		default:
			dst = escape(dst, u)
		}
	}
	return append(dst, '"')
}

func escape(dst []byte, u uint16) []byte {
	const hex = "0123456789abcdef"
	return append(dst, '\\', 'u', hex[u>>12], hex[u>>8&15], hex[u>>4&15], hex[u&15])
}
