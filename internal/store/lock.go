package store

import (
	"context"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A remote excludes other processes. Its calls are never made twice for one number by one process.
type remote interface {
	try(ctx context.Context, n int64) (bool, error)
	release(n int64) error
	keep(ctx context.Context, held []int64) (lost []int64, err error) // makes sure that held is still held
	close() error
}

// locks excludes the goroutines of this process by itself, and other processes by the remote.
type locks struct {
	remote remote
	mu     sync.Mutex
	holds  map[string]*hold
}

// A hold is a lock that this process has, or waits for.
type hold struct {
	number int64
	slot   chan struct{} // full while somebody has it
	users  int
	has    bool // the remote has it

	// For a lock on a case: which version was read first under it. Saving another version would lose what
	// somebody else wrote after the lock was lost.
	read    bool
	version int64
}

func newLocks(r remote) *locks { return &locks{remote: r, holds: map[string]*hold{}} }

// number maps a name to the number that stands for it in the remote. Positive, and never 0.
func number(name string) int64 {
	sum := sha256.Sum256([]byte(name))
	return int64(binary.BigEndian.Uint64(sum[:])>>2) + 1
}

func (l *locks) enter(name string) *hold {
	l.mu.Lock()
	defer l.mu.Unlock()
	h := l.holds[name]
	if h == nil {
		h = &hold{number: number(name), slot: make(chan struct{}, 1)}
		l.holds[name] = h
	}
	h.users++
	return h
}

func (l *locks) leave(name string, h *hold) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if h.users--; h.users == 0 {
		delete(l.holds, name)
	}
}

// take waits until this goroutine alone, among all of all processes, has name.
func (l *locks) take(ctx context.Context, name string) (func(), error) {
	h := l.enter(name)
	select {
	case h.slot <- struct{}{}:
	case <-ctx.Done():
		l.leave(name, h)
		return nil, ctx.Err()
	}
	for pause := time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		ok, err := l.remote.try(ctx, h.number)
		if ok {
			break
		}
		if err == nil {
			err = wait(ctx, pause/2+rand.N(pause))
		}
		if err != nil {
			<-h.slot
			l.leave(name, h)
			return nil, err
		}
	}
	l.mu.Lock()
	h.has, h.read, h.version = true, false, 0
	l.mu.Unlock()
	return sync.OnceFunc(func() { l.drop(name, h) }), nil
}

// drop gives name back. If the remote fails to, it has lost its connection, and with it the lock.
func (l *locks) drop(name string, h *hold) {
	l.mu.Lock()
	h.has, h.read, h.version = false, false, 0
	l.mu.Unlock()
	_ = l.remote.release(h.number)
	<-h.slot
	l.leave(name, h)
}

// hold returns what this process holds under name, or nil. The caller has l.mu.
func (l *locks) held(name string) *hold {
	if h := l.holds[name]; h != nil && h.has {
		return h
	}
	return nil
}

// keep makes sure that everything held is still held, and takes it again where a connection was lost.
func (l *locks) keep(ctx context.Context) error {
	l.mu.Lock()
	var numbers []int64
	for _, h := range l.holds {
		if h.has {
			numbers = append(numbers, h.number)
		}
	}
	l.mu.Unlock()
	lost, err := l.remote.keep(ctx, numbers)
	if err == nil && len(lost) > 0 {
		err = fmt.Errorf("%d locks were lost with the connection and are taken by somebody else", len(lost))
	}
	return err
}

func (l *locks) close() error { return l.remote.close() }

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// Lock waits until nobody else, in any process on any machine, has the lock of this case. A case is read and saved
// while its lock is held. Hold it for the length of a few calls, never while a model is at work.
func (s *SQL) Lock(ctx context.Context, fp hotfix.Fingerprint) (unlock func(), err error) {
	return s.Exclusive(ctx, caseLock(fp))
}

func caseLock(fp hotfix.Fingerprint) string { return "case " + string(fp) }

// Exclusive waits until nobody else, in any process on any machine, has the lock called name.
func (s *SQL) Exclusive(ctx context.Context, name string) (unlock func(), err error) {
	unlock, err = s.locks.take(ctx, name)
	if err != nil {
		return nil, fmt.Errorf("lock %s: %w", name, classify(err))
	}
	return unlock, nil
}

// Free reports whether no process has the lock called name.
func (s *SQL) Free(ctx context.Context, name string) (bool, error) {
	h := s.locks.enter(name)
	defer s.locks.leave(name, h)
	select {
	case h.slot <- struct{}{}: // nobody here has it, and nobody here takes it while we look
		defer func() { <-h.slot }()
	default:
		return false, nil
	}
	ok, err := s.locks.remote.try(ctx, h.number)
	if ok {
		err = s.locks.remote.release(h.number)
	}
	if err != nil {
		return false, fmt.Errorf("ask for lock %s: %w", name, classify(err))
	}
	return ok, nil
}

// Keep makes sure that this process still has the locks it holds, and takes them again if their connection was
// lost. A queue calls it every few seconds.
func (s *SQL) Keep(ctx context.Context) error {
	if err := s.locks.keep(ctx); err != nil {
		return fmt.Errorf("keep locks: %w", classify(err))
	}
	return nil
}
