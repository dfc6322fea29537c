package redact

import "strings"

// A form is how a key and its value are joined.
type form int

const (
	formNone  form = iota
	formTight      // key=value
	formLoose      // key: value, key = value
	formFlag       // --key value
	formBlank      // key value, in prose
	formList       // "key", "value" and key("value")
	formTag        // <key>value</key>
)

const maxKey = 80

// keyAt judges the identifier around a key word that ends at end, and the value beside it.
func (f *finder) keyAt(end int) {
	s := f.s
	p := end - 1
	for !keyChars[s[p]] {
		p--
	}
	if p < f.key {
		return
	}
	start := keyChars.back(s, p, maxKey)
	to := keyChars.run(s[:min(len(s), p+maxKey)], p)
	f.key = to
	if to-start >= maxKey || strings.HasSuffix(s[:start], "[REDACTED:") {
		return
	}
	start = f.trimKey(start, p)
	for to > p && (s[to-1] == '-' || s[to-1] == '.' || s[to-1] == '$') {
		to--
	}
	key := s[start:to]
	f.pair(start, to)
	f.behind(start, to)
	at, how := f.separator(start, to)
	if how == formNone || to < len(s) && s[to] == '\t' {
		f.table(start, to)
	}
	if how == formNone {
		return
	}
	if how != formTight && how != formTag {
		key = f.phraseBefore(start) + key
	}
	c := judgeKey(key)
	if how == formList && isSigner(key) {
		c = strong
	} else if c == harmless && (key == "code" || key == "key") && how == formTight && start > 0 && (s[start-1] == '?' || s[start-1] == '&') {
		c = weak
	} else if c == harmless && how == formBlank && (key == "key" || strings.HasSuffix(key, " key")) && isMentioned(key) {
		c = weak
	}
	if c == harmless || how == formLoose && (key == "PASS" || key == "Pass") || how == formTight && start > 0 && s[start-1] == ':' && s[at-1] == ':' { // arn:aws:secret:x
		return
	}
	if how == formTight && start > 0 && at < len(s) && s[at] == s[start-1] && s[at-1] != s[at] && strings.IndexByte("\"'`", s[at]) >= 0 {
		return // the quote ends a string that holds only the key: "PWD="
	}
	f.value(at, how, c, key)
}

// isSigner reports whether key is what makes a signer of a private key: new Wallet("..."), privateKeyToAccount("...").
func isSigner(key string) bool {
	l := strings.ToLower(key)
	return strings.HasSuffix(l, "wallet") || strings.Contains(l, "privatekeyto")
}

// isMentioned reports whether prose speaks of a key to something: with key, using key.
func isMentioned(key string) bool {
	switch strings.TrimSuffix(strings.ToLower(key), "key") {
	case "", "using ", "provided ", "wrong ", "bad ", "valid ", "my ", "our ", "this ", "that ":
		return true
	}
	return false
}

// trimKey drops what an escape or a colour put before a key.
func (f *finder) trimKey(start, p int) int {
	s := f.s
	if start > 0 && start < p && s[start-1] == '\\' && (s[start] == 'n' || s[start] == 't' || s[start] == 'r') {
		return start + 1
	}
	if from := letters(digits+";").back(s, start, 12); from > 1 && s[from-1] == '[' && s[from-2] == 0x1b {
		if m := strings.IndexByte(s[start:p], 'm'); m >= 0 {
			return start + m + 1
		}
	}
	flag := start
	for start < p && (s[start] == '-' || s[start] == '.') {
		start++
	}
	if flag+1 == start && start < p && s[start] == 'D' && isLetter(s[start+1]) { // java -Dkey=value
		start++
	}
	return start
}

// phraseBefore returns the word before a key, if it belongs to it: "api key", "public key", "seed phrase".
func (f *finder) phraseBefore(start int) string {
	s := f.s
	if start < 3 || s[start-1] != ' ' || !isLetter(s[start-2]) {
		return ""
	}
	from := keyChars.back(s, start-1, 24)
	switch w := s[from : start-1]; strings.ToLower(w) {
	case "in", "at", "for", "the", "of", "to", "set", "from", "export", "const", "let", "var", "with", "no", "and", "or", "invalid", "missing", "expired":
		return ""
	default:
		return w + " "
	}
}

// quotes returns the end of a quote with its backslashes that starts at i, or i.
func (f *finder) quotes(i int) int {
	j := i
	for j < len(f.s) && f.s[j] == '\\' && j-i < 16 {
		j++
	}
	if j < len(f.s) && (f.s[j] == '"' || f.s[j] == '\'' || f.s[j] == '`') {
		return j + 1
	}
	return i
}

// blanks skips blanks and colours from i.
func (f *finder) blanks(i int) int {
	for i < len(f.s) {
		switch {
		case f.s[i] == ' ' || f.s[i] == '\t' || f.s[i] == 0xc2 && i+1 < len(f.s) && f.s[i+1] == 0xa0:
			i++
		case f.s[i] == 0xa0:
			i++
		case f.s[i] == 0x1b && i+1 < len(f.s) && f.s[i+1] == '[':
			j := i + 2
			for j < len(f.s) && (isDigit(f.s[j]) || f.s[j] == ';') {
				j++
			}
			if j >= len(f.s) || f.s[j] != 'm' && f.s[j] != 'K' {
				return i
			}
			i = j + 1
		case f.s[i] == '\\' && f.colourText(i) > i:
			i = f.colourText(i)
		default:
			return i
		}
	}
	return i
}

// colourText returns the end of a colour written as text, \033[32m, that begins at i, or i.
func (f *finder) colourText(i int) int {
	for _, p := range []string{`\033[`, `\x1b[`, `\x1B[`, `\u001b[`, `\u001B[`, `\e[`} {
		if strings.HasPrefix(f.s[i:], p) {
			j := i + len(p)
			for j < len(f.s) && (isDigit(f.s[j]) || f.s[j] == ';') {
				j++
			}
			if j < len(f.s) && f.s[j] == 'm' {
				return j + 1
			}
		}
	}
	return i
}

// separator finds what joins the key s[start:end] to its value. It returns where the value begins and the form.
func (f *finder) separator(start, end int) (int, form) {
	s := f.s
	i := f.quotes(f.blanksColour(end))
	quoted := i > end && s[i-1] != 'm'
	if i < len(s) && s[i] == ']' {
		i++
	}
	if i+1 < len(s) && (s[i] == '?' || s[i] == '!') && s[i+1] == ':' {
		i++
	}
	if at, ok := f.namedValue(start, i, quoted); ok {
		return at, formLoose
	}
	after := f.blanks(i)
	if after >= len(s) {
		return 0, formNone
	}
	switch c := s[after]; {
	case c == ':':
		if at := f.typed(after + 1); at > 0 && !quoted {
			return at, formLoose
		}
		return f.afterColon(after, quoted)
	case c == '=':
		return f.afterEqual(i, after, quoted)
	case strings.IndexByte("?+|", c) >= 0 && f.assigns(after) > 0:
		return f.assigned(after)
	case c == '>' && start > 0 && (s[start-1] == '<' || s[start-1] == ':' && after == i):
		return after + 1, formTag
	case f.pointed(after) > 0:
		return f.pointed(after), formLoose
	case after > i && f.opensTag(start) && isLetter(c): // <key type="x">value</key>
		if stop := strings.IndexAny(s[after:min(len(s), after+120)], "<>\n"); stop > 0 && s[after+stop] == '>' && s[after+stop-1] != '/' {
			return after + stop + 1, formTag
		}
	case c == '|' && (after > i && f.inTable(start) || after == i && !quoted && (start == 0 || s[start-1] == '\n')):
		return f.blanks(after + 1), formLoose
	case c == '.' && after > i && f.quotes(f.blanks(after+1)) > after+2: // a pair in Lisp
		return f.blanks(after + 1), formList
	case c == ',' && (quoted || start > 0 && s[start-1] == ':'):
		at := f.blanks(after + 1)
		if f.quotes(at) > at {
			return at, formList
		}
	case c == '(' && after == i && !quoted:
		if f.quotes(after+1) > after+1 && !getter(s[start:end]) {
			return after + 1, formList
		}
	case (c == '[' || c == '(') && after > i && !quoted:
		if colon := f.hint(after); colon > 0 { // a prompt: Secret Access Key [None]: value
			return f.afterColon(colon, false)
		}
	case after > i && after-i <= 8 && !quoted:
		if start > 0 && s[start-1] == '-' {
			return after, formFlag
		}
		return f.afterBlank(start, end, after)
	}
	return 0, formNone
}

// hint returns the colon behind a word in brackets that begins at i, 0 if there is none.
func (f *finder) hint(i int) int {
	to := keyChars.run(f.s[:min(len(f.s), i+24)], i+1)
	if to > i+1 && to+1 < len(f.s) && (f.s[to] == ']' || f.s[to] == ')') && f.s[to+1] == ':' {
		return to + 1
	}
	return 0
}

// blanksColour skips a colour that ends a key.
func (f *finder) blanksColour(i int) int {
	if i < len(f.s) && f.s[i] == 0x1b {
		return f.blanks(i)
	}
	return i
}

func (f *finder) afterColon(at int, quoted bool) (int, form) {
	s := f.s
	i := at + 1
	if i < len(s) && s[i] == ':' { // LDIF
		i++
	}
	if i < len(s) && s[i] == '=' {
		i++
	}
	if strings.HasPrefix(s[i:], "//") {
		return 0, formNone
	}
	how := formLoose
	if i < len(s) && !spaces[s[i]] && !quoted {
		how = formTight
	}
	i = f.blanks(i)
	if quoted && i < len(s) && (s[i] == '\n' || s[i] == '\r') {
		if next := spaces.run(s[:min(len(s), i+80)], i); f.quotes(next) > next {
			return next, how
		}
	}
	return i, how
}

func (f *finder) afterEqual(i, at int, quoted bool) (int, form) {
	s := f.s
	tight, arrow := at == i, strings.HasPrefix(s[at:], "=>")
	at++
	for at < len(s) && (s[at] == '=' || s[at] == '>') && at < i+5 {
		tight = false
		at++
	}
	if strings.HasPrefix(s[min(at, len(s)):], "~ ") {
		return 0, formNone
	}
	if tight && at < len(s) && !spaces[s[at]] {
		return at, formTight
	}
	at = f.blanks(at)
	if arrow && at < len(s) && s[at] == '\n' { // PHP prints the value on a line of its own
		at = f.blanks(at + 1)
	}
	return at, formLoose
}

// afterBlank judges a key with only blanks behind it: netrc, configuration files, SQL, prose.
func (f *finder) afterBlank(start, end, at int) (int, form) {
	key := f.s[start:end]
	if value, how := f.described(at); how != formNone {
		return value, how
	}
	if isIdentifier(key) {
		if said := f.announced(at); said > at {
			return said, formLoose
		}
	}
	at = f.linked(at)
	if at < len(f.s) && f.s[at] == '[' { // resolved to [x]
		at++
	}
	switch strings.ToLower(key) {
	case "rootpw":
		return f.valueFlag(at), formFlag
	case "requirepass", "masterauth", "bindpw", "storepass", "keypass":
		return at, formFlag
	case "auth":
		if to := urlToken.run(f.s[:min(len(f.s), at+reach/4)], at); key == "AUTH" && f.wholeLine(at, to) { // as Redis is told it
			return at, formFlag
		}
		return 0, formNone
	case "pass", "pw": // the verb has a capital, or code behind it
		if key[0] == 'p' && f.quotes(at) > at && f.s[f.quotes(at)-1] != '`' {
			return at, formBlank
		}
		return 0, formNone
	case "session", "signature", "login", "sid", "cookie", "cookies":
		return 0, formNone
	case "password", "passwd":
		from := max(0, start-160)
		if i := strings.LastIndexByte(f.s[from:start], '\n'); i >= 0 {
			from += i
		}
		if l := f.s[from:start]; strings.Contains(l, "login ") || strings.Contains(l, "machine ") || strings.Contains(l, "user ") {
			return at, formFlag
		}
	}
	if isConstantName(key) {
		return f.valueFlag(at), formFlag
	}
	return at, formBlank
}

// namedValue finds the value of a pair whose key is itself a value: name: KEY, value: x.
func (f *finder) namedValue(start, i int, quoted bool) (int, bool) {
	s := f.s
	if !quoted && start > 0 && s[start-1] != ' ' && s[start-1] != '\n' && s[start-1] != '>' {
		return 0, false
	}
	j := i
	if strings.HasPrefix(s[j:], "</") { // <key>password</key><string>x</string>
		stop := strings.IndexByte(s[j:min(len(s), j+40)], '>')
		if stop < 0 {
			return 0, false
		}
		j = spaces.run(s, j+stop+1)
		if j >= len(s) || s[j] != '<' || j+1 < len(s) && s[j+1] == '/' {
			return 0, false
		}
		stop = strings.IndexByte(s[j:min(len(s), j+40)], '>')
		return j + stop + 1, stop >= 0
	}
	for j < len(s) && j-i < 40 && (spaces[s[j]] || s[j] == ',' || s[j] == ';' || s[j] == '\\' || s[j] == '"' || s[j] == '\'' || s[j] == '-' || s[j] == '{' || s[j] == ':') {
		if s[j] == '\\' && j+1 < len(s) && s[j+1] == 'n' {
			j++
		}
		j++
	}
	word := valueWord(s[j:])
	if j == i || word == 0 {
		return 0, false
	}
	j = f.blanks(f.quotes(j + word))
	if j >= len(s) || s[j] != ':' && s[j] != '=' {
		return 0, false
	}
	return f.blanks(j + 1), true
}

// valueWord returns the length of the word at the start of s that announces the value of what was named before it: in
// a list of names and values (value, ParameterValue), or in a Terraform variable. 0 if there is none.
func valueWord(s string) int {
	n := word.run(s[:min(len(s), 24)], 0)
	if w := strings.ToLower(s[:n]); w == "default" || strings.HasSuffix(w, "value") {
		return n
	}
	return 0
}
