package redact

import (
	"sort"
	"strings"
	"sync"
)

// A Span is a secret's place in a text, in bytes.
type Span struct {
	Start, End int
	Kind       string
	rank       int // of two overlapping spans of one length the higher names the kind
}

const (
	rankContext = iota
	rankDecoded
	rankFormat
	rankKnown
)

// lookBehind is how far before a place a finder may look to judge it, reach how far behind it a secret may begin
// or end. Both bound what a stream holds.
const (
	lookBehind = 1 << 10
	reach      = 16 << 10
)

// A role is what a pattern of the automaton sets off.
type role uint8

const (
	roleFormat role = iota
	roleInfix
	roleKey
	roleURL
	roleBegin
	roleEnd
	rolePath
	roleEscape
	roleCommand
	roleScheme
	roleCrypt
	roleJWK
	rolePasswordFile
	roleProgram
	roleAddress
	roleProxy
	roleForeignPassword
	roleForeignSecret
)

type pattern struct {
	role role
	arg  int
}

// An engine is the automaton with what each pattern means.
type engine struct {
	auto     *automaton
	patterns []pattern
}

var theEngine = sync.OnceValue(newEngine)

func newEngine() *engine {
	e := &engine{}
	var texts []string
	add := func(r role, arg int, text string) {
		texts = append(texts, strings.ToLower(text))
		e.patterns = append(e.patterns, pattern{r, arg})
	}
	for i := range formats {
		add(roleFormat, i, formats[i].prefix)
	}
	for i := range infixes {
		add(roleInfix, i, infixes[i].text)
	}
	for i := range secretPaths {
		add(rolePath, i, secretPaths[i].before)
	}
	for i := range commands {
		add(roleCommand, i, commands[i].flag)
	}
	for i, name := range programs {
		add(roleProgram, i, name)
	}
	for _, w := range plainPasswords {
		add(roleForeignPassword, 0, w)
	}
	for _, w := range plainSecrets {
		add(roleForeignSecret, 0, w)
	}
	for r, words := range map[role]string{
		roleKey: `pass pwd pw= secret token key auth cred cookie session sess sid= sid" sid' sid: signature sig= sig: sig" mnemonic seed jwt bearer= bearer: phrase csrf xsrf otp psk verifier ?code= &code= privk senha kennwort storepass bindpw _pat pat= wallet(`,
		roleURL: `:// :\/\/`, roleBegin: `----begin private-lines:`, roleEnd: `-----end`,
		roleScheme: `bearer basic ssws negotiate`,
		roleCrypt:  `$2a$ $2b$ $2y$ $5$ $6$ $1$ $y$ $apr1$ $argon2 {ssha pbkdf2_sha scrypt:`,
		roleJWK:    `"kty"`, rolePasswordFile: `:5432: :5433: :6543: :*:*:`,
		roleAddress: `@tcp( @unix( @udp(`, roleProxy: `proxy= proxy: proxy" proxy'`,
		roleEscape: `%3a %3d %22 %26 %40 %27 \u00 &quot; &#34; &#39; &apos; &#x \x22 \x3`,
	} {
		for w := range strings.FieldsSeq(words) {
			add(r, 0, w)
		}
	}
	e.auto = newAutomaton(texts)
	return e
}

// A finder collects the secrets of one text.
type finder struct {
	s       string
	spans   []Span
	key     int // identifiers that begin before it have been judged
	rows    int // tables before it have been judged
	escaped int // encoded text before it has been decoded
	depth   int

	// What has been measured, so that no stretch of text is measured twice.
	runs     []measured // per alphabet, the last run
	bareTo   int        // where the last value without quotes ends
	bareFrom int
	footer   int // before it no PEM footer stands
	members  int // JSON web keys before it have been judged
	pairs    int // cookies before it have been judged
	programs []int
}

// measured is a run of an alphabet: from a place in it to its end.
type measured struct {
	set      *alphabet
	from, to int
}

// run returns the end of the run of bytes of set that starts at i.
func (f *finder) run(set *alphabet, i int) int {
	for n := range f.runs {
		m := &f.runs[n]
		if m.set != set {
			continue
		}
		if i < m.from || i >= m.to {
			m.from, m.to = i, set.run(f.s, i)
		}
		return m.to
	}
	to := set.run(f.s, i)
	f.runs = append(f.runs, measured{set, i, to})
	return to
}

// find returns the secrets of s in order, none overlapping.
func find(s string) []Span {
	f := finder{s: s}
	f.known()
	f.scan()
	f.foreignLines()
	f.longRuns()
	return merge(f.spans)
}

// scan runs the automaton over the text and judges every place it stops at.
func (f *finder) scan() {
	e := theEngine()
	next, class, shift, first := e.auto.next, &e.auto.class, e.auto.shift, e.auto.first
	state := uint(0)
	s := f.s
	for i := 0; i < len(s); i++ {
		state = uint(next[state<<shift|uint(class[s[i]])])
		if int(state) < first {
			continue
		}
		end := i + 1
		for _, n := range e.auto.out[int(state)-first] {
			if to := f.judge(e.patterns[n], end); to > end {
				i, state = to-1, 0
				break
			}
		}
	}
}

// judge looks at one hit that ends at end. It returns where to go on when the text up to there is a secret.
func (f *finder) judge(p pattern, end int) int {
	switch p.role {
	case roleFormat:
		return f.format(&formats[p.arg], end)
	case roleInfix:
		return f.infix(&infixes[p.arg], end)
	case roleKey:
		f.keyAt(end)
	case roleURL:
		return f.userinfo(end)
	case rolePath:
		return f.path(&secretPaths[p.arg], end)
	case roleBegin:
		return f.begin(end)
	case roleEnd:
		f.end(end)
	case roleEscape:
		f.escape(end)
	case roleCommand:
		f.command(&commands[p.arg], end)
	case roleScheme:
		f.scheme(end)
	case roleCrypt:
		return f.crypt(end)
	case roleJWK:
		f.jwk(end)
	case roleProgram:
		f.named(p.arg, end)
	case roleAddress:
		f.address(end)
	case roleProxy:
		f.proxy(end - 1)
	case roleForeignPassword:
		f.foreign(end, pass)
	case roleForeignSecret:
		f.foreign(end, strong)
	case rolePasswordFile:
		f.passwordFile(end)
	}
	return 0
}

// add notes a secret.
func (f *finder) add(start, end int, kind string, rank int) {
	if start < end {
		f.spans = append(f.spans, Span{start, end, kind, rank})
	}
}

// merge sorts spans and joins those that overlap; the longest names the kind.
func merge(spans []Span) []Span {
	if len(spans) < 2 {
		return spans
	}
	sort.Slice(spans, func(i, j int) bool {
		if spans[i].Start != spans[j].Start {
			return spans[i].Start < spans[j].Start
		}
		if spans[i].End != spans[j].End {
			return spans[i].End > spans[j].End
		}
		if spans[i].rank != spans[j].rank {
			return spans[i].rank > spans[j].rank
		}
		return spans[i].Kind < spans[j].Kind
	})
	out := spans[:1]
	best := spans[0]
	for _, s := range spans[1:] {
		last := &out[len(out)-1]
		if s.Start >= last.End {
			out = append(out, s)
			best = s
			continue
		}
		if n, b := s.End-s.Start, best.End-best.Start; n > b || n*5 >= b*4 && s.rank > best.rank {
			best = s
			last.Kind = s.Kind
		}
		last.End = max(last.End, s.End)
	}
	return out
}

// replace returns s[from:to] with every span that lies there replaced.
func replace(b *strings.Builder, s string, from, to int, spans []Span) {
	for _, p := range spans {
		if p.Start < from {
			continue
		}
		if p.Start >= to {
			break
		}
		b.WriteString(s[from:p.Start])
		b.WriteString("[REDACTED:")
		b.WriteString(p.Kind)
		b.WriteByte(']')
		from = p.End
	}
	if from < to {
		b.WriteString(s[from:to])
	}
}
