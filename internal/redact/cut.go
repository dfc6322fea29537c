package redact

import (
	"fmt"
	"strings"
	"unicode/utf8"
)

// Head returns the first n bytes of t, or a little less: it ends at a character and never inside [REDACTED:kind].
func (t Text) Head(n int) Text {
	if n >= len(t.s) {
		return t
	}
	n = max(n, 0)
	for n > 0 && !utf8.RuneStart(t.s[n]) {
		n--
	}
	if i := strings.LastIndex(t.s[:n], "[REDACTED"); i >= 0 && strings.IndexByte(t.s[i:n], ']') < 0 {
		n = i
	}
	return Text{t.s[:n]}
}

// Tail returns the last n bytes of t, or a little less, as Head does.
func (t Text) Tail(n int) Text {
	if n >= len(t.s) {
		return t
	}
	from := len(t.s) - max(n, 0)
	for from < len(t.s) && !utf8.RuneStart(t.s[from]) {
		from++
	}
	if i := strings.LastIndex(t.s[:from], "[REDACTED"); i >= 0 {
		if end := strings.IndexByte(t.s[i:], ']'); end >= 0 && i+end >= from {
			from = i + end + 1
		}
	}
	return Text{t.s[from:]}
}

// cutNote stands where Cut left something out.
const cutNote = "\n[%d bytes left out]\n"

// Cut returns t in at most limit bytes: its head and its tail, with a line between them that says how much is left
// out. What is left is scrubbed again, since half a secret may have another form than a whole one.
func Cut(t Text, limit int) Text {
	if len(t.s) <= limit {
		return t
	}
	room := limit - len(fmt.Sprintf(cutNote, len(t.s)))
	if room < 16 {
		return Scrub(t.Head(limit).s)
	}
	head := t.Head(room * 2 / 3).s
	tail := t.Tail(room - room*2/3).s
	cut := Scrub(head + fmt.Sprintf(cutNote, len(t.s)-len(head)-len(tail)) + tail)
	if len(cut.s) > limit { // scrubbing again made it longer
		return cut.Head(limit)
	}
	return cut
}
