package agent

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// window is how many of the latest steps are looked at for repetition.
const window = 20

// patience is how often something may happen before it counts as going round in circles.
type patience struct{ repeats, swaps, idle int }

var (
	toWarn = patience{repeats: 3, swaps: 4, idle: 12}
	toStop = patience{repeats: 5, swaps: 6, idle: 16}
)

// stuck says in which way the latest steps lead nowhere, "" if they do not. Repetition counts since the last call
// that left something behind which was not there before: running the same tests after each edit is no circle.
func stuck(steps []Step, warned bool) string {
	p := toWarn
	if warned {
		p = toStop
	}
	recent := steps[max(lastNew(steps, func(c Call) []string { return []string{c.State} }), len(steps)-window):]
	for _, rule := range []func([]Step, patience) string{alternates, repeats} {
		if why := rule(recent, p); why != "" {
			return why
		}
	}
	if why := sameError(steps[max(0, len(steps)-window):], p); why != "" {
		return why
	}
	if n := len(steps) - lastNew(steps, facts); n >= p.idle {
		return fmt.Sprintf("the last %d steps showed no file, line or test result that you had not seen", n)
	}
	return ""
}

// lastNew counts the steps up to and with the last one that had something of not heard before.
func lastNew(steps []Step, of func(Call) []string) int {
	heard, last := map[string]bool{"": true}, 0
	for i, s := range steps {
		for _, c := range s.Calls {
			for _, f := range of(c) {
				if !heard[f] {
					heard[f], last = true, i+1
				}
			}
		}
	}
	return last
}

// facts is what a call showed; where its tool does not say, the shape of the result is the fact.
func facts(c Call) []string {
	if len(c.Facts) == 0 && c.Err == "" {
		return []string{c.Tool + " " + shape(c.Result)}
	}
	return c.Facts
}

func alternates(steps []Step, p patience) string {
	if len(steps) < p.swaps {
		return ""
	}
	steps = steps[len(steps)-p.swaps:]
	if signature(steps[0]) == signature(steps[1]) {
		return ""
	}
	for i := 2; i < len(steps); i++ {
		if signature(steps[i]) != signature(steps[i-2]) {
			return ""
		}
	}
	return fmt.Sprintf("the last %d steps go back and forth between the same two", p.swaps)
}

func signature(s Step) string {
	var parts []string
	for _, c := range s.Calls {
		parts = append(parts, c.Tool+string(c.Args))
	}
	return strings.Join(parts, "\n")
}

func repeats(steps []Step, p patience) string {
	if len(steps) == 0 {
		return ""
	}
	for _, c := range steps[len(steps)-1].Calls {
		same, near := 0, 0
		for _, s := range steps {
			for _, d := range s.Calls {
				if d.Tool != c.Tool {
					continue
				}
				if string(d.Args) == string(c.Args) {
					same++
				}
				if d.Err == "" && c.Err == "" && alike(c.Result, d.Result) {
					near++
				}
			}
		}
		switch {
		case same >= p.repeats:
			return fmt.Sprintf("%s was called %d times with the same arguments while nothing changed", c.Tool, same)
		case near >= p.repeats:
			return fmt.Sprintf("%s returned nearly the same %d times while nothing changed", c.Tool, near)
		}
	}
	return ""
}

// sameError counts mistakes of one kind. A tool that then works starts the count anew.
func sameError(steps []Step, p patience) string {
	var calls []Call
	for _, s := range steps {
		calls = append(calls, s.Calls...)
	}
	if len(calls) == 0 {
		return ""
	}
	last, n := calls[len(calls)-1], 0
	if last.Err == "" {
		return ""
	}
	for _, c := range slices.Backward(calls) {
		if c.Err == "" && c.Tool == last.Tool {
			break
		}
		if c.Err != "" && class(c.Err) == class(last.Err) {
			n++
		}
	}
	if n < p.repeats {
		return ""
	}
	return fmt.Sprintf("the same kind of mistake was made %d times: %s", n, clip(last.Err, maxQuote))
}

// class is the kind of an error: its first words, without what differs from call to call.
func class(err string) string {
	head, _, _ := strings.Cut(err, ":")
	var words []string
	for _, w := range strings.Fields(head) {
		if !strings.ContainsAny(w, "\"'`/.") {
			words = append(words, w)
		}
	}
	return shape(strings.Join(words, " "))
}

// shape is s without the differences that mean nothing: case, numbers, spacing, punctuation.
func shape(s string) string {
	var b strings.Builder
	var last rune
	for _, r := range strings.ToLower(s) {
		switch {
		case unicode.IsDigit(r):
			r = '0'
		case !unicode.IsLetter(r):
			r = ' '
		}
		if r == last && (r == '0' || r == ' ') {
			continue
		}
		b.WriteRune(r)
		last = r
	}
	return strings.TrimSpace(b.String())
}

// alike reports whether two results have the same shape, or nine of ten lines in common.
func alike(a, b string) bool {
	if a == b {
		return true
	}
	if short, long := min(len(a), len(b)), max(len(a), len(b)); short*10 < long*7 {
		return false
	}
	lines := map[string]int{}
	for l := range strings.Lines(a) {
		lines[strings.TrimSpace(l)] |= 1
	}
	for l := range strings.Lines(b) {
		lines[strings.TrimSpace(l)] |= 2
	}
	both := 0
	for _, in := range lines {
		if in == 3 {
			both++
		}
	}
	return len(lines) >= 5 && both*10 >= len(lines)*9 || shape(a) == shape(b)
}
