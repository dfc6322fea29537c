package redact

import (
	"io"
	"strings"
)

// block is how much a Writer gathers before it judges; what it holds back is at most reach and one secret.
const block = 64 << 10

// widest is the longest secret a Writer holds; of a longer one it goes on to withhold every line that could be of it.
const widest = 1 << 20

// A Writer scrubs what is written to it and passes it on. Where a text is cut into writes makes no difference. It
// needs memory for about one block, however long the text. Close it, or the end is lost.
type Writer struct {
	w     io.Writer
	buf   []byte
	ctx   int // bytes at the start of buf that have been passed on and only serve as context
	want  int // length of buf at which to judge
	swamp bool
	err   error
}

// NewWriter returns a Writer that passes clean text on to w.
func NewWriter(w io.Writer) *Writer { return &Writer{w: w, want: block + reach} }

// Write takes p. It fails if an earlier write to the Writer below failed.
func (w *Writer) Write(p []byte) (int, error) {
	n := 0
	for len(p) > 0 && w.err == nil {
		take := min(len(p), w.want-len(w.buf))
		w.buf = append(w.buf, p[:take]...)
		p = p[take:]
		n += take
		if len(w.buf) == w.want {
			w.judge(false)
		}
	}
	return n, w.err
}

// Close judges and passes on what is left. It does not close the Writer below.
func (w *Writer) Close() error {
	if w.err == nil {
		w.judge(true)
	}
	return w.err
}

// judge looks through the buffer, passes on what is settled and keeps the rest.
func (w *Writer) judge(last bool) {
	s := string(w.buf)
	if w.swamp {
		s = w.drain(s)
	}
	spans := Find(s)
	cut := len(s)
	if !last {
		cut = w.settled(s, spans)
	}
	if cut <= w.ctx && !last {
		if len(w.buf) < widest {
			w.want = len(w.buf) + block
			return
		}
		w.flood(s)
		return
	}
	var b strings.Builder
	replace(&b, s, w.ctx, cut, spans)
	_, w.err = io.WriteString(w.w, b.String())
	from := max(0, cut-lookBehind)
	w.buf = append(w.buf[:0], s[from:]...)
	w.ctx = cut - from
	w.want = len(w.buf) + block
}

// settled returns up to where what was found cannot change with what follows.
func (w *Writer) settled(s string, spans []Span) int {
	cut := len(s) - reach
	if line := strings.LastIndexByte(s[w.ctx:max(w.ctx, cut)], '\n'); line >= 0 {
		cut = w.ctx + line + 1
	}
	for i := len(spans) - 1; i >= 0; i-- {
		if spans[i].Start < cut && spans[i].End > cut {
			cut = spans[i].Start
		}
	}
	return cut
}

// flood gives up on a secret that is too long to hold: all of it is withheld up to the next blank.
func (w *Writer) flood(s string) {
	_, w.err = io.WriteString(w.w, withheld)
	w.buf, w.ctx, w.want, w.swamp = w.buf[:0], 0, block+reach, true
	_ = s
}

// drain drops the rest of a secret that was too long.
func (w *Writer) drain(s string) string {
	end := strings.IndexAny(s, " \t\r\n\"'")
	if end < 0 {
		end = len(s)
	} else {
		w.swamp = false
	}
	w.buf = append(w.buf[:0], s[end:]...)
	w.ctx = 0
	return s[end:]
}

// Copy scrubs src into dst until src ends.
func Copy(dst io.Writer, src io.Reader) (int64, error) {
	w := NewWriter(dst)
	n, err := io.CopyBuffer(struct{ io.Writer }{w}, src, make([]byte, 32<<10))
	if cerr := w.Close(); err == nil {
		err = cerr
	}
	return n, err
}
