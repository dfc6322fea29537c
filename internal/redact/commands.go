package redact

import "strings"

// A command is a flag whose meaning depends on the program it is given to.
type command struct {
	flag     string
	programs string // names that must stand before it on the line; "" for any
	pair     bool   // the value is user:password
	joined   bool   // the value follows without a blank
	quoted   bool   // only a quoted value counts
}

// stdin is a flag of programs that read a password from what is piped into them.
const stdin = "--password-stdin"

var commands = []command{
	{" -u ", "curl", true, false, false}, {" --user ", "curl", true, false, false}, {" -u", "curl", true, true, false}, {"--proxy-user ", "", true, false, false}, {" -U ", "curl smbclient", true, false, false},
	{" -a ", "redis-cli", false, false, false}, {" -p ", "login sshpass mongo mongosh mongodump twine vault", false, false, false},
	{" -p", "mysql mysqldump mariadb mysqladmin sshpass", false, true, false}, {" -w ", "ldapsearch ldapmodify ldapadd ldapwhoami", false, false, false}, {"identified by ", "", false, false, true}, {"pass:", "openssl", false, true, false},
	{"convertto-securestring ", "", false, false, true}, {"-string ", "convertto-securestring", false, false, true},
	{"auth plain ", "", false, false, false}, {"auth ", "redis-cli", false, false, false}, {"::add-mask::", "", false, true, false}, {flag: stdin},
}

// command judges what follows a flag that ends at end.
func (f *finder) command(c *command, end int) {
	if c.flag == stdin {
		f.piped(end)
		return
	}
	s := f.s
	if end >= len(s) || s[end-len(c.flag):end-1] != c.flag[:len(c.flag)-1] && c.programs != "" || !f.program(c.programs, end-len(c.flag)) {
		return
	}
	at := f.blanks(end)
	if c.joined && at != end {
		return
	}
	to := 0
	if open := f.quotes(at); open > at {
		to = f.closing(at, open)
		at = open
	} else if c.quoted {
		return
	} else {
		to = f.bare(at, formFlag)
	}
	if c.pair {
		colon := strings.IndexAny(s[at:to], ":%")
		if colon < 0 {
			return
		}
		at += colon + 1
	}
	v := s[at:to]
	if len(v) < 3 || isPlaceholder(v) || v[0] == '-' || !c.pair && isNumber(strings.ReplaceAll(v, ":", "")) || strings.Contains(v, "://") || strings.HasSuffix(v, "/tcp") || isProse(v) {
		return
	}
	f.add(at, to, "password", rankContext)
}

// piped judges what is echoed into the program whose flag ends at end.
func (f *finder) piped(end int) {
	from := max(0, end-300)
	from += strings.LastIndexByte(f.s[from:end], '\n') + 1
	at := strings.LastIndex(f.s[from:end], "echo ")
	if at < 0 {
		return
	}
	at = f.blanks(from + at + len("echo "))
	for strings.HasPrefix(f.s[at:], "-n ") {
		at = f.blanks(at + len("-n "))
	}
	to := f.bare(at, formFlag)
	if open := f.quotes(at); open > at {
		at, to = open, f.closing(at, open)
	}
	if v := f.s[at:min(to, end)]; len(v) >= 3 && !isPlaceholder(v) {
		f.add(at, to, "password", rankContext)
	}
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
var programs = []string{"curl", "smbclient", "redis-cli", "login", "sshpass", "mongo", "mongosh", "mongodump", "twine", "vault", "mysql", "mysqldump", "mariadb", "mysqladmin",
	"ldapsearch", "ldapmodify", "ldapadd", "ldapwhoami", "openssl", "convertto-securestring"}

// named remembers that a program's name ends at end.
func (f *finder) named(n, end int) {
	start := end - len(programs[n])
	if end < len(f.s) && name[f.s[end]] || start > 0 && name[f.s[start-1]] {
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
