package engine_test

import (
	"bytes"
	be "encoding/binary"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A wire stands between a machine and PostgreSQL, reads along and counts what is committed. After the commit that it was
// told, the machine is killed before it can hear of it.
type wire struct {
	dsn   string // what the machine connects to
	kill  func()
	dieAt int64
	count atomic.Int64
}

// newWire starts a wire to the database at dsn, which is reached by a socket.
func newWire(t testing.TB, dsn string, kill func()) *wire {
	u, err := url.Parse(dsn)
	require.NoError(t, err)
	query := u.Query()
	socket := filepath.Join(query.Get("host"), ".s.PGSQL.5432")
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	query.Set("host", "127.0.0.1")
	query.Set("port", listener.Addr().(*net.TCPAddr).AddrPort().String()[len("127.0.0.1:"):])
	u.RawQuery = query.Encode()
	w := &wire{dsn: u.String(), kill: kill}
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			server, err := net.Dial("unix", socket)
			if err != nil {
				_ = client.Close()
				continue
			}
			c := &talk{wire: w, texts: map[string]string{}}
			go func() { _ = c.ask(server, client); _ = server.Close() }()
			go func() { _ = c.answer(client, server); _ = client.Close() }()
		}
	}()
	return w
}

// A talk is one connection. Its client waits for the end of each answer before it goes on.
type talk struct {
	*wire
	texts   map[string]string // of prepared statements
	text    atomic.Value      // of the statement that is being carried out
	inside  bool              // a transaction
	touched bool              // by the transaction that is under way
	due     bool              // something has been committed with the answer that is under way
}

// ask passes on what the client asks.
func (c *talk) ask(to io.Writer, from io.Reader) error {
	var size [4]byte // the first message has no kind
	if _, err := io.ReadFull(from, size[:]); err != nil {
		return err
	}
	if _, err := to.Write(size[:]); err != nil {
		return err
	}
	if _, err := io.CopyN(to, from, int64(be.BigEndian.Uint32(size[:]))-4); err != nil {
		return err
	}
	return messages(to, from, func(kind byte, body []byte) bool {
		parts := bytes.SplitN(body, []byte{0}, 3)
		switch kind {
		case 'P':
			c.texts[string(parts[0])] = string(parts[1])
		case 'B':
			c.text.Store(c.texts[string(parts[1])])
		case 'Q':
			c.text.Store(string(parts[0]))
		}
		return true
	})
}

// answer passes on what the server answers.
func (c *talk) answer(to io.Writer, from io.Reader) error {
	return messages(to, from, func(kind byte, body []byte) bool {
		switch kind {
		case 'C':
			c.done(string(bytes.TrimRight(body, "\x00")))
		case 'Z':
			c.inside = body[0] != 'I'
			if c.due {
				c.due = false
				if c.count.Add(1) == c.dieAt {
					c.kill()
					return false
				}
			}
		}
		return true
	})
}

var (
	writes  = regexp.MustCompile(`(?i)\b(?:INSERT INTO|UPDATE|DELETE FROM)\s+(?:ONLY\s+)?"?([a-z_]+)`)
	noWrite = strings.NewReplacer("FOR UPDATE", "", "DO UPDATE", "")
)

// done notes that a statement was carried out, with its tag.
func (c *talk) done(tag string) {
	text, _ := c.text.Load().(string)
	switch {
	case tag == "COMMIT":
		c.due, c.touched = c.touched, false
		return
	case tag == "ROLLBACK":
		c.touched = false
		return
	case strings.HasSuffix(tag, " 0"):
		return
	}
	for _, m := range writes.FindAllStringSubmatch(noWrite.Replace(text), -1) {
		if !slices.Contains(housekeeping, m[1]) {
			c.touched = c.inside
			c.due = c.due || !c.inside
			return
		}
	}
}

// messages passes messages on, after each has shown them, until each says no.
func messages(to io.Writer, from io.Reader, each func(kind byte, body []byte) bool) error {
	for {
		var head [5]byte
		if _, err := io.ReadFull(from, head[:]); err != nil {
			return err
		}
		body := make([]byte, be.BigEndian.Uint32(head[1:])-4)
		if _, err := io.ReadFull(from, body); err != nil {
			return err
		}
		if !each(head[0], body) {
			return nil
		}
		if _, err := to.Write(append(head[:], body...)); err != nil {
			return err
		}
	}
}
