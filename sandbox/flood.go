package sandbox

import (
	"fmt"
	"slices"
	"sync"
)

// A flood takes output of any size and keeps its beginning and its end. Beyond a hard limit it ends the command.
type flood struct {
	mu    sync.Mutex
	head  []byte
	tail  []byte // a ring once it is full
	next  int    // where the ring goes on
	keep  int    // bytes of head and of tail
	total int
	over  func() // called once, when floodMax is reached
}

// Write never fails: a command that writes too much is ended, not slowed down.
func (f *flood) Write(p []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	n := len(p)
	if f.total < floodMax && f.total+n >= floodMax && f.over != nil {
		f.over()
	}
	f.total += n
	if room := f.keep - len(f.head); room > 0 {
		k := min(room, len(p))
		f.head = append(f.head, p[:k]...)
		p = p[k:]
	}
	if len(p) > f.keep {
		p = p[len(p)-f.keep:]
	}
	for len(p) > 0 {
		if room := f.keep - len(f.tail); room > 0 {
			k := min(room, len(p))
			f.tail = append(f.tail, p[:k]...)
			p = p[k:]
			continue
		}
		k := copy(f.tail[f.next:], p)
		f.next = (f.next + k) % f.keep
		p = p[k:]
	}
	return n, nil
}

// bytes returns what was kept, with a line that says what was not.
func (f *flood) bytes() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	end := slices.Concat(f.tail[f.next:], f.tail[:f.next])
	if left := f.total - len(f.head) - len(end); left > 0 {
		return slices.Concat(f.head, fmt.Appendf(nil, "\n[... %d bytes left out ...]\n", left), end)
	}
	return append(slices.Clone(f.head), end...)
}

// whole returns everything that was written, nil if it was too much to keep.
func (f *flood) whole() []byte {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.total > len(f.head) {
		return nil
	}
	return f.head
}
