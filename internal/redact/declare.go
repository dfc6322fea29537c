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

// assigns returns where an operator at i ends that assigns (?= += |= ||=) or gives what is taken otherwise (?? ||); 0 if there is none.
func (f *finder) assigns(i int) int {
	s := f.s
	to := letters("?+|").run(s[:min(len(s), i+2)], i)
	switch {
	case to < len(s) && s[to] == '=':
		return to + 1
	case to == i+2 && s[i] == s[i+1] && s[i] != '+' && f.quotes(f.blanks(to)) > f.blanks(to):
		return to
	}
	return 0
}

// pointed returns where the value begins that an arrow or a line of dots at i points at; 0 if there is none.
func (f *finder) pointed(i int) int {
	for _, arrow := range []string{"->", "→"} {
		if strings.HasPrefix(f.s[i:], arrow) {
			return f.blanks(i + len(arrow))
		}
	}
	if strings.HasPrefix(f.s[i:], "...") {
		return f.blanks(letters(".").run(f.s, i))
	}
	return 0
}

// assigned returns where the value behind the operator at i begins.
func (f *finder) assigned(i int) (int, form) {
	to := f.assigns(i)
	if f.s[to-1] == '=' {
		return f.blanks(to), formLoose
	}
	return f.blanks(to), formList
}
