package engine_test

import (
	"bytes"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// posted is the whole of a request that posts body, so that a caller has nothing to make.
func posted(body []byte) []byte {
	return fmt.Appendf(nil, "POST / HTTP/1.1\r\nHost: peer\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
}

// A caller is one connection to a peer, for one request after the other. It does as little as it can: whatever it takes of
// the two cores, the worker or the daemon cannot have.
type caller struct {
	fd     int
	answer []byte // to the request that it waits for, as far as it has come
	sent   time.Time
}

// call connects to a peer.
func call(t testing.TB, address string) *caller {
	to, err := net.ResolveTCPAddr("tcp4", strings.TrimPrefix(address, "http://"))
	require.NoError(t, err)
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	require.NoError(t, err)
	require.NoError(t, syscall.Connect(fd, &syscall.SockaddrInet4{Port: to.Port, Addr: [4]byte(to.IP.To4())}))
	require.NoError(t, syscall.SetsockoptInt(fd, syscall.IPPROTO_TCP, syscall.TCP_NODELAY, 1))
	return &caller{fd: fd}
}

// send posts a whole request; its few kilobytes fit into the socket.
func (c *caller) send(request []byte) error {
	c.answer, c.sent = c.answer[:0], time.Now()
	n, err := syscall.Write(c.fd, request)
	if err == nil && n < len(request) {
		err = errors.New("the socket did not take a whole request")
	}
	return err
}

// receive reads what there is to read, and reports whether the answer is complete. It must be a 200.
func (c *caller) receive(room []byte) (done bool, err error) {
	n, err := syscall.Read(c.fd, room)
	if err == nil && n <= 0 {
		err = errors.New("the peer hung up")
	}
	if err != nil {
		return false, err
	}
	c.answer = append(c.answer, room[:n]...)
	head, body, found := bytes.Cut(c.answer, []byte("\r\n\r\n"))
	if !found {
		return false, nil
	}
	if !bytes.HasPrefix(head, []byte("HTTP/1.1 200 ")) {
		return false, fmt.Errorf("answer: %s", c.answer)
	}
	if _, length, ok := bytes.Cut(head, []byte("Content-Length: ")); ok {
		length, _, _ = bytes.Cut(length, []byte("\r\n"))
		want, err := strconv.Atoi(string(length))
		return len(body) == want, err
	}
	return bytes.HasSuffix(body, []byte("0\r\n\r\n")), nil // in chunks, as Node writes it
}

// send posts every request, each of the callers one after the other, and returns how long each took, sorted. One thread
// serves them all.
func send(t testing.TB, address string, requests [][]byte) []time.Duration {
	ready, err := syscall.EpollCreate1(syscall.EPOLL_CLOEXEC)
	require.NoError(t, err)
	defer syscall.Close(ready)
	took, next, byFD := make([]time.Duration, 0, len(requests)), 0, map[int32]*caller{}
	for ; next < min(callers, len(requests)); next++ {
		c := call(t, address)
		defer syscall.Close(c.fd)
		byFD[int32(c.fd)] = c
		require.NoError(t, syscall.EpollCtl(ready, syscall.EPOLL_CTL_ADD, c.fd, &syscall.EpollEvent{Events: syscall.EPOLLIN, Fd: int32(c.fd)}))
		require.NoError(t, c.send(requests[next]))
	}
	events, room := make([]syscall.EpollEvent, callers), make([]byte, 64<<10)
	for len(took) < len(requests) {
		n, err := syscall.EpollWait(ready, events, int(patience.Milliseconds()))
		if errors.Is(err, syscall.EINTR) {
			continue
		}
		require.NoError(t, err)
		require.NotZero(t, n, "the peer does not answer")
		for _, e := range events[:n] {
			c := byFD[e.Fd]
			done, err := c.receive(room)
			require.NoError(t, err)
			if !done {
				continue
			}
			took = append(took, time.Since(c.sent))
			if next < len(requests) {
				require.NoError(t, c.send(requests[next]))
				next++
			}
		}
	}
	slices.Sort(took)
	return took
}
