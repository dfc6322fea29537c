package redact

import "strings"

// privateLabel reports whether what a PEM block of this label holds is secret.
func privateLabel(label string) bool {
	l := strings.ToUpper(label)
	return strings.Contains(l, "PRIVATE") && !strings.Contains(l, "PUBLIC") || strings.Contains(l, "STATIC KEY") || strings.Contains(l, "SECRET")
}

// begin judges a PEM header whose BEGIN ends at end. What lies between header and footer is secret; the header stays.
func (f *finder) begin(end int) int {
	if f.s[end-1] == ':' {
		return f.putty(end)
	}
	close := strings.Index(f.s[end:min(len(f.s), end+64)], "---")
	if close < 0 || !privateLabel(f.s[end:end+close]) {
		return 0
	}
	body := end + close
	for body < len(f.s) && f.s[body] == '-' {
		body++
	}
	to := f.nextFooter(body)
	if to >= 0 {
		for to > body && f.s[to-1] == '-' {
			to--
		}
	} else if to = f.openBlock(body); to == body {
		return 0
	}
	inner := strings.TrimFunc(f.s[body:to], func(r rune) bool { return strings.ContainsRune(" \t\r\n\\nr\"',", r) })
	if inner == "" || isMask(inner) || strings.HasPrefix(inner, "...") || strings.HasPrefix(inner, "…") || strings.HasPrefix(inner, "${") {
		return 0
	}
	if strings.Contains(inner, "[REDACTED") && !longerRun(inner, 32) {
		return 0
	}
	f.body(body, to)
	return to
}

// nextFooter returns where the next footer begins, or -1 if none is near.
func (f *finder) nextFooter(body int) int {
	limit := min(len(f.s), body+reach-256)
	from := max(body, f.footer)
	if from >= limit {
		return -1
	}
	at := strings.Index(f.s[from:limit], "---END")
	if at < 0 {
		f.footer = limit - len("---EN")
		return -1
	}
	f.footer = from + at
	return from + at
}

// longerRun reports whether s holds more than n bytes of base64 in a row.
func longerRun(s string, n int) bool {
	run := 0
	for i := range len(s) {
		if run++; !anyB64[s[i]] {
			run = 0
		}
		if run > n {
			return true
		}
	}
	return false
}

// body notes what stands between header and footer: all of it, or, in a log that puts a time before each line, what
// follows the times.
func (f *finder) body(from, to int) {
	lines := strings.Split(f.s[from:to], "\n")
	stamped := len(lines) > 2
	for _, line := range lines[1:max(1, len(lines)-1)] {
		blank := strings.IndexByte(line, ' ')
		stamped = stamped && blank > 8 && isDigit(line[0]) && anyB64.run(line, blank+1) >= len(line)-1
	}
	if !stamped {
		f.add(from, to, "private-key", rankKnown)
		return
	}
	at := from
	for i, line := range lines {
		if blank := strings.IndexByte(line, ' '); i > 0 && i < len(lines)-1 {
			f.add(at+blank+1, at+len(line), "private-key", rankKnown)
		}
		at += len(line) + 1
	}
}

// openBlock returns where a PEM block without a footer ends: at the first line that cannot be of it.
func (f *finder) openBlock(body int) int {
	at := body
	for at < len(f.s) {
		line := strings.IndexAny(f.s[at:min(len(f.s), at+4096)], "\n\\")
		end := len(f.s)
		if line >= 0 {
			end = at + line
		} else if at+4096 < end {
			end = at + 4096
		}
		text := strings.Trim(f.s[at:end], " \t\r\"',+>|")
		run := anyB64.run(text, 0)
		switch {
		case text == "" || run == len(text) && !(len(text) < 40 && isSlug(text)):
		case strings.HasPrefix(text, "Proc-Type:") || strings.HasPrefix(text, "DEK-Info:") || strings.HasPrefix(text, "Version:") || strings.HasPrefix(text, "Comment:"):
		case run >= 16 && random(text[:run]):
			start := at + strings.Index(f.s[at:end], text)
			return start + run
		default:
			return f.trimBlock(body, at)
		}
		at = end
		switch {
		case strings.HasPrefix(f.s[at:], "\\n"), strings.HasPrefix(f.s[at:], "\\r"), strings.HasPrefix(f.s[at:], "\\\\"):
			at += 2
			if f.s[at-1] == '\\' && at < len(f.s) && (f.s[at] == 'n' || f.s[at] == 'r') {
				at++
			}
		case at < len(f.s) && f.s[at] == '\n':
			at++
		case at < len(f.s) && f.s[at] == '\\':
			return f.trimBlock(body, at)
		}
	}
	return f.trimBlock(body, at)
}

func (f *finder) trimBlock(body, to int) int {
	return body + len(strings.TrimRight(f.s[body:to], " \t\r\n\"',"))
}

// end judges a PEM footer whose END ends at end and whose header was cut off.
func (f *finder) end(end int) {
	close := strings.Index(f.s[end:min(len(f.s), end+64)], "---")
	if close < 0 || !privateLabel(f.s[end:end+close]) {
		return
	}
	from := end - len("-----END")
	floor := max(0, from-reach+lookBehind)
	at := from
	for at > floor {
		stop := at
		if f.s[stop-1] == '\n' {
			stop--
		} else if stop > floor+1 && f.s[stop-2:stop] == "\\n" {
			stop -= 2
		}
		line := stop
		for line > floor && anyB64[f.s[line-1]] && !(line > floor+1 && f.s[line-2] == '\\') {
			line--
		}
		if line == stop && stop == at || line < stop && stop-line < 16 && at != from || stop-line > 0 && at == from && stop-line < 4 {
			break
		}
		at = line
		if at > floor && f.s[at-1] != '\n' && f.s[at-1] != 'n' {
			break
		}
	}
	if from-at > 40 && !strings.Contains(f.s[at:from], "BEGIN") {
		f.add(at, from, "private-key", rankKnown)
	}
}

// putty judges the lines a PuTTY key file announces with their number.
func (f *finder) putty(end int) int {
	line := strings.IndexByte(f.s[end:min(len(f.s), end+16)], '\n')
	if line < 0 {
		return 0
	}
	at := end + line + 1
	to := at
	for to < len(f.s) {
		stop := base64s.run(f.s, to)
		if stop-to < 8 {
			break
		}
		to = stop
		if to < len(f.s) && f.s[to] == '\r' {
			to++
		}
		if to < len(f.s) && f.s[to] == '\n' {
			to++
		}
	}
	f.add(at, to, "private-key", rankKnown)
	return to
}
