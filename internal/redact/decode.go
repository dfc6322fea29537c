package redact

import (
	"encoding/base64"
	"strconv"
	"strings"
)

// escape judges text written with percent signs, JSON escapes or entities: once decoded, it is looked through like
// any other, and what is found is mapped back. The escape ends at end.
func (f *finder) escape(end int) {
	if f.depth > 0 || end <= f.escaped {
		return
	}
	s := f.s
	floor := max(f.escaped, end-lookBehind/2)
	from := end
	for from > floor && s[from-1] != '\n' {
		from--
	}
	to := end
	limit := min(len(s), end+4096)
	for to < limit && s[to] != '\n' {
		to++
	}
	if to == limit && to < len(s) { // do not cut a word
		for to > end && !spaces[s[to-1]] {
			to--
		}
		if to == end {
			to = limit
		}
	}
	f.escaped = to
	decoded, places := unescape(s[from:to])
	if decoded == "" {
		return
	}
	sub := finder{s: decoded, depth: 1}
	sub.known()
	sub.scan()
	for _, p := range sub.spans {
		f.add(from+places[p.Start], from+places[p.End], p.Kind, p.rank)
	}
}

// unescape decodes one level. places[i] is where the i-th byte of the result comes from.
func unescape(s string) (string, []int) {
	out := make([]byte, 0, len(s))
	places := make([]int, 0, len(s)+1)
	changed := false
	for i := 0; i < len(s); {
		c, n := s[i], 1
		switch c {
		case '%', '\\', '&':
			if r, m := decodeAt(s, i); m > 0 {
				for _, b := range []byte(r) {
					out = append(out, b)
					places = append(places, i)
				}
				i += m
				changed = true
				continue
			}
		}
		out = append(out, c)
		places = append(places, i)
		i += n
	}
	if !changed {
		return "", nil
	}
	return string(out), append(places, len(s))
}

var entities = []struct{ text, is string }{{"&quot;", `"`}, {"&#34;", `"`}, {"&#39;", "'"}, {"&apos;", "'"}, {"&amp;", "&"}, {"&lt;", "<"}, {"&gt;", ">"}, {"&#x27;", "'"}, {"&#x22;", `"`}, {"&#x2F;", "/"}, {"&#x3D;", "="}, {"&#61;", "="}, {"&#58;", ":"}, {"&#43;", "+"}, {"&#47;", "/"}}

// decodeAt decodes the escape at i. It returns what it stands for and its length, 0 if there is none.
func decodeAt(s string, i int) (string, int) {
	switch s[i] {
	case '%':
		if i+2 < len(s) && hexes[s[i+1]] && hexes[s[i+2]] {
			b, _ := strconv.ParseUint(s[i+1:i+3], 16, 8)
			return string([]byte{byte(b)}), 3
		}
	case '\\':
		if i+5 < len(s) && s[i+1] == 'u' && hexes.all(s[i+2:i+6]) {
			r, _ := strconv.ParseUint(s[i+2:i+6], 16, 16)
			return string(rune(r)), 6
		}
		if i+3 < len(s) && s[i+1] == 'x' && hexes.all(s[i+2:i+4]) {
			b, _ := strconv.ParseUint(s[i+2:i+4], 16, 8)
			return string([]byte{byte(b)}), 4
		}
		if i+1 < len(s) {
			switch s[i+1] {
			case 'n':
				return "\n", 2
			case '"', '/', '\\':
				return s[i+1 : i+2], 2
			}
		}
	case '&':
		for _, e := range entities {
			if len(s)-i >= len(e.text) && strings.EqualFold(s[i:i+len(e.text)], e.text) {
				return e.is, len(e.text)
			}
		}
	}
	return "", 0
}

const shortestRun = 24

// longRuns judges every long run of base64: what it decodes to is looked through, and the whole run is secret if
// anything in it is.
func (f *finder) longRuns() {
	s := f.s
	for i := shortestRun - 1; i < len(s); {
		if !anyB64[s[i]] {
			i += shortestRun
			continue
		}
		start := anyB64.back(s, i, shortestRun-1)
		end := anyB64.run(s, i)
		if start = f.clean(start, end); end-start >= shortestRun {
			end = f.longRun(start, end)
		}
		i = end + shortestRun
	}
}

// longRun judges one run. It returns where the run ends, lines it was broken into included.
func (f *finder) longRun(start, end int) int {
	s := f.s
	if end < len(s) && s[end] == '.' && end-start <= 40 {
		f.discord(start+strings.LastIndexByte(s[start:end], '=')+1, end)
	}
	if end-start == 132 && s[start] == '0' && s[start+1] == 'x' && hexes.all(s[start+2:end]) {
		f.add(start, end, "signature", rankFormat)
		return end
	}
	if f.depth > 0 {
		return end
	}
	end = f.wrapped(anyB64, start, end)
	at := start
	for range 8 { // a run may begin with a name that is not of it: key=, path/
		if end-at < shortestRun {
			break
		}
		if decoded := decodeBase64(s[at:end]); len(decoded) >= 12 {
			sub := finder{s: decoded, depth: 1}
			sub.known()
			sub.scan()
			if len(sub.spans) > 0 {
				f.add(at, end, "encoded", rankDecoded)
			}
			break
		}
		next := strings.IndexAny(s[at:end-shortestRun+1], "=/-_+")
		if next < 0 {
			break
		}
		at += next + 1
	}
	return end
}

// unwrapLines joins the lines of a run.
func unwrapLines(run string) string {
	if strings.IndexByte(run, '\n') < 0 {
		return run
	}
	return strings.ReplaceAll(strings.ReplaceAll(run, "\r", ""), "\n", "")
}

// decodeBase64 returns the text a run stands for in either alphabet, or "" if it is no text.
func decodeBase64(run string) string {
	run = strings.TrimRight(run, "=")
	var head [shortestRun]byte
	if n := decodeInto(head[:], run[:min(len(run), 16)]); !printable(head[:n]) {
		return ""
	}
	run = unwrapLines(run)
	var small [256]byte
	out := small[:]
	if n := base64.RawStdEncoding.DecodedLen(len(run)); n > len(out) {
		out = make([]byte, n)
	}
	out = out[:decodeInto(out, run)]
	if !printable(out) {
		return ""
	}
	return string(out)
}

// decodeInto decodes as much of a run as can be decoded and returns how much that is.
func decodeInto(out []byte, run string) int {
	if len(run)%4 == 1 {
		run = run[:len(run)-1]
	}
	enc := base64.RawStdEncoding
	if strings.ContainsAny(run, "-_") {
		if strings.ContainsAny(run, "+/") {
			return 0
		}
		enc = base64.RawURLEncoding
	}
	var in [64]byte
	n := 0
	for len(run) > 0 { // in pieces, so that nothing is copied to the heap
		piece := copy(in[:], run)
		m, err := enc.Decode(out[n:], in[:piece])
		n += m
		if err != nil {
			break
		}
		run = run[piece:]
	}
	return n
}

// printable reports whether b is text.
func printable(b []byte) bool {
	bad := 0
	for _, c := range b {
		if c < ' ' && c != '\n' && c != '\t' && c != '\r' || c == 0x7f || c >= 0xf8 {
			bad++
		}
	}
	return len(b) > 0 && bad*32 <= len(b)
}

// discord judges the first part of a bot's token: an id in base64, then two more parts.
func (f *finder) discord(start, end int) {
	s := f.s
	var id [shortestRun]byte
	if n := end - start; n < 23 || n > base64.RawStdEncoding.EncodedLen(len(id)) {
		return
	}
	second := name.run(s, end+1)
	if second-end-1 < 5 || second-end-1 > 8 || second >= len(s) || s[second] != '.' {
		return
	}
	third := name.run(s, second+1)
	first, last := s[start:end], s[second+1:third]
	if isNumber(string(id[:decodeInto(id[:], first)])) && len(last) >= 20 ||
		first[0] >= 'M' && first[0] <= 'O' && second-end-1 == 6 && len(last) >= 27 && len(last) <= 45 && random(first) && random(last) {
		f.add(start, third, "discord-token", rankFormat)
	}
}
