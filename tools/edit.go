package tools

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/sergi/go-diff/diffmatchpatch"
)

// replace puts new where old stands in text. old must stand there exactly once; failing that, its lines must be
// found once when spacing is ignored, and new is then indented as the file is, which notice says.
func replace(path, text, old, new string) (out, notice string, _ error) {
	crlf := strings.Contains(text, "\r\n") && !strings.Contains(old, "\r\n")
	if crlf {
		text, new = strings.ReplaceAll(text, "\r\n", "\n"), strings.ReplaceAll(new, "\r\n", "\n")
	}
	switch n := strings.Count(text, old); {
	case n == 1:
		out = strings.Replace(text, old, new, 1)
	case n > 1:
		return "", "", mistakef("old occurs %d times in %s, at lines %s: add lines around it until it is unique", n, path, places(text, old))
	default:
		at, size, err := findLoosely(path, text, old)
		if err != nil {
			return "", "", err
		}
		ls := strings.SplitAfter(text, "\n")
		found := strings.Join(ls[at:at+size], "")
		put := reindent(lines(old), lines(found), lines(new))
		if len(put) > 0 && strings.HasSuffix(found, "\n") {
			put[len(put)-1] += "\n"
		}
		out = strings.Join(ls[:at], "") + strings.Join(put, "\n") + strings.Join(ls[at+size:], "")
		notice = fmt.Sprintf("%s: old matched line %d only with spacing ignored; new was indented as the file is", path, at+1)
	}
	if crlf {
		out = strings.ReplaceAll(out, "\n", "\r\n")
	}
	return out, notice, nil
}

// places names the lines where old begins, the first ten.
func places(text, old string) string {
	var at []string
	for from := 0; len(at) < 10; {
		i := strings.Index(text[from:], old)
		if i < 0 {
			break
		}
		from += i
		at = append(at, fmt.Sprint(strings.Count(text[:from], "\n")+1))
		from += max(len(old), 1)
	}
	return strings.Join(at, ", ")
}

// findLoosely finds the one place where the lines of old stand when spacing is ignored: its first line, counted
// from 0, and how many lines.
func findLoosely(path, text, old string) (at, size int, _ error) {
	want := squeezed(trimBlank(lines(old)))
	if len(want) == 0 {
		return 0, 0, mistakef("old holds nothing but spacing: name the lines to replace")
	}
	have := squeezed(lines(text))
	var found []int
	for i := 0; i+len(want) <= len(have); i++ {
		if slices.Equal(have[i:i+len(want)], want) {
			found = append(found, i)
		}
	}
	switch {
	case len(found) == 1:
		return found[0], len(want), nil
	case len(found) > 1:
		return 0, 0, mistakef("old is not in %s as written; with spacing ignored it occurs %d times: copy it exactly, with lines around it", path, len(found))
	}
	return 0, 0, mistakef("old does not occur in %s. %s", path, closest(text, old))
}

// squeezed is each line without its outer spacing, inner spacing made one space.
func squeezed(ls []string) []string {
	out := make([]string, len(ls))
	for i, l := range ls {
		out[i] = strings.Join(strings.Fields(l), " ")
	}
	return out
}

func trimBlank(ls []string) []string {
	blank := func(s string) bool { return strings.TrimSpace(s) == "" }
	for len(ls) > 0 && blank(ls[0]) {
		ls = ls[1:]
	}
	for len(ls) > 0 && blank(ls[len(ls)-1]) {
		ls = ls[:len(ls)-1]
	}
	return ls
}

// reindent gives the lines of new the indents that the file has where old was found.
func reindent(old, found, new []string) []string {
	old, new = trimBlank(old), trimBlank(new)
	as := map[string]string{} // indent in old: indent in the file
	for i, l := range old {
		if i < len(found) && strings.TrimSpace(l) != "" {
			if _, ok := as[indent(l)]; !ok {
				as[indent(l)] = indent(found[i])
			}
		}
	}
	out := make([]string, len(new))
	for i, l := range new {
		w := indent(l)
		if strings.TrimSpace(l) == "" {
			continue
		}
		out[i] = reindented(w, as) + l[len(w):]
	}
	return out
}

// reindented is the file's indent for w: that of the longest known indent w begins with, and the rest in the file's steps.
func reindented(w string, as map[string]string) string {
	if to, ok := as[w]; ok {
		return to
	}
	best, known := "", false
	for from := range as {
		if strings.HasPrefix(w, from) && (!known || len(from) > len(best)) {
			best, known = from, true
		}
	}
	if !known {
		return w
	}
	width, step := steps(as, w[len(best):])
	return as[best] + strings.Repeat(step, (len(w)-len(best)+width-1)/width)
}

// steps says how wide one step of indentation is in old, and what it is in the file. Two indents that are known in both
// tell; else a step in the file is a tab if it uses tabs, and rest tells how wide it is in old.
func steps(as map[string]string, rest string) (width int, step string) {
	known := slices.SortedFunc(maps.Keys(as), func(a, b string) int { return len(a) - len(b) })
	for i := 1; i < len(known); i++ {
		a, b := known[i-1], known[i]
		if more, ok := strings.CutPrefix(as[b], as[a]); ok && more != "" && len(b) > len(a) {
			return len(b) - len(a), more
		}
	}
	width = 4
	if strings.Contains(rest, "\t") {
		width = 1
	} else if len(rest)%4 != 0 {
		width = 2
	}
	least := ""
	for _, to := range as {
		switch {
		case strings.Contains(to, "\t"):
			return width, "\t"
		case to != "" && (least == "" || len(to) < len(least)):
			least = to
		}
	}
	if width > 1 || least == "" {
		return width, strings.Repeat(" ", max(width, 2))
	}
	return width, least
}

func indent(l string) string { return l[:len(l)-len(strings.TrimLeft(l, " \t"))] }

// closest shows the part of text that is most like old, as a hint.
func closest(text, old string) string {
	have, want := lines(text), trimBlank(lines(old))
	in := map[string]bool{}
	for _, l := range squeezed(want) {
		in[l] = l != ""
	}
	loose := squeezed(have)
	best, at := 0, -1
	for i := 0; i < len(have) && i < 20_000; i++ {
		score := 0
		for _, l := range loose[i:min(i+len(want), len(have))] {
			if in[l] {
				score++
			}
		}
		if score > best {
			best, at = score, i
		}
	}
	if at < 0 || !utf8.ValidString(text) || !utf8.ValidString(old) {
		return "Read the file again and copy the lines exactly"
	}
	near := have[at:min(at+len(want), len(have))]
	return fmt.Sprintf("Closest are lines %d to %d; - is what you sent, + is what the file holds:\n%s",
		at+1, at+len(near), clip(lineDiff(want, near), 1500))
}

// lineDiff writes the differences between two texts line by line. It is for reading only.
func lineDiff(a, b []string) string {
	var out strings.Builder
	for _, d := range diffLines(strings.Join(a, "\n")+"\n", strings.Join(b, "\n")+"\n") {
		mark := map[diffmatchpatch.Operation]string{diffmatchpatch.DiffDelete: "-", diffmatchpatch.DiffInsert: "+", diffmatchpatch.DiffEqual: " "}[d.Type]
		for _, l := range lines(d.Text) {
			out.WriteString(mark + l + "\n")
		}
	}
	return out.String()
}

func diffLines(a, b string) []diffmatchpatch.Diff {
	dmp := diffmatchpatch.New()
	x, y, table := dmp.DiffLinesToChars(a, b)
	return dmp.DiffCharsToLines(dmp.DiffMain(x, y, false), table)
}

// echoMax is how many added lines in a row are shown: the model has just written them. Of more, the ends are.
const echoMax = 8

// changes shows how a file changed, with a line or two around each change.
func changes(path, was, now string) string {
	const around = 2
	if !utf8.ValidString(was) || !utf8.ValidString(now) {
		return path + " changed; it is no UTF-8 text\n"
	}
	var body strings.Builder
	added, removed, line := 0, 0, 1
	diffs := diffLines(was, now)
	for i, d := range diffs {
		ls := lines(d.Text)
		switch d.Type {
		case diffmatchpatch.DiffEqual:
			if i > 0 {
				body.WriteString(numbered(ls[:min(around, len(ls))], line))
			}
			if i > 0 && i < len(diffs)-1 && len(ls) > 2*around {
				body.WriteString("...\n")
			}
			if from := max(len(ls)-around, 0); i < len(diffs)-1 && (i == 0 || from >= around) {
				body.WriteString(numbered(ls[from:], line+from))
			} else if i > 0 && i < len(diffs)-1 && len(ls) > around {
				body.WriteString(numbered(ls[around:], line+around))
			}
			line += len(ls)
		case diffmatchpatch.DiffInsert:
			added += len(ls)
			for k, l := range ls {
				switch {
				case len(ls) <= echoMax || k < 3 || k >= len(ls)-2:
					fmt.Fprintf(&body, "%d+%s\n", line+k, clip(l, maxLine))
				case k == 3:
					fmt.Fprintf(&body, "+[%d lines as they are now in the file]\n", len(ls)-5)
				}
			}
			line += len(ls)
		case diffmatchpatch.DiffDelete:
			removed += len(ls)
			for _, l := range ls {
				fmt.Fprintf(&body, "-%s\n", clip(l, maxLine))
			}
		}
	}
	return fmt.Sprintf("%s: +%d -%d lines\n%s", path, added, removed, clip(body.String(), 3000))
}
