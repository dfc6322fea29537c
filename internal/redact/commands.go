package redact

import (
	"slices"
	"strings"
)

// A command is a flag whose meaning depends on the program it is given to.
type command struct {
	flag     string
	programs string // names that must stand before it on the line; "" for any
	pair     string // what parts user from password in the value; "" where it is the password
	joined   bool   // the value follows without a blank
	quoted   bool   // only a quoted value counts
	piped    bool   // the value is what the program is given to read
}

const (
	webClients = "http https xh xhs hey oha bombardier"
	sqlClients = "mysql mysqldump mysqlimport mysqlcheck mysqlsh mysqladmin mariadb mariadb-dump mariadb-admin"
	archivers  = "7z 7za 7zz rar unrar"
)

var commands = []command{
	{flag: " -u ", programs: "curl wget2 siege lftp " + webClients, pair: ":,"}, {flag: " -u", programs: "curl", pair: ":", joined: true},
	{flag: " --user ", programs: "curl", pair: ":"}, {flag: " --user=", programs: "curl", pair: ":", joined: true},
	{flag: " -U ", programs: "curl smbclient smbget rpcclient", pair: ":%"}, {flag: "--proxy-user ", pair: ":"}, {flag: "--proxy-user=", pair: ":", joined: true},
	{flag: " -a ", programs: webClients, pair: ":"}, {flag: " -A ", programs: "ab", pair: ":"}, {flag: " --auth ", pair: ":"}, {flag: " --auth=", pair: ":", joined: true},
	{flag: "creds ", programs: "skopeo podman buildah regctl", pair: ":"}, {flag: "creds=", programs: "skopeo podman buildah regctl", pair: ":", joined: true},
	{flag: "sqlplus ", pair: "/"}, {flag: "sqlplus -s ", pair: "/"}, {flag: "sqlplus -l ", pair: "/"},
	{flag: " -a ", programs: "redis-cli"}, {flag: "auth ", programs: "redis-cli"},
	{flag: " -p ", programs: "login sshpass mongo mongosh mongodump mongorestore mongoexport mongoimport twine vault cqlsh beeline useradd usermod rabbitmqadmin evil-winrm"},
	{flag: " -p", programs: "sshpass " + sqlClients + " " + archivers, joined: true}, {flag: " -P ", programs: "sqlcmd bcp zip unzip mosquitto_pub mosquitto_sub ipmitool"},
	{flag: " -w ", programs: "ldapsearch ldapmodify ldapadd ldapwhoami ldapdelete ldappasswd"}, {flag: " /p:", programs: "xfreerdp wfreerdp", joined: true}, {flag: " -k ", programs: "nuget"},
	{flag: "identified by ", quoted: true}, {flag: "pass:", programs: "openssl", joined: true},
	{flag: "convertto-securestring ", quoted: true}, {flag: "-string ", programs: "convertto-securestring", quoted: true},
	{flag: "auth plain "}, {flag: "::add-mask::", joined: true},
	{flag: "--password-stdin", piped: true}, {flag: "--with-token", piped: true}, {flag: "chpasswd", pair: ":", piped: true}, {flag: "sudo -S ", piped: true},
}

// command judges what follows a flag that ends at end.
func (f *finder) command(c *command, end int) {
	s := f.s
	if c.exact() && s[end-len(c.flag):end] != c.flag || !f.program(c.programs, end-len(c.flag)) {
		return
	}
	if c.piped {
		f.piped(c, end)
		return
	}
	at := f.blanks(end)
	if c.joined && at != end {
		return
	}
	if c.quoted && f.quotes(at) == at {
		return
	}
	at, to := f.argument(at)
	from, to := c.part(s, at, to)
	if from < 0 {
		return
	}
	v := s[from:to]
	if len(v) < 3 || isPlaceholder(v) || v[0] == '-' || isNumber(strings.ReplaceAll(v, ":", "")) && (c.pair == "" || len(v) < 6) ||
		strings.Contains(v, "://") || strings.HasSuffix(v, "/tcp") || isProse(v) {
		return
	}
	f.add(from, to, "password", rankContext)
}

// exact reports whether capitals matter, as they do in flags of one letter.
func (c *command) exact() bool {
	return len(c.flag) <= len(" -p ") || c.flag != strings.ToLower(c.flag)
}

// part returns where in the value s[at:to] the password stands; -1 if there is none.
func (c *command) part(s string, at, to int) (int, int) {
	if c.pair == "" {
		return at, to
	}
	cut := strings.IndexAny(s[at:to], c.pair)
	if cut < 0 {
		return -1, to
	}
	at += cut + 1
	if c.pair == "/" { // user/password@database
		if host := strings.LastIndexByte(s[at:to], '@'); host >= 0 {
			to = at + host
		}
	}
	return at, to
}

// piped judges what is echoed, or handed over as a here-string, to the program whose flag ends at end.
func (f *finder) piped(c *command, end int) {
	s := f.s
	from := max(0, end-300)
	from += strings.LastIndexByte(s[from:end], '\n') + 1
	at, limit := -1, end
	for _, w := range []string{"echo ", "printf "} {
		if i := strings.LastIndex(s[from:end], w); i >= 0 && from+i+len(w) > at {
			at = from + i + len(w)
		}
	}
	if i := strings.Index(s[end:min(len(s), end+40)], "<<<"); i >= 0 && strings.IndexByte(s[end:end+i], '\n') < 0 {
		at, limit = end+i+len("<<<"), len(s)
	}
	if at < 0 {
		return
	}
	at = f.blanks(at)
	for strings.HasPrefix(s[at:], "-n ") || strings.HasPrefix(s[at:], "-e ") {
		at = f.blanks(at + len("-n "))
	}
	start, to := f.argument(at)
	if strings.HasPrefix(s[start:], "%s") { // what printf prints comes after its form
		start, to = f.argument(f.blanks(to + 1))
	}
	if start, to = c.part(s, start, min(to, limit)); start < 0 {
		return
	}
	if v := s[start:to]; len(v) >= 3 && !isPlaceholder(v) && !isProse(v) {
		f.add(start, to, "password", rankContext)
	}
}

// argument returns where the argument that begins at i stands, without its quotes.
func (f *finder) argument(i int) (int, int) {
	if open := f.quotes(i); open > i {
		return open, max(open, f.closing(i, open))
	}
	return i, max(i, f.bare(i, formFlag))
}

// program reports whether one of the programs is named on the line before at.
func (f *finder) program(names string, at int) bool {
	if names == "" {
		return true
	}
	for i, p := range programs {
		if i >= len(f.programs) || f.programs[i] == 0 {
			continue
		}
		if from := f.programs[i]; at-from < 300 && at >= from && wordIn(names, p) && strings.IndexByte(f.s[from:at], '\n') < 0 {
			return true
		}
	}
	return false
}

// wordIn reports whether one of the words is w.
func wordIn(words, w string) bool {
	for word := range strings.FieldsSeq(words) {
		if word == w {
			return true
		}
	}
	return false
}

// programs are the names commands ask for.
var programs = func() []string {
	var names []string
	for _, c := range commands {
		for p := range strings.FieldsSeq(c.programs) {
			if !slices.Contains(names, p) {
				names = append(names, p)
			}
		}
	}
	return names
}()

// named remembers that a program's name ends at end.
func (f *finder) named(n, end int) {
	start := end - len(programs[n])
	if end < len(f.s) && (name[f.s[end]] || f.s[end] == ':' || f.s[end] == '/') || start > 0 && name[f.s[start-1]] {
		return
	}
	if f.programs == nil {
		f.programs = make([]int, len(programs))
	}
	f.programs[n] = end
}

// passwordFile judges a line of .pgpass: host:port:database:user:password. The port ends at end.
func (f *finder) passwordFile(end int) {
	s := f.s
	at := end
	colons := 2
	if strings.HasSuffix(s[:end], ":*:*:") {
		colons = 1
	}
	for range colons {
		next := letters(alnum+"_-.*@").run(s[:min(len(s), at+128)], at)
		if next == at || next >= len(s) || s[next] != ':' {
			return
		}
		at = next + 1
	}
	to := f.bare(at, formTight)
	if v := s[at:to]; len(v) >= 3 && !isPlaceholder(v) && !isNumber(v) && !strings.ContainsAny(v, "*:") {
		f.add(at, to, "password", rankContext)
	}
}

var hashChars = letters(alnum + "./$=,+-_}")

// crypt judges a hashed password as operating systems and frameworks store it. Its marker ends at end.
func (f *finder) crypt(end int) int {
	s := f.s
	from := end
	for from > 0 && end-from < 12 && s[from-1] != '$' && s[from-1] != '{' {
		from--
	}
	to := hashChars.run(s[:min(len(s), end+300)], end)
	if to-end < 24 || !random(s[end:to]) || strings.Count(s[end:to], "$") < 1 && !strings.Contains(s[end:to], "}") && to-end < 50 {
		return 0
	}
	for to > end && (s[to-1] == '.' || s[to-1] == ',' || s[to-1] == ':') {
		to--
	}
	f.add(end, to, "password-hash", rankFormat)
	return to
}
