package model

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"regexp"
	"strings"
	"unicode/utf8"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A rule names what differs between two runs of the same thing.
type rule struct {
	find *regexp.Regexp
	put  string
}

// rules are tried in order: an address before the port in it, a time before its digits.
var rules = []rule{
	{regexp.MustCompile(`\x1b\[[0-9;]*m`), ""},
	{regexp.MustCompile(`(?i)\b(?:127\.0\.0\.1|localhost|0\.0\.0\.0)(?::\d+)?|\[::1?\](?::\d+)?`), "<loopback>"},
	{regexp.MustCompile(`\b\d{4}[-/]\d\d[-/]\d\d[T ]\d\d:\d\d(?::\d\d(?:[.,]\d+)?)?(?: ?(?:Z|[+-]\d\d:?\d\d|UTC))?`), "<time>"},
	{regexp.MustCompile(`\b(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun),? [A-Z0-9][A-Za-z0-9]* [A-Za-z0-9]+(?: \d{4})? \d\d:\d\d:\d\d(?: \d{4})?(?: (?:GMT|UTC|[+-]\d{4}))?`), "<time>"},
	{regexp.MustCompile(`\b\d\d:\d\d:\d\d(?:[.,]\d+)?\b`), "<time>"},
	{regexp.MustCompile(`\b\d{4}-\d\d-\d\d\b`), "<date>"},
	{regexp.MustCompile(`(?:/private)?(?:/tmp|/var/tmp|/dev/shm|/var/folders/[^/\s]+/[^/\s]+/T)(?:/[\w.@+=,~-]+)*/?`), "\x00"}, // see temp
	{regexp.MustCompile(`(?i)\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b`), "<uuid>"},
	{regexp.MustCompile(`\b0x[0-9a-fA-F]+\b`), "<addr>"},
	{regexp.MustCompile(`\bgoroutine \d+`), "goroutine <n>"},
	{regexp.MustCompile(`(?i)\b(pid|process)([ :=]+)\d+`), "$1$2<n>"},
	{regexp.MustCompile(`(?i)\b(go|node(?:\.js)?|npm|deno|bun|typescript|vitest|jest)([ /@]?v?)\d+\.\d+(?:\.\d+)?\b`), "$1$2<version>"},
	{regexp.MustCompile(`\b\d+ characters left out`), "<n> characters left out"},
	{regexp.MustCompile(`(?i)\b\d+(?:[.,]\d+)? ?(?:ns|µs|μs|us|ms|secs?|seconds?|mins?|minutes?|hours?|s|m|h)(?:\d+(?:\.\d+)?(?:ms|s|m))*\b`), "<took>"},
	{regexp.MustCompile(`(?i)\b\d+(?:[.,]\d+)? ?(?:[kmgt]i?b|bytes|b/op|ns/op|allocs/op)\b`), "<size>"},
	{regexp.MustCompile(`\(cached\)`), "<took>"},
}

var (
	hexes  = regexp.MustCompile(`\b[0-9a-f]{7,128}\b`)
	digits = regexp.MustCompile(`\d{3,}`)
	blanks = regexp.MustCompile(`[ \t]+(\n|$)`)
)

// Normalise replaces in a text what differs from run to run although nothing happened: durations, times, commit
// hashes, temporary directories, ports and addresses on this machine. Secrets go too.
func Normalise(s string) string {
	s = strings.ReplaceAll(redact.Scrub(s).String(), "\r\n", "\n")
	for _, r := range rules {
		if r.put == "\x00" {
			s = r.find.ReplaceAllStringFunc(s, temp)
			continue
		}
		s = r.find.ReplaceAllString(s, r.put)
	}
	s = hexes.ReplaceAllStringFunc(s, func(h string) string {
		if strings.ContainsAny(h, "0123456789") {
			return "<hex>"
		}
		return h
	})
	return strings.TrimRight(blanks.ReplaceAllString(s, "$1"), "\n")
}

// temp keeps the last name of a path below a temporary directory, unless that is a made-up one.
func temp(path string) string {
	path = strings.TrimRight(path, "/")
	last := path[strings.LastIndex(path, "/")+1:]
	if !strings.Contains(last, ".") || strings.Count(path, "/") < 3 {
		return "<tmp>"
	}
	return "<tmp>/" + digits.ReplaceAllString(last, "<n>")
}

// normalArguments normalises the arguments of a call: the order of members and blanks between them do not matter.
func normalArguments(raw string) string {
	var v any
	if json.Unmarshal([]byte(raw), &v) != nil {
		return Normalise(raw)
	}
	return Normalise(encode(v))
}

// digest names a text.
func digest(s string) string {
	sum := sha256.Sum256([]byte(s))
	return hex.EncodeToString(sum[:6])
}

// What a transcript keeps of each text, to say later what is different.
const (
	excerptLines = 60
	excerptChars = 4000
)

// excerpt is the start of a text, in whole lines if it has any.
func excerpt(s string) string {
	if lines := strings.SplitAfterN(s, "\n", excerptLines+1); len(lines) > excerptLines {
		s = strings.TrimSuffix(strings.Join(lines[:excerptLines], ""), "\n")
	}
	if len(s) <= excerptChars {
		return s
	}
	s = s[:excerptChars]
	for !utf8.ValidString(s) {
		s = s[:len(s)-1]
	}
	return s
}
