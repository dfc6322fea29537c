package redact

import (
	"encoding/base64"
	"strings"
	"unicode/utf8"
)

// schemeLen returns the length of an HTTP authentication scheme with its blank at the start of v, or 0.
func schemeLen(v string) int {
	blank := strings.IndexByte(v[:min(len(v), 24)], ' ')
	if blank < 0 {
		return 0
	}
	switch strings.ToLower(v[:blank]) {
	case "bearer", "basic", "token", "digest", "negotiate", "ssws", "apikey", "api-key", "key", "bot", "pat", "jwt", "genie", "geniekey", "splunk", "ntlm", "dpop", "hawk", "x-token", "auth", "oauth", "githubtoken", "sso-key", "discogs", "kakaoak", "glpat", "private-token", "zoho-oauthtoken", "klaviyo-api-key", "shippotoken", "fpx":
		end := blank
		for end < len(v) && v[end] == ' ' {
			end++
		}
		return end
	}
	return 0
}

func isDigestScheme(v string) bool { return len(v) > 6 && strings.EqualFold(v[:6], "digest") }

// authorization judges the value of a header that carries credentials.
func (f *finder) authorization(i int) {
	s := f.s
	open := f.quotes(i)
	if max(i, open) < f.pairs {
		return
	}
	stop := min(len(s), i+reach/2)
	if open > i {
		stop = f.closing(i, open)
		i = open
	} else if strings.HasPrefix(s[i:stop], "AWS4-") || isDigestScheme(s[i:stop]) {
		if line := strings.IndexAny(s[i:stop], "\r\n"); line >= 0 {
			stop = i + line
		}
	}
	if n := schemeLen(s[i:stop]); n > 0 {
		digest := isDigestScheme(s[i:stop])
		i += n
		if digest {
			f.parameter(i, stop, "response=")
			return
		}
		if m := schemeLen(s[i:stop]); m > 0 {
			i += m
		}
	} else if strings.HasPrefix(s[i:stop], "AWS4-") {
		f.parameter(i, stop, "Signature=")
		return
	}
	end := urlToken.run(s[:stop], i)
	for end > i && (s[end-1] == '.' || s[end-1] == ':') {
		end--
	}
	v := s[i:end]
	if len(v) < 6 || isPlaceholder(v) || end < len(s) && (s[end] == '(' || s[end] == '$' || s[end] == '{') {
		return
	}
	if sh := shapeOf(v); sh.digits == 0 && sh.swings < 3 && len(v) < 24 || strings.Contains(v, "://") {
		return
	}
	f.add(i, end, "authorization", rankContext)
}

// parameter judges name=value or name="value" between i and stop.
func (f *finder) parameter(i, stop int, name string) {
	at := strings.Index(f.s[i:stop], name)
	if at < 0 {
		return
	}
	at += i + len(name)
	if open := f.quotes(at); open > at {
		at = open
	}
	end := anyB64.run(f.s[:stop], at)
	if end-at >= 16 {
		f.add(at, end, "authorization", rankContext)
	}
}

// scheme judges "Bearer x" and "Basic x" without a header before it. The scheme ends at end.
func (f *finder) scheme(end int) {
	s := f.s
	from := letters(lower+upper).back(s, end, 16)
	scheme := strings.ToLower(s[from:end])
	if end >= len(s) {
		return
	}
	at := end
	switch {
	case s[at] == ' ' || s[at] == ':' || s[at] == '=' || s[at] == '+' || s[at] == '.':
		at = f.blanks(at + 1)
	case strings.HasPrefix(s[at:], "%20"):
		at += 3
	case strings.HasPrefix(s[at:], `\ `): // as a shell is given a blank
		at += 2
	default:
		return
	}
	if open := f.quotes(at); open > at {
		at = open
	}
	to := urlToken.run(s[:min(len(s), at+reach/2)], at)
	v := strings.TrimRight(s[at:to], ".:")
	if v == "" || isPlaceholder(v) {
		return
	}
	switch scheme {
	case "bearer":
		if len(v) < 16 || !random(v) && !isUUID(v) && !(len(v) >= 32 && hexes.all(v)) {
			return
		}
	case "basic":
		if !isUserPass(v) {
			return
		}
	case "ssws", "negotiate":
		if len(v) < 40 || !random(v) {
			return
		}
	default:
		return
	}
	f.add(at, at+len(v), "authorization", rankContext)
}

// isUserPass reports whether v is user:password in base64.
func isUserPass(v string) bool {
	b, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(strings.NewReplacer("-", "+", "_", "/").Replace(v), "="))
	if err != nil || len(b) < 4 || len(v) < 8 || !utf8.Valid(b) {
		return false
	}
	for _, c := range b {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	colon := strings.IndexByte(string(b), ':')
	return colon >= 0 && colon < len(b)-1
}

// cookies judges the pairs of a Cookie or Set-Cookie header.
func (f *finder) cookies(i int) {
	s := f.s
	for i < len(s) && (s[i] == '[' || spaces[s[i]]) {
		i++
	}
	open := f.quotes(i)
	if max(i, open) < f.pairs {
		return
	}
	stop := min(len(s), i+reach/2)
	if open > i {
		stop = f.closing(i, open)
		i = open
	} else if line := strings.IndexAny(s[i:stop], "\r\n\"'`"); line >= 0 {
		stop = i + line
	}
	f.pairs = stop
	for i < stop {
		end := strings.IndexByte(s[i:stop], ';')
		if end < 0 {
			end = stop
		} else {
			end += i
		}
		if eq := strings.IndexByte(s[i:end], '='); eq > 0 {
			f.cookie(strings.TrimSpace(s[i:i+eq]), i+eq+1, end)
		}
		i = end + 1
	}
}

func (f *finder) cookie(id string, start, end int) {
	v := f.s[start:end]
	if len(v) > 1 && v[0] == '"' {
		v, start = strings.Trim(v, `"`), start+1
	}
	v = strings.TrimRight(v, "\\ ")
	switch strings.ToLower(id) {
	case "path", "domain", "expires", "max-age", "samesite", "secure", "httponly", "priority", "version", "comment":
		return
	}
	if len(v) < 6 || isPlaceholder(v) {
		return
	}
	l := strings.ToLower(id)
	named := false
	for _, w := range []string{"sess", "sid", "token", "auth", "jwt", "csrf", "xsrf", "remember", "login", "secret", "pass", "key", "identity"} {
		named = named || strings.Contains(l, w)
	}
	if !named && (len(v) < 20 || !random(v) || isUUID(v) || strings.HasPrefix(l, "_g") || strings.HasPrefix(l, "_f")) {
		return
	}
	if shapeOf(v).digits == 0 && shapeOf(v).swings < 3 {
		return
	}
	f.add(start, start+len(v), "cookie", rankContext)
}
