package redact

import "strings"

// links are what stands between a value and what it is called behind it: "x is the api key", "x # token".
var links = set(`is was as being = # // -- <- <-- ← — – ist es est era`)

// fillWords may stand between a link and the key.
var fillWords = set(`the a an my our your his her its their this that new old used current actual real plain raw der die das la le el il mein`)

// afterWords may stand right behind a key that names the value before it; any other word says that something of the key is meant: "the token service".
var afterWords = set(`of for to in from on at and but or which that we you they he she i it used here now please so because with by`)

// hashWords, before a value, say what it is.
var hashWords = set(`commit sha sha1 sha256 digest revision rev tree blob object hash checksum id uuid fingerprint`)

// behind judges the value before the key s[start:to], if it names it from behind.
func (f *finder) behind(start, to int) {
	s := f.s
	if start < 12 || s[start-1] != ' ' && s[start-1] != '(' {
		return
	}
	words := f.phraseBefore(start)
	key := words + s[start:to]
	c := judgeKey(key)
	if c != strong && c != pass || strings.HasSuffix(lowered(key), "signature") {
		return
	}
	if start -= len(words); start == 0 {
		return
	}
	floor := max(0, start-lookBehind/2)
	floor += strings.LastIndexByte(s[floor:start], '\n') + 1
	end, linked := start, false
	if s[start-1] == '(' { // x (api key)
		if to >= len(s) || s[to] != ')' {
			return
		}
		end, linked = start-1, true
	}
	for range 5 {
		for end > floor && (s[end-1] == ' ' || s[end-1] == '\t') {
			end--
		}
		from := end
		for from > floor && s[from-1] != ' ' && s[from-1] != '\t' {
			from--
		}
		switch w := strings.ToLower(s[from:end]); {
		case linked && !links[w] && !fillWords[w]:
			f.called(from, end, to, c)
			return
		case links[w]:
			linked = true
		case !fillWords[w]:
			return
		}
		end = from
	}
}

// called judges the value s[from:end], whose key ends at to.
func (f *finder) called(from, end, to int, c class) {
	s := f.s
	next := letters(lower).run(s, min(len(s), to+1))
	if to < len(s) && s[to] == ' ' && next > to+1 && !afterWords[s[to+1:next]] {
		return
	}
	if hashWords[strings.ToLower(strings.Trim(f.wordBefore(from), ":=\"'"))] {
		return
	}
	for from < end && strings.IndexByte("\"'`([{<", s[from]) >= 0 {
		from++
	}
	for end > from && strings.IndexByte("\"'`)]}>,;:", s[end-1]) >= 0 {
		end--
	}
	v := s[from:end]
	if v == "" || isPlaceholder(v) || strings.ContainsAny(v, "[=") || !f.worthy(v, from, formBlank, c, "") {
		return
	}
	f.add(from, end, kindOf(c), rankContext)
}

// verbs stand between a key and its value in a sentence: "the password was reset to x".
var verbs = []string{"is ", "was ", "of ", "value ", "= ", "'is' ", "provided: ", "given: ", "supplied: ", "received: ", "used: ", "set to ", "changed to ", "reset to ", "resolved to ", "expanded to ", "value: "}

// linked skips them from i on.
func (f *finder) linked(i int) int {
	for range 2 {
		for _, w := range verbs {
			if strings.HasPrefix(f.s[i:], w) {
				i += len(w)
				break
			}
		}
	}
	return i
}

// wordBefore returns what stands before i up to a blank.
func (f *finder) wordBefore(i int) string {
	for i > 0 && f.s[i-1] == ' ' {
		i--
	}
	from := i
	for from > 0 && i-from < 24 && f.s[from-1] > ' ' {
		from--
	}
	return f.s[from:i]
}

// described finds the value behind what says whose a key is: "password for user app: x", "the password of bob is x". The words begin at i.
func (f *finder) described(i int) (int, form) {
	s := f.s
	whose := false
	for _, w := range []string{"for ", "of ", "für ", "para ", "pour ", "de ", "voor ", "per ", "dla ", "для "} {
		whose = whose || strings.HasPrefix(s[i:], w)
	}
	if !whose {
		return 0, formNone
	}
	for range 6 {
		to := i
		for to < len(s) && to-i < 60 && s[to] > ' ' {
			to++
		}
		if to == i || to >= len(s) || s[to] != ' ' {
			return 0, formNone
		}
		w := strings.ToLower(s[i:to])
		i = to + 1
		switch {
		case strings.HasSuffix(w, ":") || w == "=":
			return f.blanks(i), formLoose
		case w == "is" || w == "was" || w == "ist" || w == "lautet" || w == "es" || w == "est":
			return f.blanks(i), formBlank
		}
	}
	return 0, formNone
}

// isConstantName reports whether a key is written as environment variables are.
func isConstantName(key string) bool {
	if len(key) < 4 || !strings.Contains(key, "_") {
		return false
	}
	for i := range len(key) {
		if !isUpper(key[i]) && key[i] != '_' && !isDigit(key[i]) {
			return false
		}
	}
	return true
}

// valueFlags stand between a name and its value: gh secret set NAME --body x, "setting NAME to x".
var valueFlags = []string{"--body ", "--value ", "--plaintext ", "-b ", "-v ", "--secret-string ", "to be unset, got ", "to equal ", "to be ", "to "}

// valueFlag finds the value behind a name that is written as environment variables are. What follows the name begins at i.
func (f *finder) valueFlag(i int) int {
	s := f.s
	for _, flag := range valueFlags {
		if strings.HasPrefix(s[i:], flag) {
			return f.blanks(i + len(flag))
		}
	}
	return i
}

// isIdentifier reports whether a key is a name in a program and no word of a sentence.
func isIdentifier(key string) bool {
	return strings.ContainsAny(key, "_-") || strings.Trim(key[1:], lower+digits) != ""
}

// announced finds the value that a few words behind a name announce: "NAME from file: x", "apiKey does not match: x", a here-string. The words begin
// at i; it returns i if they do not.
func (f *finder) announced(i int) int {
	line := f.s[i:min(len(f.s), i+48)]
	if end := strings.IndexByte(line, '\n'); end >= 0 {
		line = line[:end]
	}
	if at := strings.Index(line, "<<< "); at >= 0 { // a here-string
		return i + at + len("<<< ")
	}
	if at := strings.Index(line, ": "); at >= 0 && letters(lower+" ").all(line[:at]) { // NAME from file: x
		return i + at + len(": ")
	}
	return i
}

// opensTag reports whether an XML element's name, perhaps behind that of its space, begins at i.
func (f *finder) opensTag(i int) bool {
	if i > 0 && f.s[i-1] == ':' {
		i = name.back(f.s, i-1, 24)
	}
	return i > 0 && f.s[i-1] == '<'
}

// getter reports whether what is called gives or takes something, so that its argument is no value.
func getter(key string) bool {
	l := strings.ToLower(key)
	for _, w := range []string{"get", "read", "fetch", "find", "load", "lookup", "require", "has", "is", "on", "delete", "remove", "test", "describe", "create", "generate", "parse", "new"} {
		if strings.HasPrefix(l, w) {
			return true
		}
	}
	return false
}
