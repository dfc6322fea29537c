package redact

import "strings"

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
		if strings.IndexByte(v, ')') >= 0 && strings.IndexByte(v, '(') < 0 { // the brackets are the sentence's
			return false
		}
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
	if how == formBlank && (len(v) == 16 || len(v) == 40) && letters("0123456789ABCDEF").all(v) {
		return false // the id of an OpenPGP key
	}
	if how == formBlank || how == formList {
		if isUUID(v) {
			return how == formList
		}
		return len(v) >= 12 && random(v) && !isSlug(v) || len(v) >= 32 && hexes.all(v)
	}
	if isSlug(v) {
		return isUUID(v) || random(v) || s.swings > 5 && len(v) >= 16
	}
	return s.digits > 0 && s.lowers+s.uppers > 0 || s.swings > 3 || s.others > 1 && len(v) >= 12 && s.distinct >= 8
}

func worthyWeak(v, key string, how form) bool {
	if strings.HasSuffix(strings.ToLower(key), "id") && len(v) < 24 {
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
	l := v[:min(len(v), 256)]
	l = strings.ToLower(l[max(0, len(l)-16):])
	for _, e := range []string{".pem", ".key", ".json", ".txt", ".ts", ".js", ".go", ".py", ".crt", ".env", ".yml", ".yaml", ".md", ".sh", ".toml", ".log"} {
		if strings.HasSuffix(l, e) {
			return true
		}
	}
	return v[0] == '/' && strings.Count(v, "/") >= 2 && isSlug(v)
}
