package triage

import "strings"

// token writes what stays of one token. tail is the punctuation glued to it, after is the text behind that.
func (m *masker) token(t, tail, after string) {
	switch {
	case m.isKnown(t), t == "x.x.x.x", strings.Trim(t, "*") == "":
		m.hole()
		return
	case t == hole:
		m.hole()
		return
	case strings.Contains(t, hole): // of a text that is a template already
		m.keep(t)
		return
	case strings.Contains(t, "://"):
		m.url(t)
		return
	}
	if isDigit(t[0]) || (t[0] == '-' || t[0] == '+' || t[0] == '~' || t[0] == '#') && len(t) > 1 && isDigit(t[1]) {
		if m.number(t, after) {
			return
		}
	}
	switch {
	case isID(t):
		m.hole()
	case strings.IndexByte(t, '@') >= 0 && m.at(t):
	case m.filled(t, tail, after):
	case strings.ContainsAny(t, `/\`):
		m.path(t)
	case strings.IndexByte(t, '=') > 0:
		m.assign(t)
	case strings.IndexByte(t, ':') > 0:
		m.colon(t, tail, after)
	default:
		m.word(t, after)
	}
}

// isKnown reports whether t is one of the event's own values.
func (m *masker) isKnown(t string) bool {
	if len(m.known) == 0 {
		return false
	}
	for _, k := range m.known {
		if len(t) >= len(k) && strings.EqualFold(t[:len(k)], k) {
			rest := t[len(k):]
			if rest == "" || rest[0] == '#' && numeric(rest[1:]) || rest == "'s" || rest == ".git" {
				return true
			}
		}
	}
	return false
}

// number handles what starts with a digit. It reports whether it wrote something.
func (m *masker) number(t, after string) bool {
	if numeric(strings.TrimLeft(t, "+-~#")) {
		if m.salient(t, after) {
			m.keep(t)
			return true
		}
		m.hole()
		m.num = true
		return true
	}
	n := 0
	for n < len(t) && (isDigit(t[n]) || t[n] == '.' || t[n] == ',' || t[n] == '+' || t[n] == '-') {
		n++
	}
	if n > 0 && (unit(t[n:]) || compound(t)) {
		m.hole()
		m.num = true
		return true
	}
	return false
}

// salient reports whether a number says what failed: an HTTP status, an exit status, an error code.
func (m *masker) salient(t, after string) bool {
	if len(t) > 7 || !allDigits(strings.TrimPrefix(t, "-")) {
		return false
	}
	if m.by != rules1 && m.prev == "got" && strings.HasPrefix(strings.TrimLeft(after, ", "), "want") { // of a test, whose name says more
		return false
	}
	switch m.prev {
	case "status", "code", "http", "exit", "exited", "errno", "sqlstate", "statuscode", "http/1.1", "http/1.0", "http/2", "rc", "signal", "errcode", "exitcode", "error_code", "status_code", "returncode":
		return true
	case "error":
		return len(t) >= 3
	case "with", "got", "returned", "received", "responded", "response", "server", "failed", "by", "a", "an", "of", "is", "was", "not", "api":
		if n := threeDigits(t); n >= 400 && len(t) == 3 {
			return m.prev != "of" && m.prev != "is" && m.prev != "was" && m.prev != "by" && m.prev != "not" || statusWord(after)
		}
	}
	return len(t) == 3 && threeDigits(t) >= 300 && (statusWord(after) || m.prev == "")
}

// statusWord reports whether the text behind a number makes it an HTTP status.
func statusWord(after string) bool {
	after = strings.TrimLeft(after, " -:(")
	for _, p := range [...]string{"Not ", "Bad ", "Internal ", "Unauthorized", "Forbidden", "Unprocessable", "Too Many", "Gateway", "Service ", "Conflict", "Gone", "Payload",
		"Request ", "error", "Error", "Client ", "Server ", "with id", "response", "status", "Method Not", "Not-", "Temporar"} {
		if strings.HasPrefix(after, p) {
			return true
		}
	}
	return false
}

// unit reports whether s is a unit that is glued to numbers.
func unit(s string) bool {
	switch lower(s) {
	case "ms", "s", "m", "h", "d", "w", "ns", "us", "\u00b5s", "sec", "secs", "min", "mins", "hr", "hrs", "b", "kb", "mb", "gb", "tb", "kib", "mib", "gib", "k", "g",
		"bytes", "px", "th", "st", "nd", "rd", "x", "n", "wei", "gwei", "eth", "%", "mi", "gi", "ki", "usd", "vcpu", "am", "pm", "z", "tokens":
		return true
	}
	return false
}

// compound reports whether t is a duration such as 1m30.5s.
func compound(t string) bool {
	for i := 0; i < len(t); i++ {
		if c := t[i]; !isDigit(c) && c != '.' && c != 'h' && c != 'm' && c != 's' && c != 'd' {
			return false
		}
	}
	return true
}

// assign handles key=value.
func (m *masker) assign(t string) {
	key, val, _ := strings.Cut(t, "=")
	m.ident(strings.TrimLeft(key, "-"))
	m.out = append(m.out, '=')
	m.announce(lower(lastName(key)))
	if val != "" {
		m.token(val, "", "")
	}
}

// colon handles tokens joined by colons: file:line:col, host:port, key:value, a::b.
func (m *masker) colon(t, tail, after string) {
	head, rest, _ := strings.Cut(t, ":")
	if fileExt(head) != "" && numeric(rest) {
		m.path(head)
		return
	}
	holes := 0
	n := 0
	for p := range strings.SplitSeq(t, ":") {
		if p != "" {
			n++
			if hasDigit(p) && (allDigits(p) || randomish(p)) {
				holes++
			}
		}
	}
	if holes >= 2 || n > 1 && holes == n {
		m.hole()
		return
	}
	first := true
	for p := range strings.SplitSeq(t, ":") {
		if !first {
			m.out = append(m.out, ':')
		}
		first = false
		if p != "" {
			m.token(p, "", after)
		}
	}
	_ = tail
}

// at handles addresses, mentions, packages with versions.
func (m *masker) at(t string) bool {
	i := strings.IndexByte(t, '@')
	switch {
	case i == 0 && strings.IndexByte(t, '/') > 0: // a scoped package
		if j := strings.IndexByte(t[1:], '@'); j > 0 {
			m.keep(t[:j+1])
			m.hole()
			return true
		}
		m.keep(t)
	case i == 0:
		m.hole()
	case t[i-1] == '/' && strings.IndexByte(t[i:], '/') > 0: // a scoped package on a registry
		m.keep(t)
	case strings.IndexByte(t[i:], '.') > 0 && !isDigit(t[i+1]) && !strings.ContainsAny(t, "/:"): // an email address
		m.hole()
	case isDigit(t[min(i+1, len(t)-1)]) || t[min(i+1, len(t)-1)] == '^' || t[min(i+1, len(t)-1)] == 'v': // pkg@1.2.3
		m.token(t[:i], "", "")
		m.hole()
	case strings.Count(t[:i], "/") == 1 && !strings.Contains(t[:i], ":"): // owner/repo@ref
		m.hole()
	default:
		m.token(t[:i], "", "")
		m.hole()
	}
	return true
}
