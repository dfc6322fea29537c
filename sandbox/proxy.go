package sandbox

import (
	"bufio"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/netip"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// Bounds of what goes through a proxy.
const (
	proxyHead      = 16 << 10 // bytes of a request's head
	proxyTotal     = 10_000   // connections of one step
	proxyBytes     = 4 << 30  // of one step, both ways
	proxyPatience  = 15 * time.Second
	proxyIdle      = time.Minute
	proxyAddresses = 200 // that are told apart in Result.Contacts
)

// A Contact is an address that an install step asked for.
type Contact struct {
	Address string // host:port, or what was sent in its place
	Count   int
	Bytes   int64  // both ways
	Refused string // why it was not let through; "" if it was
}

// A proxy lets an install step reach the addresses on a list, and nothing else. It does nothing but CONNECT, and
// serves one request per connection.
type proxy struct {
	allow   map[string]bool // "host:port", in lower case
	resolve func(context.Context, string) ([]netip.Addr, error)
	dial    func(context.Context, netip.AddrPort) (net.Conn, error)
	bytes   int64 // 0 means proxyBytes

	used     atomic.Int64
	mu       sync.Mutex
	contacts map[string]*Contact
}

// newProxy returns a proxy to the addresses of allow.
func newProxy(allow []string) *proxy {
	p := &proxy{allow: map[string]bool{}, contacts: map[string]*Contact{}, bytes: proxyBytes, dial: dialAddress,
		resolve: func(ctx context.Context, host string) ([]netip.Addr, error) {
			return net.DefaultResolver.LookupNetIP(ctx, "ip", host)
		}}
	for _, a := range allow {
		p.allow[strings.ToLower(a)] = true
	}
	return p
}

func dialAddress(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	d := net.Dialer{Timeout: proxyPatience}
	return d.DialContext(ctx, "tcp", to.String())
}

// serve answers every connection to l until ctx ends, and returns when the last of them is closed.
func (p *proxy) serve(ctx context.Context, l net.Listener) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { l.Close() })
	defer stop()
	var all sync.WaitGroup
	defer all.Wait()
	slots := make(chan struct{}, boot.ProxyAtOnce)
	for range proxyTotal {
		select {
		case slots <- struct{}{}:
		case <-ctx.Done():
			return
		}
		c, err := l.Accept()
		if err != nil {
			return
		}
		all.Go(func() {
			defer func() { <-slots }()
			p.handle(ctx, c)
		})
	}
	p.note("more connections", 0, fmt.Errorf("more than %d connections were made", proxyTotal))
}

// handle serves the one request of a connection.
func (p *proxy) handle(ctx context.Context, c net.Conn) {
	defer c.Close()
	defer context.AfterFunc(ctx, func() { c.Close() })()
	_ = c.SetDeadline(time.Now().Add(proxyPatience))
	in := bufio.NewReader(io.LimitReader(c, proxyHead))
	address, err := target(in)
	var far net.Conn
	if err == nil {
		far, err = p.connect(ctx, address)
	}
	if err != nil {
		p.note(address, 0, err)
		fmt.Fprintf(c, "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s\n", len(err.Error())+1, err)
		return
	}
	defer far.Close()
	defer context.AfterFunc(ctx, func() { far.Close() })()
	if _, err := io.WriteString(c, "HTTP/1.1 200 Connection established\r\n\r\n"); err != nil {
		return
	}
	early, _ := in.Peek(in.Buffered())
	p.note(address, p.tunnel(c, far, early), nil)
}

var authority = regexp.MustCompile(`^([a-z0-9](?:[a-z0-9.-]{0,251}[a-z0-9])?|\[[0-9a-f:.]{2,45}\]):([1-9][0-9]{0,4})$`)

// target reads the request of a connection and returns the address that it asks for. An address comes back with an
// error too, as far as there is one, to be named in a report.
func target(in *bufio.Reader) (string, error) {
	req, err := http.ReadRequest(in)
	if err != nil {
		return "no request", errors.New("this proxy understands nothing but HTTP's CONNECT")
	}
	if req.Method != http.MethodConnect {
		return plain(cmp.Or(req.URL.Host, req.Host)), errors.New("this proxy understands nothing but CONNECT: plain requests are not passed on")
	}
	if address := strings.ToLower(req.RequestURI); authority.MatchString(address) {
		return address, nil
	}
	return plain(req.RequestURI), errors.New("that is not a host and a port")
}

// plain makes what a stranger sent fit for a report, where nothing in it may mean anything.
func plain(s string) string {
	return strings.Map(func(r rune) rune {
		if r > 127 || !strings.ContainsRune("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.:/-[]", r) {
			return '?'
		}
		return r
	}, s[:min(len(s), 200)])
}

// connect opens the connection to an address, if it is on the list and every address behind its name is public. The
// name is resolved once: what was checked is what is dialled.
func (p *proxy) connect(ctx context.Context, address string) (net.Conn, error) {
	if !p.allow[address] {
		return nil, fmt.Errorf("%s is not on the list of what an install may reach", address)
	}
	if p.used.Load() >= p.bytes {
		return nil, fmt.Errorf("the install has moved more than %d bytes", p.bytes)
	}
	host, port, err := net.SplitHostPort(address)
	if err != nil {
		return nil, fmt.Errorf("%s is not a host and a port", address)
	}
	ctx, cancel := context.WithTimeout(ctx, proxyPatience)
	defer cancel()
	addrs, err := p.resolve(ctx, host)
	if err != nil || len(addrs) == 0 {
		return nil, fmt.Errorf("%s cannot be resolved", host)
	}
	for _, a := range addrs {
		if a = a.Unmap(); !public(a) {
			return nil, fmt.Errorf("%s resolves to %s, which is no public address", host, a)
		}
	}
	n, err := netip.ParseAddrPort("0.0.0.0:" + port)
	if err != nil {
		return nil, fmt.Errorf("%s is not a port", port)
	}
	var last error
	for _, a := range addrs {
		far, err := p.dial(ctx, netip.AddrPortFrom(a.Unmap(), n.Port()))
		if err == nil {
			return far, nil
		}
		last = err
	}
	return nil, fmt.Errorf("%s does not answer: %w", address, last)
}

// tunnel moves bytes both ways until both sides have ended, one falls silent, or the limit is reached.
func (p *proxy) tunnel(near, far net.Conn, early []byte) int64 {
	var sum atomic.Int64
	move := func(dst, src net.Conn) {
		buf := make([]byte, 32<<10)
		for p.used.Load() < p.bytes {
			_ = src.SetReadDeadline(time.Now().Add(proxyIdle))
			n, err := src.Read(buf)
			sum.Add(int64(n))
			p.used.Add(int64(n))
			_ = dst.SetWriteDeadline(time.Now().Add(proxyIdle))
			if _, wrong := dst.Write(buf[:n]); wrong != nil || err != nil {
				break
			}
		}
		if half, ok := dst.(interface{ CloseWrite() error }); ok && p.used.Load() < p.bytes {
			_ = half.CloseWrite()
			return
		}
		near.Close()
		far.Close()
	}
	if _, err := far.Write(early); err != nil {
		return 0
	}
	var back sync.WaitGroup
	back.Go(func() { move(near, far) })
	move(far, near)
	back.Wait()
	return sum.Load()
}

// note keeps what was asked for.
func (p *proxy) note(address string, bytes int64, refused error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	key := address
	if refused != nil {
		key += " refused"
	}
	c := p.contacts[key]
	if c == nil {
		if len(p.contacts) >= proxyAddresses {
			return
		}
		c = &Contact{Address: address}
		p.contacts[key] = c
	}
	c.Count++
	c.Bytes += bytes
	if refused != nil {
		c.Refused = refused.Error()
	}
}

// asked returns every address that was asked for, those that were refused first.
func (p *proxy) asked() []Contact {
	p.mu.Lock()
	defer p.mu.Unlock()
	var out []Contact
	for _, k := range slices.Sorted(maps.Keys(p.contacts)) {
		out = append(out, *p.contacts[k])
	}
	slices.SortStableFunc(out, func(a, b Contact) int {
		return cmp.Compare(btoi(a.Refused == ""), btoi(b.Refused == ""))
	})
	return out
}

func btoi(b bool) int {
	if b {
		return 1
	}
	return 0
}
