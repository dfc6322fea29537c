package redact

import "strings"

// userinfo judges what stands between "://", which ends at end, and the host.
func (f *finder) userinfo(end int) int {
	s := f.s
	if strings.HasPrefix(s[end:], "[REDACTED") {
		return 0
	}
	colon, at := -1, -1
	limit := min(len(s), end+2048)
	i := end
scan:
	for ; i < limit; i++ {
		switch c := s[i]; {
		case c == ':' && colon < 0:
			colon = i
		case c == '@':
			at = i
		case c <= ' ' || c == '"' || c == '\'' || c == '`' || c == '<' || c == '>':
			if c == '<' && i > end && (s[i-1] == ':' || s[i-1] == '/') {
				return 0 // a placeholder
			}
			break scan
		case c == '\\' && i+1 < limit && s[i+1] != '/' && s[i+1] != '@':
			break scan
		case c == '/' || c == '?' || c == '#':
			if c == '?' && at >= 0 || !f.rawPassword(end, colon, i) {
				break scan
			}
		case c == '$' && i+1 < limit && (s[i+1] == '{' || s[i+1] == '('), c == '{' && colon >= 0 && i == colon+1:
			return 0
		}
	}
	if at < 0 {
		return 0
	}
	if colon < 0 || colon > at {
		if v := s[end:at]; len(v) >= 16 && random(v) && !isPlaceholder(v) {
			f.add(end, at, "url-token", rankFormat)
			return at
		}
		return 0
	}
	if user := s[end:colon]; len(user) >= 20 && random(user) && !isPlaceholder(user) {
		f.add(end, colon, "url-token", rankFormat)
	}
	if v := s[colon+1 : at]; v == "" || isMask(v) || strings.Contains(v, "[REDACTED") || isBlankWord(v) || v[0] == '$' && isVariable(v) || v[0] == '[' && v[len(v)-1] == ']' {
		return 0
	}
	f.add(colon+1, at, "url-password", rankFormat)
	return at
}

// isBlankWord reports whether a URL's password is the word for one, as in documentation.
func isBlankWord(v string) bool {
	switch strings.ToLower(v[:min(len(v), 24)]) {
	case "password", "pass", "pwd", "passwd", "your-password", "your_password", "yourpassword", "secret", "token", "x-oauth-basic", "xxx", "xxxx", "xxxxx", "...", "db_password", "%s", "$password":
		return true
	}
	return len(v) > 3 && filled(v) || strings.HasPrefix(v, "&lt;") || strings.HasPrefix(v, "%3C") || strings.Contains(v, "${") || strings.Contains(v, "{{")
}

// rawPassword reports whether a password may hold the / ? or # at i unescaped: in schemes of databases, after a
// colon that no port follows.
func (f *finder) rawPassword(end, colon, i int) bool {
	if colon < 0 || i == colon+1 || isNumber(f.s[colon+1:i]) {
		return false
	}
	scheme := f.s[word.back(f.s, end-3, 16) : end-3]
	switch strings.ToLower(scheme) {
	case "http", "https", "ws", "wss", "file", "git", "data", "blob", "npm", "node", "webpack":
		return false
	}
	rest := f.s[i:min(len(f.s), i+128)]
	if stop := strings.IndexAny(rest[1:], "? \t\r\n\"'`<>,;)"); stop >= 0 {
		stop++
		rest = rest[:stop]
	}
	return strings.IndexByte(rest, '@') >= 0
}

// A secretPath is a URL whose path, or some of it, is the secret.
type secretPath struct {
	before string
	set    *alphabet
	min    int
	kind   string
	public int // leading parts of the path that are not secret
}

var pathChars = letters(alnum + "_-/%@.:")

var secretPaths = []secretPath{
	{"hooks.slack.com/services/", letters(alnum + "_-/"), 20, "slack-webhook", 0}, {"hooks.slack.com/workflows/", letters(alnum + "_-/"), 20, "slack-webhook", 0}, {"hooks.slack.com/triggers/", letters(alnum + "_-/"), 20, "slack-webhook", 0},
	{"/webhooks/", letters(alnum + "_-/"), 40, "webhook", 1}, {".webhook.office.com/webhookb2/", pathChars, 40, "teams-webhook", 0}, {"outlook.office.com/webhook/", pathChars, 40, "teams-webhook", 0},
	{"hooks.zapier.com/hooks/catch/", letters(alnum + "_-/"), 8, "zapier-webhook", 0}, {"/with/key/", name, 16, "ifttt-key", 0}, {"api.telegram.org/bot", letters(alnum + "_-:"), 20, "telegram-token", 0},
	{"infura.io/v3/", word, 20, "rpc-key", 0}, {"infura.io/ws/v3/", word, 20, "rpc-key", 0}, {"alchemy.com/v2/", name, 20, "rpc-key", 0}, {"alchemyapi.io/v2/", name, 20, "rpc-key", 0}, {"quiknode.pro/", word, 20, "rpc-key", 0},
	{"ankr.com/", letters(alnum + "_-/"), 30, "rpc-key", 1}, {"blastapi.io/", name, 30, "rpc-key", 0}, {"nodereal.io/v1/", name, 24, "rpc-key", 0}, {"getblock.io/", name, 24, "rpc-key", 0}, {"hook.eu1.make.com/", word, 20, "make-webhook", 0}, {"hook.us1.make.com/", word, 20, "make-webhook", 0},
	{"jdbc:oracle:thin:", letters(alnum + "_-$#!./"), 3, "url-password", -1},
}

// path judges a URL whose path is secret.
func (f *finder) path(p *secretPath, end int) int {
	to := p.set.run(f.s, end)
	if p.public < 0 { // user/password@host
		slash := strings.IndexByte(f.s[end:to], '/')
		if slash < 0 || to >= len(f.s) || f.s[to] != '@' || slash == to-end-1 {
			return 0
		}
		f.add(end+slash+1, to, p.kind, rankFormat)
		return to
	}
	start := end
	for range p.public {
		slash := strings.IndexByte(f.s[start:to], '/')
		if slash < 0 {
			return 0
		}
		start += slash + 1
	}
	if to-start < p.min || !mixed(f.s[start:to]) || filled(f.s[start:to]) || sample(f.s[start:to]) {
		return 0
	}
	f.add(start, to, p.kind, rankFormat)
	return to
}
