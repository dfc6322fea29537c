package redact

import "strings"

// value finds the value that begins at i, judges it and notes it if it is a secret.
func (f *finder) value(i int, how form, c class, key string) {
	s := f.s
	i = f.unwrap(i)
	if i >= len(s) {
		return
	}
	if c == header {
		f.authorization(i)
		return
	}
	if c == cookies {
		f.cookies(i)
		return
	}
	if how == formTag {
		f.tag(i, c, key)
		return
	}
	if open := f.quotes(i); open > i {
		end := f.closing(i, open)
		f.quoted(open, end, how, c, key)
		return
	}
	if how == formList {
		return
	}
	if start, end := f.block(i, how); end > start {
		f.add(start, end, kindOf(c), rankContext)
		return
	}
	if c == phrase || c == strong {
		if f.bytesOrWords(i, c) {
			return
		}
	}
	end := f.bare(i, how)
	v := s[i:min(end, i+512)]
	if c == strong || c == pass || c == weak {
		if w := schemeLen(s[i:]); w > 0 && how != formBlank {
			f.authorization(i)
			return
		}
	}
	if next := f.blanks(end); how == formLoose && next > end && f.quotes(next) > next && letters(lower+upper+"-").all(v) {
		return // called with what is in the quotes: ConvertTo-SecureString "x"
	}
	if v == "" || how != formTight && ownKey(v) || !f.worthy(v, i, how, c, key) || isPlaceholder(v) {
		return
	}
	f.add(i, end, kindOf(c), rankContext)
}

// ownKey reports whether what follows a key is a key with a value itself, as in "bad signature: secret=x": that one is judged alone.
func ownKey(v string) bool {
	key, value, ok := strings.Cut(v, "=")
	return ok && strings.Trim(value, "=") != "" && keyChars.all(key) && judgeKey(key) != harmless
}

// tag judges the text of an XML element that begins at i.
func (f *finder) tag(i int, c class, key string) {
	s := f.s
	if strings.HasPrefix(s[i:], "<![CDATA[") {
		i += len("<![CDATA[")
	}
	end := strings.IndexAny(s[i:min(len(s), i+reach/2)], "<")
	if end <= 0 || !strings.HasPrefix(s[i+end:], "</") {
		return
	}
	v := strings.TrimSuffix(strings.TrimSpace(s[i:i+end]), "]]>")
	at := i + strings.Index(s[i:], v)
	f.quoted(at, at+len(v), formTag, c, key)
}

func kindOf(c class) string {
	switch c {
	case pass:
		return "password"
	case phrase:
		return "seed-phrase"
	case header:
		return "authorization"
	case cookies:
		return "cookie"
	}
	return "secret"
}

var wrappers = []string{"string", "some", "secret", "secretstr", "just", "ok", "optional", "buffer.from", "token", "newtype", "redacted", "bytes", "atob", "b64decode", "uint8array", "bytearray", "base64", "value", "password", "text", "string.raw"}

// unwrap skips what printers put before a value: (string) (len=40) "x", Some("x"), b'x', new String("x").
func (f *finder) unwrap(i int) int {
	s := f.s
	for range 4 {
		i = f.blanks(i)
		if i+1 >= len(s) {
			return i
		}
		switch c := s[i]; {
		case strings.HasPrefix(s[i:], "›"): // a prompt
			i += len("›")
			continue
		case c == '<':
			if stop := anyB64.run(s[:min(len(s), i+512)], i+1); stop < len(s) && s[stop] == '>' && stop-i > 24 && random(s[i+1:stop]) {
				return i + 1
			}
		case c == '(':
			stop := strings.IndexByte(s[i:min(len(s), i+24)], ')')
			if stop < 2 || !letters(alnum+"_*=. ").all(s[i+1:i+stop]) {
				return i
			}
			i += stop + 1
			continue
		case strings.IndexByte("bBurRf@$L", c) >= 0 && (s[i+1] == '"' || s[i+1] == '\''):
			return i + 1
		case c == '[':
			if at := spaces.run(s[:min(len(s), i+80)], i+1); f.quotes(at) > at { // a list, its first value perhaps on the next line
				return at
			}
		case isLetter(c):
			end := keyChars.run(s[:min(len(s), i+16)], i)
			if end < len(s) && (s[end] == '(' || s[end] == '[') {
				l := strings.ToLower(s[i:end])
				for _, w := range wrappers {
					if l == w {
						return f.afterCount(f.blanks(end + 1))
					}
				}
			}
			if strings.HasPrefix(s[i:], "new ") {
				i += 4
				continue
			}
		case c == '!' && s[i+1] == '!':
			if blank := strings.IndexByte(s[i:min(len(s), i+16)], ' '); blank > 0 {
				i += blank
				continue
			}
		}
		return i
	}
	return i
}

// afterCount skips the rest of string(40).
func (f *finder) afterCount(i int) int {
	j := i
	for j < len(f.s) && isDigit(f.s[j]) {
		j++
	}
	if j > i && j < len(f.s) && f.s[j] == ')' {
		return f.blanks(j + 1)
	}
	return i
}

// closing returns where the value in the quote s[from:open] ends: at the same quote with no more backslashes.
func (f *finder) closing(from, open int) int {
	s := f.s
	quote, level := s[open-1], open-1-from
	limit := min(len(s), open+reach/2)
	for i := open; i < limit; i++ {
		switch s[i] {
		case quote:
			n := 0
			for i-1-n >= open && s[i-1-n] == '\\' {
				n++
			}
			if n <= level {
				return i - n
			}
			if level == 0 && n%2 == 0 {
				return i
			}
		case '\n':
			if quote != '`' {
				return i
			}
		}
	}
	return limit
}

// quoted judges a value whose ends are certain.
func (f *finder) quoted(start, end int, how form, c class, key string) {
	v := f.s[start:end]
	if trimmed := strings.TrimRight(v, "\r"); len(trimmed) < len(v) {
		v, end = trimmed, start+len(trimmed)
	}
	if n := schemeLen(v); n > 0 && (c == strong || c == weak || c == pass) {
		start += n
		v = f.s[start:end]
	}
	if v == "" || isPlaceholder(v) || strings.Contains(v, "[REDACTED") {
		return
	}
	if strings.ContainsAny(v, " \t") {
		if c == phrase && wordList(v) || c == pass && !isProse(v) && len(v) <= 80 && !strings.Contains(v, "=") && how != formBlank && how != formList {
			f.add(start, end, kindOf(c), rankContext)
		}
		return
	}
	switch c {
	case pass:
		if how == formBlank || how == formList {
			if len(v) < 6 || isSlug(v) && !mixed(v) {
				return
			}
		}
		if len(v) < 3 || isProse(v) || isNumber(v) && len(v) < 4 || len(v) < 16 && isTypeName(v) || isPath(v) {
			return
		}
	default:
		if !f.worthy(v, start, how, c, key) {
			return
		}
	}
	f.add(start, end, kindOf(c), rankContext)
}

func isTypeName(v string) bool {
	switch strings.ToLower(v) {
	case "required", "optional", "hidden", "plain", "credentials", "text", "current-password", "new-password", "disabled", "enabled", "failed", "success", "expired", "unauthorized", "forbidden", "denied", "wrong", "incorrect", "length", "stdin", "prompt":
		return true
	}
	return false
}

// bare returns where a value without quotes that begins at i ends.
func (f *finder) bare(i int, how form) int {
	if i < f.bareFrom || i >= f.bareTo {
		f.bareFrom, f.bareTo = i, f.terminator(i)
	}
	return f.trimBare(i, f.bareTo, how)
}

// terminator returns the first place from i on that cannot be of a value without quotes.
func (f *finder) terminator(i int) int {
	s := f.s
	limit := min(len(s), i+reach/4)
	for j := i; j < limit; j++ {
		c := s[j]
		switch {
		case c <= ' ' || c == '"' || c == '\'' || c == '`' || c == 0x7f:
			return j
		case c == '\\' && j+1 < limit && (strings.IndexByte("nrtu\"'\\x", s[j+1]) >= 0 || f.colourText(j) > j):
			return j
		case strings.IndexByte(",;&|)]}<>", c) >= 0 && f.stops(j):
			return j
		case c == '[' && strings.HasPrefix(s[j:], "[REDACTED"):
			return j
		}
	}
	return limit
}

// stops reports whether the punctuation at j ends a value: a blank, another key or nothing follows.
func (f *finder) stops(j int) bool {
	s := f.s
	if s[j] == '<' && j+1 < len(s) && (s[j+1] == '/' || s[j+1] == 'b') {
		return true
	}
	k := j + 1
	if k >= len(s) || !isWord(s[k]) && s[k] != '$' && s[k] != '_' {
		return k >= len(s) || spaces[s[k]] || strings.IndexByte("\"'`)]},;\\/<>-&.:[{", s[k]) >= 0
	}
	end := keyChars.run(s[:min(len(s), k+40)], k)
	return end < len(s) && (s[end] == '=' || s[end] == ':' || s[j] == '&' && s[end] == '&') || s[j] == '&' && (end == len(s) || spaces[s[end]])
}

// trimBare drops the punctuation of the sentence around a value.
func (f *finder) trimBare(i, j int, how form) int {
	for j > i {
		c := f.s[j-1]
		if c == ',' || c == ';' || (how == formBlank || how == formLoose) && (c == '.' || c == ':' || c == ')' && strings.IndexByte(f.s[i:j], '(') < 0) {
			j--
			continue
		}
		break
	}
	return j
}
