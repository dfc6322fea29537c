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
// come with each delivery the latest do.
const (
	shortest     = 8
	shortestPart = 12
	keepFirst    = 64
	keepLatest   = 192
	gram         = 8
	gramStep     = 4
)

// A register holds the known values in every form they are likely to be written in. Every fourth 8 bytes of a form
// are indexed, so that any part of it of 11 bytes or more holds an indexed place.
type register struct {
	mu     sync.RWMutex
	values []string
	forms  []string
	grams  map[uint64]place
	filter []uint64 // a bit for each gram's hash, to say no quickly
	shift  uint
}

type place struct{ form, at int32 }

var known = &register{}

// know makes a value known to every Scrub from now on.
func know(value string) { known.add(value) }

func (r *register) add(value string) {
	value = strings.TrimSpace(value)
	if len(value) < shortest {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if i := slices.Index(r.values, value); i >= 0 {
		if i >= keepFirst {
			r.values = append(slices.Delete(r.values, i, i+1), value)
		}
		return
	}
	r.values = append(r.values, value)
	if len(r.values) > keepFirst+2*keepLatest { // forget in batches: the index is made anew
		r.values = slices.Delete(r.values, keepFirst, keepFirst+keepLatest)
		r.forms, r.grams, r.filter = nil, nil, nil
		for _, v := range r.values {
			r.index(v)
		}
		return
	}
	r.index(value)
}

// index adds every form of a value.
func (r *register) index(value string) {
	if r.grams == nil {
		r.grams = map[uint64]place{}
	}
	for _, form := range formsOf(value) {
		n := int32(len(r.forms))
		r.forms = append(r.forms, form)
		for at := 0; at+gram <= len(form); at += gramStep {
			if g := load(form, at); !r.has(g) {
				r.grams[g] = place{n, int32(at)}
				r.mark(g)
			}
		}
	}
	if 8*len(r.grams) > 64*len(r.filter) {
		r.fill()
	}
}

// mark sets the filter's bit of a gram.
func (r *register) mark(g uint64) {
	if len(r.filter) > 0 {
		h := hash(g) >> r.shift
		r.filter[h>>6] |= 1 << (h & 63)
	}
}

func (r *register) has(g uint64) bool { _, ok := r.grams[g]; return ok }

// fill makes the filter anew, sixteen times as large as what it holds, so that this is seldom needed.
func (r *register) fill() {
	bits := uint(14)
	for 1<<bits < 16*len(r.grams) {
		bits++
	}
	r.shift = 64 - bits
	r.filter = make([]uint64, 1<<(bits-6))
	for g := range r.grams {
		r.mark(g)
	}
}

func hash(g uint64) uint64 { return g * 0x9e3779b97f4a7c15 }

func load(s string, i int) uint64 {
	_ = s[i+7]
	return uint64(s[i]) | uint64(s[i+1])<<8 | uint64(s[i+2])<<16 | uint64(s[i+3])<<24 |
		uint64(s[i+4])<<32 | uint64(s[i+5])<<40 | uint64(s[i+6])<<48 | uint64(s[i+7])<<56
}

// find calls found for every place in s where a known value or a part of one stands, until it returns false.
func (r *register) find(s string, found func(start, end int) bool) {
	r.mu.RLock()
	defer r.mu.RUnlock()
	if len(r.values) == 0 || len(s) < gram {
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
		p, ok := r.grams[g]
		if !ok {
			continue
		}
		form := r.forms[p.form]
		start, left := extendLeft(s, i, form, int(p.at))
		end, right := extendRight(s, i+gram, form, int(p.at)+gram)
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

// Leaks reports whether a known value, or a part of one, still stands in s in any form. It is the last gate before
// something is published.
func Leaks(s string) (leaks bool) {
	defer func() {
		if recover() != nil { // fail closed
			leaks = true
		}
	}()
	known.find(s, func(int, int) bool {
		leaks = true
		return false
	})
	return leaks
}

// formsOf returns the ways a value is likely to be written. A value of several lines is known by its lines.
func formsOf(value string) []string {
	var forms []string
	seen := map[string]bool{}
	add := func(form string) {
		if len(form) >= shortest && !seen[form] {
			seen[form] = true
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
	quoted, _ := json.Marshal(v)
	inJSON := strings.Trim(string(quoted), `"`)
	again, _ := json.Marshal(inJSON)
	digits := hex.EncodeToString([]byte(v))
	forms := []string{v, string(reversed), inJSON, strings.Trim(string(again), `"`), strings.ReplaceAll(v, "/", `\/`), plainJSON(v), html.EscapeString(v),
		strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&apos;").Replace(v), url.QueryEscape(v), url.PathEscape(v), percent(v, false, upperHex), percent(v, true, upperHex),
		percent(v, false, lowerHex), percent(v, true, lowerHex), percentAll(v), strings.ReplaceAll(v, "'", `'\''`), digits, strings.ToUpper(digits)}
	base64Forms(v, func(form string) { forms = append(forms, form) })
	return forms
}

// plainJSON quotes v as encoders do that leave <, > and & alone.
func plainJSON(v string) string {
	return strings.NewReplacer(`\`, `\\`, `"`, `\"`, "\t", `\t`).Replace(v)
}

// base64Forms adds v as it reads in base64 at each of the three places it may begin, in both alphabets.
func base64Forms(v string, add func(string)) {
	for shift := range 3 {
		text := base64.StdEncoding.EncodeToString(append(make([]byte, shift), v...))
		from, to := (shift*8+5)/6, (shift+len(v))*8/6
		if to-from < shortest {
			continue
		}
		add(text[from:to])
		add(strings.NewReplacer("+", "-", "/", "_").Replace(text[from:to]))
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
	var b strings.Builder
	for i := range len(v) {
		b.Write([]byte{'%', lowerHex[v[i]>>4], lowerHex[v[i]&15]})
	}
	return b.String()
}
