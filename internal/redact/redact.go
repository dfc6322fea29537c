package redact

import (
	"strings"
	"sync/atomic"
)

// withheld stands for a text that could not be judged.
const withheld = "[REDACTED:withheld]"

// Scrub returns s without secrets: each is replaced by [REDACTED:kind]. Scrubbing again changes nothing.
func Scrub(s string) Text { return Text{scrub(s)} }

func scrub(s string) string {
	spans := Find(s)
	if len(spans) == 0 {
		return s
	}
	var b strings.Builder
	b.Grow(len(s))
	replace(&b, s, 0, len(s), spans)
	return b.String()
}

// Find returns the places of the secrets in s, in order, none overlapping. If judging fails, all of s is one.
func Find(s string) []Span {
	if len(s) < 4 {
		return nil
	}
	return guard(s, find)
}

var withheldTexts atomic.Int64

// Withheld is how many texts could not be judged and were withheld whole since this process began.
func Withheld() int64 { return withheldTexts.Load() }

// guard fails closed: a text that judge panics on is not shown.
func guard(s string, judge func(string) []Span) (spans []Span) {
	defer func() {
		if recover() != nil {
			withheldTexts.Add(1)
			spans = []Span{{Start: 0, End: len(s), Kind: "withheld"}}
		}
	}()
	return judge(s)
}
