package redact

import "strings"

const (
	widestTable  = 64      // columns
	longestTable = 8 << 10 // bytes of rows
)

var cellChars = letters(alnum + "_-. ")

// inTable reports whether the key at start is a cell of a table drawn with bars.
func (f *finder) inTable(start int) bool {
	i := start
	for i > 0 && (f.s[i-1] == ' ' || f.s[i-1] == '`' || f.s[i-1] == '*') {
		i--
	}
	return i > 0 && f.s[i-1] == '|'
}

// table judges lines of separated values, if the key s[start:end] stands in the line that names the columns.
func (f *finder) table(start, end int) {
	s := f.s
	if start < f.rows {
		return
	}
	from := max(0, start-lookBehind)
	from += strings.LastIndexByte(s[from:start], '\n') + 1
	to := strings.IndexByte(s[end:min(len(s), end+lookBehind)], '\n')
	if to < 0 {
		return
	}
	head := strings.TrimRight(s[from:end+to], "\r")
	sep := separatorOf(head)
	if sep == 0 {
		return
	}
	columns := strings.Split(head, string(sep))
	if len(columns) > widestTable {
		return
	}
	classes := make([]class, len(columns))
	for i, c := range columns {
		c = strings.Trim(c, " \"'`")
		if c == "" || !cellChars.all(c) || len(c) > 40 {
			return
		}
		classes[i] = judgeKey(c)
	}
	f.rows = f.judgeRows(end+to+1, sep, columns, classes)
}

func separatorOf(head string) byte {
	for _, sep := range []byte(",;\t|") {
		if strings.IndexByte(head, sep) >= 0 {
			return sep
		}
	}
	return 0
}

// judgeRows judges the rows from at on, up to the first that has another number of cells. It returns its place.
func (f *finder) judgeRows(at int, sep byte, columns []string, classes []class) int {
	s := f.s
	limit := min(len(s), at+longestTable)
	for at < limit {
		stop := strings.IndexByte(s[at:], '\n')
		if stop < 0 {
			stop = len(s) - at
		}
		row := s[at : at+stop]
		if strings.Count(row, string(sep)) != len(columns)-1 {
			return at
		}
		cell := at
		for i := range columns {
			width := strings.IndexByte(s[cell:at+stop], sep)
			if width < 0 {
				width = at + stop - cell
			}
			v := strings.Trim(s[cell:cell+width], " \r\"'`")
			if c := classes[i]; v != "" && c != harmless && c < header && !isPlaceholder(v) {
				begin := cell + strings.Index(s[cell:], v)
				if f.worthy(v, begin, formTight, c, columns[i]) {
					f.add(begin, begin+len(v), kindOf(c), rankContext)
				}
			}
			cell += width + 1
		}
		at += stop + 1
	}
	return limit
}
