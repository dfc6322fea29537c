package triage

import "strings"

// word writes a token without separators of paths and pairs.
func (m *masker) word(t, after string) {
	if m.num {
		m.num = false
		if unitWord(lower(t)) {
			m.trimSpace()
			return
		}
		if len(t) > 3 && strings.HasSuffix(t, "s") && !strings.HasSuffix(t, "ss") && isLower(t) {
			t = t[:len(t)-1]
		}
	}
	if month(t) && (m.prev == hole || dateAhead(after)) {
		m.hole()
		return
	}
	m.ident(t)
	m.announce(m.prev)
}

// dateAhead reports whether a day of a month follows: " 12 May", ", 12 May".
func dateAhead(after string) bool {
	after = strings.TrimLeft(after, ", ")
	return after != "" && (isDigit(after[0]) || strings.HasPrefix(after, hole))
}

// trimSpace removes a space at the end of what was written.
func (m *masker) trimSpace() {
	for len(m.out) > 0 && m.out[len(m.out)-1] == ' ' {
		m.out = m.out[:len(m.out)-1]
	}
}

// unitWord reports whether a word after a number only says what was counted in.
func unitWord(w string) bool {
	switch w {
	case "ms", "millisecond", "milliseconds", "second", "seconds", "sec", "secs", "s", "minute", "minutes", "min", "mins", "hour", "hours", "day", "days", "week", "weeks",
		"byte", "bytes", "kb", "mb", "gb", "kib", "mib", "gib", "utc", "gmt", "am", "pm", "cet", "est", "pst":
		return true
	}
	return false
}

// month reports whether t names a month or a day of the week as dates do.
func month(t string) bool {
	switch t {
	case "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec", "January", "February", "March", "April", "June", "July", "August",
		"September", "October", "November", "December", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday":
		return true
	}
	return false
}

// ident writes a name; runs of digits in it become holes unless they belong to the name.
func (m *masker) ident(t string) {
	if !hasDigit(t) || isCode(t) || nameWithDigits(lower(t)) {
		m.keep(t)
		return
	}
	if randomish(t) && !strings.ContainsAny(t, "-_.") {
		m.hole()
		return
	}
	m.prev2, m.prev = m.prev, lower(t)
	m.num = false
	start := 0
	for i := 0; i <= len(t); i++ {
		if i < len(t) && t[i] != '-' && t[i] != '_' && t[i] != '.' {
			continue
		}
		m.piece(t[start:i])
		if i < len(t) {
			m.out = append(m.out, t[i])
		}
		start = i + 1
	}
}

// piece writes one part of a composite name.
func (m *masker) piece(p string) {
	switch {
	case !hasDigit(p) || isCode(p) || nameWithDigits(lower(p)):
		m.out = append(m.out, p...)
	case isID(p) || randomish(p):
		m.bareHole()
	default:
		for i := 0; i < len(p); {
			if !isDigit(p[i]) {
				m.out = append(m.out, p[i])
				i++
				continue
			}
			for i < len(p) && isDigit(p[i]) {
				i++
			}
			m.bareHole()
		}
	}
}

// bareHole writes a hole inside a word.
func (m *masker) bareHole() {
	if n := len(m.out); n >= len(hole) && string(m.out[n-len(hole):]) == hole {
		return
	}
	m.out = append(m.out, hole...)
}

// hasDigit reports whether s has a digit.
func hasDigit(s string) bool {
	for i := 0; i < len(s); i++ {
		if isDigit(s[i]) {
			return true
		}
	}
	return false
}

// isCode reports whether t is an error code: capitals, then digits, as in TS2345, PGRST116, P2002, E11000, ERR_X.
func isCode(t string) bool {
	i := 0
	for i < len(t) && (isUpper(t[i]) || t[i] == '_') {
		i++
	}
	if i == 0 || i == len(t) {
		return i > 0
	}
	j := i
	for j < len(t) && isDigit(t[j]) {
		j++
	}
	return j == len(t) && j-i <= 6 && i <= 20
}

// nameWithDigits reports whether digits are part of a well-known name.
func nameWithDigits(w string) bool {
	switch w {
	case "sha1", "sha256", "sha512", "sha384", "md5", "utf8", "utf-8", "utf16", "utf-16", "base64", "base64url", "base58", "base32", "int8", "int16", "int32", "int64", "uint8", "uint16", "uint32",
		"uint64", "uint256", "int256", "bytes32", "bytes20", "float32", "float64", "x64", "x86", "x86_64", "amd64", "arm64", "ia32", "http2", "http1", "h2", "http3", "oauth2", "es5", "es6", "es2015", "es2020", "es2022", "ipv4", "ipv6",
		"erc20", "erc721", "erc1155", "permit2", "eip712", "eip1559", "eip155", "x402", "web3", "s3", "ec2", "r2", "d1", "k8s", "i18n", "l10n", "secp256k1", "p256", "ed25519", "x25519", "curve25519", "aes256",
		"rs256", "hs256", "es256", "uuid4", "uuidv4", "oauth1", "log4j", "b2b", "p2p", "l1", "l2", "v8", "sqlite3", "python3", "c8", "h1", "utf8mb4", "latin1", "iso8601", "rfc3339", "x509", "tls1", "ssl3", "pkcs1", "pkcs8", "pkcs12", "sha2", "sha3", "keccak256", "ripemd160", "bn254", "argon2", "atob64":
		return true
	}
	return false
}
