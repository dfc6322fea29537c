package redact

import "strings"

// typed finds the value in a declaration with a type: token: String = "x", val key: String by lazy { "x" }. The type begins at i; 0 if this is none.
func (f *finder) typed(i int) int {
	s := f.s
	i = f.blanks(i)
	to := letters(alnum+"_.<>[]?|&' ").run(s[:min(len(s), i+48)], i)
	if to == i || to >= len(s) {
		return 0
	}
	switch kind := strings.TrimRight(s[i:to], " "); {
	case s[to] == '=' && to > 0 && s[to-1] == ' ' && to+1 < len(s) && s[to+1] == ' ' && typeNames[strings.ToLower(strings.Trim(kind, "&?'"))]:
		return f.blanks(to + 1)
	case s[to] == '{' && strings.HasSuffix(kind, " by lazy"):
		return f.blanks(to + 1)
	}
	return 0
}

// typeNames are how languages call text.
var typeNames = set(`string str text char bytes secret secretstr char[] byte[] []byte any static str] string|undefined optional<string> option<string>`)

// assigns returns where an operator that assigns ends: ?= += |= ||= at i, or 0.
func (f *finder) assigns(i int) int {
	s := f.s
	to := letters("?+|").run(s[:min(len(s), i+2)], i)
	if to < len(s) && s[to] == '=' {
		return to + 1
	}
	return 0
}
