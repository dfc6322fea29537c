package forge

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// The daemon writes only between these two lines of an issue's body. What people add around them is theirs.
const (
	regionBegin = "<!-- daemon-hotfix:begin -->"
	regionEnd   = "<!-- daemon-hotfix:end -->"
)

// A span is a part of a text, by byte offsets.
type span struct{ from, to int }

// lines calls yield with each line of s, without its line end, until yield returns false.
func lines(s string, yield func(line string, at span) bool) {
	for from := 0; from <= len(s); {
		to := len(s)
		if n := strings.IndexByte(s[from:], '\n'); n >= 0 {
			to = from + n
		}
		text := strings.TrimSuffix(s[from:to], "\r") // the browser's editor ends lines with CRLF
		if !yield(text, span{from, from + len(text)}) {
			return
		}
		from = to + 1
	}
}

// hasLine reports whether one whole line of s is line.
func hasLine(s, line string) (found bool) {
	lines(s, func(l string, _ span) bool { found = l == line; return !found })
	return found && line != ""
}

// region finds the managed part of a body: the first end line that has a begin line above it, from the nearest of
// those. So an orphaned line of either kind, left by an edit, never takes in what people wrote.
func region(body string) (at span, found bool) {
	begin := -1
	lines(body, func(l string, s span) bool {
		switch {
		case l == regionBegin:
			begin = s.from
		case l == regionEnd && begin >= 0:
			at, found = span{begin, s.to}, true
		}
		return !found
	})
	return at, found
}

// render returns the whole body for a new issue and its managed part.
func render(want Issue) (body, managed string, err error) {
	body = want.Body.String()
	if want.Marker == "" || strings.ContainsAny(want.Marker, "\r\n") || slices.Contains([]string{regionBegin, regionEnd}, want.Marker) {
		return "", "", errors.New("an issue needs a marker of one line")
	}
	begins, ends := strings.Count(body, regionBegin), strings.Count(body, regionEnd)
	if begins == 0 && ends == 0 {
		body = regionBegin + "\n" + strings.TrimRight(body, "\n") + "\n" + regionEnd + "\n"
		begins, ends = 1, 1
	}
	at, found := region(body)
	if !found || begins != 1 || ends != 1 {
		return "", "", fmt.Errorf("the body must have one line %q and one line %q below it, or neither", regionBegin, regionEnd)
	}
	managed = body[at.from:at.to]
	if !hasLine(managed, want.Marker) {
		return "", "", errors.New("the body does not contain the marker line")
	}
	return body, managed, nil
}

// splice puts managed into a body as it is now. Every byte outside the managed part stays.
func splice(now, managed string) string {
	at, found := region(now)
	switch {
	case !found && strings.TrimSpace(now) == "":
		return managed + "\n"
	case !found:
		gap := "\n\n"
		if strings.HasSuffix(now, "\n") {
			gap = "\n"
		}
		return now + gap + managed + "\n"
	case plain(now[at.from:at.to]) == plain(managed):
		return now
	}
	return now[:at.from] + managed + now[at.to:]
}

func plain(s string) string { return strings.ReplaceAll(s, "\r\n", "\n") }
