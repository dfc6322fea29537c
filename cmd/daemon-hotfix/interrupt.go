package main

import (
	"context"
	"io"
)

// exitInterrupted is the exit status of a command that Ctrl-C has ended, as shells have it.
const exitInterrupted = 130

// An interruptible is a Reader that ends with its context, even while it waits for somebody to type.
type interruptible struct {
	ctx context.Context
	r   io.Reader
}

// Read reads on the side, so that nothing that arrives too late is written to p.
func (i interruptible) Read(p []byte) (int, error) {
	if err := i.ctx.Err(); err != nil {
		return 0, err
	}
	type result struct {
		text []byte
		err  error
	}
	read := make(chan result, 1)
	size := len(p)
	go func() {
		text := make([]byte, size)
		n, err := i.r.Read(text)
		read <- result{text[:n], err}
	}()
	select {
	case got := <-read:
		return copy(p, got.text), got.err
	case <-i.ctx.Done():
		return 0, i.ctx.Err()
	}
}
