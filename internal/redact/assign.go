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
	if v == "" || isPlaceholder(v) || !f.worthy(v, i, how, c, key) {
		return
	}
	f.add(i, end, kindOf(c), rankContext)
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
		case c == '(':
			stop := strings.IndexByte(s[i:min(len(s), i+24)], ')')
			if stop < 2 || !letters(alnum+"_*=. ").all(s[i+1:i+stop]) {
				return i
			}
			i += stop + 1
			continue
		case strings.IndexByte("bBurRf@$L", c) >= 0 && (s[i+1] == '"' || s[i+1] == '\''):
			return i + 1
		case c == '[' && f.quotes(i+1) > i+1 && !strings.HasPrefix(s[i:], "[]"):
			return i + 1
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
	case "required", "optional", "hidden", "plain", "credentials", "text", "current-password", "new-password", "disabled", "enabled", "failed", "success", "expired", "unauthorized", "forbidden", "denied", "wrong", "incorrect", "length":
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

// worthy reports whether a value without blanks looks like what its key promises.
func (f *finder) worthy(v string, at int, how form, c class, key string) bool {
	s := shapeOf(v)
	next := byte(0)
	if at+len(v) < len(f.s) {
		next = f.s[at+len(v)]
	}
	bare := at == 0 || f.s[at-1] != '"' && f.s[at-1] != '\'' && f.s[at-1] != '`'
	if isAddress(v) || strings.Contains(v, "://") || bare && isExpression(v, next, how) || isPath(v) || v[0] == '-' && how == formFlag {
		return false
	}
	for _, p := range []string{"sha256=", "sha1=", "sha256:", "sha512-", "sha256-", "sha384-", "sha1:", "h1:", "arn:"} {
		if strings.HasPrefix(v, p) {
			return false
		}
	}
	if (c != pass || bare && how != formTight && how != formFlag) && name.all(v) && (isCode(v) || len(v) <= 24 && s.turns <= 2) && judgeKey(v) != harmless {
		return false // the name of another secret
	}
	switch c {
	case pass:
		if strings.HasSuffix(key, "PWD") && (v[0] == '/' || v[0] == '~') || len(v) < 18 && len(v) > 2 && v[:2] == "0x" && hexes.all(v[2:]) {
			return false
		}
		return worthyPass(v, s, how, bare, key) || how == formLoose && bare && digitsInside(v) && !algorithms[lowered(v)] && f.wholeLine(at, at+len(v))
	case strong:
		return worthySecret(v, s, how, key)
	case phrase:
		return random(v) && name.all(v) || s.digits > 0 && hexes.all(v) && len(v) >= 32
	}
	return worthyWeak(v, key, how)
}

// isExpression reports whether a value without quotes is code: a call, an index, a literal.
func isExpression(v string, next byte, how form) bool {
	if next == '(' || next == '[' || next == '{' {
		return true
	}
	i := strings.IndexAny(v, "([{")
	if i < 0 {
		return false
	}
	if how == formTight || how == formFlag { // passwords in files may hold brackets
		return i > 0 && (isLetter(v[i-1]) || v[i-1] == ')') && strings.IndexAny(v[i:], ")]}") > 0 || i == len(v)-1 && isCode(v)
	}
	return true
}

// algorithms have names that read like passwords of words and digits.
var algorithms = set(`oauth1 oauth2 base32 base64 utf8 utf16 md5 sha1 sha256 sha384 sha512 argon2 argon2i argon2d argon2id pbkdf2 hs256 rs256 es256 aes128 aes256 x509 ed25519 x25519`)

// digitsInside reports whether v has digits between letters, which names in a program seldom have.
func digitsInside(v string) bool {
	first := strings.IndexAny(v, digits)
	if first < 1 || !isLetter(v[first-1]) {
		return false
	}
	rest := strings.TrimLeft(v[first:], digits)
	return rest != "" && isLetter(rest[0])
}

// wholeLine reports whether the value s[at:end] ends its line and only its key stands before it, as in a file of settings
// and not in code or prose.
func (f *finder) wholeLine(at, end int) bool {
	s := f.s
	for end < len(s) && (s[end] == ' ' || s[end] == '\t') {
		end++
	}
	if end < len(s) && s[end] != '\n' && s[end] != '\r' && s[end] != '#' {
		return false
	}
	from := max(0, at-2*maxKey)
	from += strings.LastIndexByte(s[from:at], '\n') + 1
	words := strings.Fields(strings.Trim(s[from:at], " \t:=>[]"))
	return len(words) <= 3 && keyChars.all(strings.Join(words, ""))
}

func worthyPass(v string, s shape, how form, bare bool, key string) bool {
	lettersOnly := s.digits == 0 && s.others == 0
	special := s.others > 0 && !isSlug(v)
	switch how {
	case formBlank:
		if s.digits == 0 { // as people are made to choose them
			return len(v) >= 8 && s.uppers > 0 && s.lowers > 0 && strings.ContainsAny(v[1:len(v)-1], "!#$%&*^")
		}
		return len(v) >= 6 && s.lowers+s.uppers > 0 && (special || s.turns > 1 || s.uppers > 0 && s.lowers > 0) && !isVersion(v)
	case formLoose:
		if algorithms[lowered(v)] || bare && isCode(v) && s.digits < 3 && !special || lettersOnly || s.digits == 0 && strings.Trim(v, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ._?!$[]") == "" {
			return s.swings > 4 && len(v) >= 10
		}
		if isNumber(v) {
			return len(v) >= 6 && !strings.EqualFold(key, "pass")
		}
		return len(v) >= 4 && (special || s.digits > 0)
	}
	if isNumber(v) {
		return len(v) >= 4 && !strings.EqualFold(key, "pass")
	}
	if lettersOnly {
		return len(v) >= 5 && !isTypeName(v) && !isProse(v)
	}
	return len(v) >= 3
}

// isVersion reports whether v is v1, 2.0 and the like.
func isVersion(v string) bool {
	return len(v) < 12 && strings.Trim(strings.TrimPrefix(strings.ToLower(v), "v"), "0123456789.") == ""
}

func worthySecret(v string, s shape, how form, key string) bool {
	if len(v) < 8 || isNumber(v) || s.digits == 0 && s.others == 0 && s.swings < 4 && !(how == formTight && len(v) >= 16) {
		return false
	}
	if isCode(v) || len(v) < 24 && v[:2] == "0x" && hexes.all(v[2:]) {
		return false
	}
	if len(v) > 40 && (v[:2] == "0x" || v[:2] == "0X") && hexes.all(v[2:]) {
		return !strings.HasSuffix(strings.ToLower(key), "token")
	}
	if how == formBlank || how == formList {
		return len(v) >= 12 && random(v) && !isSlug(v) || len(v) >= 32 && hexes.all(v) || isUUID(v)
	}
	if isSlug(v) {
		return isUUID(v) || random(v) || s.swings > 5 && len(v) >= 16
	}
	return s.digits > 0 && s.lowers+s.uppers > 0 || s.swings > 3 || s.others > 1 && len(v) >= 12 && s.distinct >= 8
}

func worthyWeak(v, key string, how form) bool {
	if strings.HasSuffix(strings.ToLower(key), "id") && (len(v) < 24 || strings.Contains(v, "-")) {
		return false
	}
	if len(v) < 16 || isUUID(v) || !random(v) || isSlug(v) || strings.HasPrefix(v, "0x") && hexes.all(v[2:]) {
		return false
	}
	if key == "code" {
		return true
	}
	if how == formBlank {
		s := shapeOf(v)
		return len(v) >= 20 && s.uppers > 1 && s.lowers > 1 && !isSlug(v) && !strings.ContainsAny(v, "/.:")
	}
	if isDigest(v) {
		return isConstantName(key) && how == formTight && strings.HasSuffix(key, "KEY")
	}
	words := 0
	for p := range strings.FieldsFuncSeq(v, func(r rune) bool { return r == '-' || r == '_' || r == '.' || r == '/' || r == ':' }) {
		if sp := shapeOf(p); sp.digits == 0 && sp.swings < 2 && len(p) >= 3 {
			words++
		}
	}
	return words < 2 && how != formList
}

// isPath reports whether v is a path of a file.
func isPath(v string) bool {
	if strings.HasPrefix(v, "./") || strings.HasPrefix(v, "../") || strings.HasPrefix(v, "~/") || len(v) > 2 && v[1] == ':' && v[2] == '\\' {
		return true
	}
	l := lowered(v)
	for _, e := range []string{".pem", ".key", ".json", ".txt", ".ts", ".js", ".go", ".py", ".crt", ".env", ".yml", ".yaml", ".md", ".sh", ".toml", ".log"} {
		if strings.HasSuffix(l, e) {
			return true
		}
	}
	return v[0] == '/' && strings.Count(v, "/") >= 2 && isSlug(v)
}
