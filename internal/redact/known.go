package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"html"
	"net/url"
	"slices"
	"strings"
	"sync"
)

// Values shorter than shortest are not looked for: they would be found everywhere. Of a longer one any part of at
// least shortestPart bytes is. The first values made known stay known, as they are the process's own; of those that
// come with each delivery at least the latest do.
const (
	shortest     = 8
	shortestPart = 12
	keepFirst    = 64
	keepLatest   = 192
)

// A register holds the known values in every form they are likely to be written in.
type register struct {
	mu     sync.RWMutex
	own    index    // the first values
	lately [2]index // those since: when the second is full, the first is forgotten and the second takes its place
	filter []uint64 // a bit for each gram's hash, to say no quickly
	shift  uint
}

var known = &register{}

// know makes a value known to every Scrub from now on.
func know(value string) { known.add(value) }

func (r *register) add(value string) {
	value = strings.TrimSpace(value)
	if len(value) < shortest || r.fresh(value) {
		return
	}
	forms := formsOf(value)
	r.mu.Lock()
	defer r.mu.Unlock()
	to := &r.lately[1]
	switch {
	case r.own.values[value] || to.values[value]:
		return
	case len(r.own.values) < keepFirst:
		to = &r.own
	case len(to.values) >= keepLatest:
		r.lately[0], r.lately[1] = r.lately[1], r.lately[0]
		to.forget()
		r.fill()
	}
	to.add(value, forms, r.mark)
	if 8*r.grams() > 64*len(r.filter) {
		r.fill()
	}
}

// fresh reports whether a value is known and will not be forgotten soon.
func (r *register) fresh(value string) bool {
	r.mu.RLock()
	defer r.mu.RUnlock()
	return r.own.values[value] || r.lately[1].values[value]
}

func (r *register) grams() int { return r.own.used + r.lately[0].used + r.lately[1].used }

// place finds an indexed place of a gram.
func (r *register) place(g uint64) (form string, at int, ok bool) {
	for _, x := range []*index{&r.own, &r.lately[1], &r.lately[0]} {
		if form, at, ok = x.place(g); ok {
			return form, at, true
		}
	}
	return "", 0, false
}

// mark sets the filter's bit of a gram.
func (r *register) mark(g uint64) {
	if len(r.filter) > 0 {
		h := hash(g) >> r.shift
		r.filter[h>>6] |= 1 << (h & 63)
	}
}

// fill makes the filter anew, sixteen times as large as what it holds, so that this is seldom needed. It never shrinks.
func (r *register) fill() {
	bits := uint(14)
	if len(r.filter) > 0 {
		bits = 64 - r.shift
	}
	for 1<<bits < 16*r.grams() {
		bits++
	}
	r.shift = 64 - bits
	if clear(r.filter); len(r.filter) < 1<<(bits-6) {
		r.filter = make([]uint64, 1<<(bits-6))
	}
	for _, x := range []*index{&r.own, &r.lately[0], &r.lately[1]} {
		x.each(r.mark)
	}
}

// find calls found for every place in s where a known value or a part of one stands, until it returns false.
func (r *register) find(s string, found func(start, end int) bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.filter) == 0 || len(s) < gram {
		return
	}
	filter, shift := r.filter, r.shift
	g := load(s, 0) << 8
	for i := 0; i+gram <= len(s); i++ {
		g = g>>8 | uint64(s[i+gram-1])<<56
		h := hash(g) >> shift
		if filter[h>>6]>>(h&63)&1 == 0 {
			continue
		}
		form, at, ok := r.place(g)
		if !ok {
			continue
		}
		start, left := extendLeft(s, i, form, at)
		end, right := extendRight(s, i+gram, form, at+gram)
		if right-left < min(shortestPart, len(form)) {
			continue
		}
		if !found(start, end) {
			return
		}
		if i = end - 1; i+gram < len(s) {
			g = load(s, i)
		}
	}
}

// extendLeft follows s and form backwards from i and at while they agree. A line break in s is stepped over.
func extendLeft(s string, i int, form string, at int) (int, int) {
	for i > 0 && at > 0 {
		if s[i-1] == form[at-1] {
			i, at = i-1, at-1
			continue
		}
		j := i
		for j > 0 && i-j < 24 && (spaces[s[j-1]] || j > 1 && s[j-2] == '\\' && (s[j-1] == 'n' || s[j-1] == 'r') || s[j-1] == '\\') {
			j--
		}
		if j == i || j == 0 || s[j-1] != form[at-1] || !strings.Contains(s[j:i], "\n") && !strings.Contains(s[j:i], "\\n") {
			break
		}
		i = j
	}
	return i, at
}

// extendRight is extendLeft in the other direction.
func extendRight(s string, i int, form string, at int) (int, int) {
	for i < len(s) && at < len(form) {
		if s[i] == form[at] {
			i, at = i+1, at+1
			continue
		}
		j := i
		for j < len(s) && j-i < 24 && (spaces[s[j]] || s[j] == '\\' || s[j] == 'n' && s[j-1] == '\\' || s[j] == 'r' && s[j-1] == '\\') {
			j++
		}
		if j == i || j == len(s) || s[j] != form[at] || !strings.Contains(s[i:j], "\n") && !strings.Contains(s[i:j], "\\n") {
			break
		}
		i = j
	}
	return i, at
}

// known notes every known value in the text.
func (f *finder) known() {
	known.find(f.s, func(start, end int) bool {
		f.add(start, end, "known", rankKnown)
		return true
	})
}

// formsOf returns the ways a value is likely to be written. A value of several lines is known by its lines.
func formsOf(value string) []string {
	var forms []string
	add := func(form string) {
		if len(form) >= shortest && !slices.Contains(forms, form) {
			forms = append(forms, form)
		}
	}
	parts := []string{value}
	if strings.ContainsAny(value, "\r\n") {
		parts = nil
		for line := range strings.FieldsFuncSeq(value, func(r rune) bool { return r == '\n' || r == '\r' }) {
			if line = strings.TrimSpace(line); !strings.HasPrefix(line, "-----") {
				parts = append(parts, line)
			}
		}
	}
	for _, part := range parts {
		for _, form := range writings(part) {
			add(form)
		}
	}
	if len(parts) != 1 {
		base64Forms(value, add)
		add(hex.EncodeToString([]byte(value)))
	}
	return forms
}

func writings(v string) []string {
	reversed := []byte(v)
	slices.Reverse(reversed)
	digits := hex.EncodeToString([]byte(v))
	forms := []string{v, string(reversed), percentAll(v), digits, strings.ToUpper(digits)}
	if strings.IndexFunc(v, quotable) >= 0 {
		forms = append(forms, quotings(v)...)
	}
	base64Forms(v, func(form string) { forms = append(forms, form) })
	return forms
}

// quotable reports whether some way of quoting writes a character otherwise. Most tokens have none of these.
func quotable(c rune) bool { return c >= 0x80 || !isWord(byte(c)) && !strings.ContainsRune("-._~", c) }

func quotings(v string) []string {
	quoted, _ := json.Marshal(v)
	inJSON := strings.Trim(string(quoted), `"`)
	again, _ := json.Marshal(inJSON)
	return []string{inJSON, strings.Trim(string(again), `"`), strings.ReplaceAll(v, "/", `\/`), plainJSON(v), html.EscapeString(v),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(v), url.QueryEscape(v), url.PathEscape(v), percent(v, false, upperHex), percent(v, true, upperHex),
		percent(v, false, lowerHex), percent(v, true, lowerHex), strings.ReplaceAll(v, "'", `'\''`)}
}

// plainJSON quotes v as encoders do that leave <, > and & alone.
func plainJSON(v string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`).Replace(v)
}

// base64Forms adds v as it reads in base64 at each of the three places it may begin, in both alphabets.
func base64Forms(v string, add func(string)) {
	for shift := range 3 {
		from, to := (shift*8+5)/6, (shift+len(v))*8/6
		if to-from < shortest {
			continue
		}
		raw := append(make([]byte, shift, shift+len(v)), v...)
		add(base64.StdEncoding.EncodeToString(raw)[from:to])
		add(base64.URLEncoding.EncodeToString(raw)[from:to])
	}
}

const (
	upperHex = "0123456789ABCDEF"
	lowerHex = "0123456789abcdef"
)

// percent writes v as a URL does; strict also encodes what a path may hold.
func percent(v string, strict bool, digits string) string {
	var b strings.Builder
	for i := range len(v) {
		c := v[i]
		if isWord(c) || strings.IndexByte("-_.~", c) >= 0 || !strict && strings.IndexByte("!$&'()*+,;=:@/", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', digits[c>>4], digits[c&15]})
	}
	return b.String()
}

// percentAll writes every byte of v with a percent sign.
func percentAll(v string) string {
	b := make([]byte, 0, 3*len(v))
	for i := range len(v) {
		b = append(b, '%', lowerHex[v[i]>>4], lowerHex[v[i]&15])
	}
	return string(b)
}
