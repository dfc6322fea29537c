package redact

import "strings"

// block returns the text of a YAML block scalar whose "|" or ">" is at i, or nothing.
func (f *finder) block(i int, how form) (start, end int) {
	s := f.s
	if how != formLoose || s[i] != '|' && s[i] != '>' {
		return i, i
	}
	line := strings.IndexByte(s[i:min(len(s), i+8)], '\n')
	if line < 0 || strings.Trim(s[i+1:i+line], "+-0123456789 \r") != "" {
		return i, i
	}
	at := i + line + 1
	indent := letters(" ").run(s, at) - at
	if indent == 0 {
		return i, i
	}
	first := strings.TrimSpace(s[at:min(len(s), at+64)])
	if strings.HasPrefix(first, "-----BEGIN") || isMask(first) || isReference(first+" ") {
		return i, i
	}
	end = at
	for lines := 0; end < len(s) && lines < 4; lines++ {
		stop := strings.IndexByte(s[end:], '\n')
		if stop < 0 {
			stop = len(s) - end
		}
		text := s[end : end+stop]
		if strings.TrimSpace(text) != "" && (len(text) <= indent || strings.TrimLeft(text[:indent], " ") != "") {
			break
		}
		end = min(len(s), end+stop+1)
	}
	body := strings.TrimSpace(s[at:end])
	if len(strings.Fields(body)) > 3 || !mixed(body) || len(body) < 8 {
		return i, i
	}
	start = at + strings.Index(s[at:], body)
	return start, start + len(body)
}

// bytesOrWords judges values that are no single word: the words of a seed phrase, and a key printed as bytes.
func (f *finder) bytesOrWords(i int, c class) bool {
	s := f.s
	limit := min(len(s), i+1024)
	if c == phrase {
		if end := wordsEnd(s[:limit], i); end > i {
			f.add(i, end, "seed-phrase", rankContext)
			return true
		}
	}
	j := i
	if strings.HasPrefix(s[j:], "<Buffer ") {
		j += len("<Buffer ")
		end := letters("0123456789abcdef ").run(s[:limit], j)
		if end-j < 24 {
			return false
		}
		f.add(j, end, "secret", rankContext)
		return true
	}
	if isDigit(s[j]) && j > 1 && s[j-1] == '(' { // Uint8Array(32) [
		if open := strings.IndexByte(s[j:min(limit, j+8)], '['); open > 0 {
			j += open
		}
	}
	if j >= limit || s[j] != '[' && s[j] != '{' {
		return false
	}
	end := letters("0123456789, \t\r\n").run(s[:min(len(s), j+4096)], j+1)
	if strings.Count(s[j:end], ",")+strings.Count(s[j:end], " ") < 15 {
		return false
	}
	f.add(j+1, end, "secret", rankContext)
	return true
}

// wordList reports whether v is twelve to twenty-four lower-case words.
func wordList(v string) bool { return wordsEnd(v, 0) == len(v) }

// wordsEnd returns the end of a seed phrase that begins at i, or i.
func wordsEnd(s string, i int) int {
	words, at, end := 0, i, i
	for at < len(s) {
		stop := letters(lower).run(s, at)
		if stop-at < 3 || stop-at > 8 {
			break
		}
		words++
		end = stop
		at = stop
		for at < len(s) && (s[at] == ' ' || s[at] == ',') {
			at++
		}
		if words == 24 {
			break
		}
	}
	if words < 12 {
		return i
	}
	return end
}

// jwk judges a JSON Web Key: the members that make it private.
func (f *finder) jwk(end int) {
	s := f.s
	if end < f.members {
		return
	}
	from := max(0, end-lookBehind)
	if open := strings.LastIndexByte(s[from:end], '{'); open >= 0 {
		from += open
	}
	to := min(len(s), end+4096)
	if close := strings.IndexByte(s[end:to], '}'); close >= 0 {
		to = end + close
	}
	f.members = to
	for _, member := range []string{`"d"`, `"p"`, `"q"`, `"dp"`, `"dq"`, `"qi"`, `"k"`} {
		i := strings.Index(s[from:to], member)
		if i < 0 {
			continue
		}
		at := f.blanks(from + i + len(member))
		if at >= to || s[at] != ':' {
			continue
		}
		at = f.blanks(at + 1)
		if open := f.quotes(at); open > at {
			if stop := anyB64.run(s, open); stop-open >= 20 {
				f.add(open, stop, "private-key", rankFormat)
			}
		}
	}
}
