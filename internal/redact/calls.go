package redact

import "strings"

// pairWords are the last words of what is given a user and a password: auth("bob", "x"), auth=("bob", "x"), "auth": ["bob", "x"].
var pairWords = set(`auth credential credentials creds login ident userpass`)

// pair judges a user and a password in brackets behind the key s[start:end].
func (f *finder) pair(start, end int) {
	s := f.s
	var buf [16]string
	words := split(s[start:end], buf[:0])
	if len(words) == 0 {
		return
	}
	cookie := words[len(words)-1] == "cookie" || len(words) > 1 && words[len(words)-2] == "cookie" && words[len(words)-1] == "set"
	if !cookie && !pairWords[words[len(words)-1]] {
		return
	}
	i := f.blanks(f.quotes(end))
	if i < len(s) && (s[i] == ':' || s[i] == '=') {
		i = f.blanks(i + 1)
	}
	if i >= len(s) || s[i] != '(' && s[i] != '[' {
		f.joined(i)
		return
	}
	first := ""
	for range 3 { // Some("x"), a parameter's name
		at := f.blanks(i + 1)
		if at >= len(s) {
			return
		}
		at = f.parameterName(at)
		open := f.quotes(at)
		if open == at {
			return
		}
		to := f.closing(open-1, open)
		switch v := s[open:to]; {
		case first == "": // smtp.PlainAuth begins with an empty one
			first = v
		case cookie:
			f.cookie(first, open, to)
			return
		default:
			if len(v) >= 3 && !isPlaceholder(v) && !isProse(v) && !letters(lower+"-_").all(v) {
				f.add(open, to, "password", rankContext)
			}
			return
		}
		if i = f.blanks(min(len(s), to+1)); i >= len(s) || s[i] != ',' {
			return
		}
	}
}

// joined judges user:password in quotes that begin at i.
func (f *finder) joined(i int) {
	open := f.quotes(i)
	if open == i {
		return
	}
	to := f.closing(i, open)
	colon := strings.IndexByte(f.s[open:to], ':')
	if colon < 1 || !dotted.all(f.s[open:open+colon]) {
		return
	}
	if v := f.s[open+colon+1 : to]; len(v) >= 6 && mixed(v) && shapeOf(v).digits > 0 && !isPlaceholder(v) && !strings.ContainsAny(v, " /:") {
		f.add(open+colon+1, to, "password", rankContext)
	}
}

// parameterName skips what may stand before an argument: a parameter's name, Some(.
func (f *finder) parameterName(i int) int {
	to := name.run(f.s[:min(len(f.s), i+24)], i)
	if to > i && to < len(f.s) && strings.IndexByte("=:(", f.s[to]) >= 0 {
		return f.blanks(to + 1)
	}
	return i
}

// address judges user:password@ before the host of an address without a scheme, as the Go driver of MySQL and proxies write it. What marks
// the host ends at end.
func (f *finder) address(end int) {
	s := f.s
	at := end - 1
	for at > 0 && s[at] != '@' {
		at--
	}
	from := at
	for from > 0 && at-from < 200 && s[from-1] > ' ' && strings.IndexByte("\"'`<>=,;", s[from-1]) < 0 {
		from--
	}
	colon := strings.IndexByte(s[from:at], ':')
	if colon < 1 || strings.Contains(s[from:at], "://") {
		return
	}
	if v := s[from+colon+1 : at]; len(v) >= 3 && !isPlaceholder(v) && !isBlankWord(v) {
		f.add(from+colon+1, at, "url-password", rankFormat)
	}
}

// proxy judges the credentials of a proxy that is named without a scheme. The key ends at end.
func (f *finder) proxy(end int) {
	s := f.s
	i := f.quotes(end)
	if i < len(s) && (s[i] == ':' || s[i] == '=') {
		i++
	}
	i = f.blanks(i)
	i = f.quotes(i)
	to := f.bare(i, formTight)
	at := strings.LastIndexByte(s[i:to], '@')
	if colon := strings.IndexByte(s[i:to], ':'); at > 0 && colon > 0 && colon < at && !strings.HasPrefix(s[i+colon:], "://") {
		if v := s[i+colon+1 : i+at]; len(v) >= 3 && !isPlaceholder(v) && !isBlankWord(v) {
			f.add(i+colon+1, i+at, "url-password", rankFormat)
		}
	}
}
