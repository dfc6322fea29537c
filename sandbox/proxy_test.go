package sandbox

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"
)

// A canary is a server that an install step must not reach. It counts who comes.
func listen(t *testing.T, answer string) (net.Listener, *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	var came atomic.Int64
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			came.Add(1)
			go func() {
				defer c.Close()
				fmt.Fprint(c, answer)
				_, _ = io.Copy(c, c)
			}()
		}
	}()
	return l, &came
}

// start serves p and returns its address. The test fails if it cannot be ended.
func start(t *testing.T, p *proxy) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { p.serve(ctx, l); close(done) }()
	t.Cleanup(func() { cancel(); <-done })
	return l.Addr().String()
}

// send writes a request and returns the first line that comes back.
func send(t *testing.T, at, request string) string {
	t.Helper()
	c, err := net.Dial("tcp", at)
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, request)
	require.NoError(t, err)
	require.NoError(t, c.(*net.TCPConn).CloseWrite())
	line, _ := bufio.NewReader(c).ReadString('\n')
	return strings.TrimSpace(line)
}

// names resolves every name to the address given.
func names(addrs ...string) func(context.Context, string) ([]netip.Addr, error) {
	return func(context.Context, string) ([]netip.Addr, error) {
		var out []netip.Addr
		for _, a := range addrs {
			out = append(out, netip.MustParseAddr(a))
		}
		return out, nil
	}
}

// Every spelling of an address that is not on the list, or leads back to this machine, is refused and named.
func TestProxyRefuses(t *testing.T) {
	t.Parallel()
	canary, came := listen(t, "")
	port := canary.Addr().(*net.TCPAddr).Port
	const allowed = "registry.example.com"
	spellings := []string{
		"127.0.0.1:%d", "localhost:%d", "LOCALHOST:%d", "localhost.:%d", "[::1]:%d", "[::]:%d", "0.0.0.0:%d", "0:%d", "127.1:%d", "2130706433:%d", "0x7f000001:%d",
		"0177.0.0.1:%d", "017700000001:%d", "[::ffff:127.0.0.1]:%d", "[::ffff:7f00:1]:%d", "[64:ff9b::7f00:1]:%d", "127.0.0.1.nip.io:%d", "127.000.000.001:%d",
		"[::1%%25lo]:%d", "⑫7.0.0.1:%d", "10.0.0.1:%d", "169.254.169.254:80", "metadata.google.internal:80",
		allowed + ":80", allowed + ":%d", allowed + ":0443", allowed + ":443:443", allowed + ".:443", "sub." + allowed + ":443", "example.com:443", "x" + allowed + ":443",
		allowed + ".evil.test:443", allowed + "\x00.evil.test:443", allowed + "%%00.evil.test:443", allowed + "@127.0.0.1:%d", "user:pass@" + allowed + ":443",
		"127.0.0.1:%d#" + allowed + ":443", "127.0.0.1:%d?" + allowed + ":443", allowed + ":443/../", "https://" + allowed + ":443", "//" + allowed + ":443", allowed, ":443", "",
		"*:443", "registry.example.com:65536", "registry.example.com:0", "registry.example.com:-1",
	}
	require.GreaterOrEqual(t, len(spellings), 40)
	p := newProxy([]string{allowed + ":443"})
	p.resolve = names("127.0.0.1")
	p.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", fmt.Sprintf("127.0.0.1:%d", port))
	}
	at := start(t, p)
	for _, s := range append(spellings, allowed+":443") { // the allowed one resolves to this machine
		if strings.Contains(s, "%d") {
			s = fmt.Sprintf(s, port)
		}
		require.Contains(t, send(t, at, "CONNECT "+s+" HTTP/1.1\r\nHost: "+allowed+":443\r\n\r\n"), " 403 ", "%q", s)
	}
	for _, request := range []string{
		fmt.Sprintf("GET http://127.0.0.1:%d/ HTTP/1.1\r\nHost: %s\r\n\r\n", port, allowed), "GET http://" + allowed + ":443/ HTTP/1.1\r\nHost: x\r\n\r\n",
		"POST / HTTP/1.1\r\nHost: " + allowed + ":443\r\n\r\n", "\x05\x01\x00", "\x04\x01\x01\xbb\x7f\x00\x00\x01\x00", "CONNECT\r\n\r\n", "\r\n\r\n",
		"CONNECT " + allowed + ":443 HTTP/9.9.9\r\n\r\n", "CONNECT " + strings.Repeat("a", 40000) + ":443 HTTP/1.1\r\n\r\n",
	} {
		require.Contains(t, send(t, at, request), " 403 ", "%.60q", request)
	}
	require.Zero(t, came.Load())
	asked := p.asked()
	require.NotEmpty(t, asked)
	for _, c := range asked {
		require.NotEmpty(t, c.Refused)
		require.Regexp(t, `^[a-zA-Z0-9.:/\[\]? -]*$`, c.Address)
	}
}

// One address of a name that is not public spoils them all; what was checked is what is dialled.
func TestProxyResolvesOnce(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		addrs []string
		ok    bool
	}{
		{"public", []string{"93.184.215.14"}, true},
		{"public, both families", []string{"93.184.215.14", "2606:2800:21f:cb07:6820:80da:af6b:8b2c"}, true},
		{"one private", []string{"93.184.215.14", "10.0.0.7"}, false},
		{"loopback in IPv6", []string{"::ffff:127.0.0.1"}, false},
		{"6to4 of loopback", []string{"2002:7f00:1::"}, false},
		{"NAT64 of loopback", []string{"64:ff9b::7f00:1"}, false},
		{"carrier", []string{"100.64.0.1"}, false},
		{"link-local", []string{"fe80::1"}, false},
		{"nothing", nil, false},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			far, _ := listen(t, "hello\n")
			var resolved, dialled atomic.Int64
			p := newProxy([]string{"registry.example.com:443"})
			p.resolve = func(ctx context.Context, host string) ([]netip.Addr, error) {
				if resolved.Add(1) > 1 {
					return names("127.0.0.1")(ctx, host) // a name that changes its mind
				}
				return names(c.addrs...)(ctx, host)
			}
			p.dial = func(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
				dialled.Add(1)
				require.Equal(t, c.addrs[0]+":443", to.String())
				return net.Dial("tcp", far.Addr().String())
			}
			line := send(t, start(t, p), "CONNECT Registry.Example.com:443 HTTP/1.1\r\nHost: x\r\n\r\n")
			require.Equal(t, c.ok, strings.Contains(line, " 200 "), line)
			require.EqualValues(t, 1, resolved.Load())
			require.Equal(t, map[bool]int64{true: 1, false: 0}[c.ok], dialled.Load())
		})
	}
}

// A second request on a connection goes to the far end of the first, or nowhere: never through the proxy.
func TestProxyServesOneRequest(t *testing.T) {
	t.Parallel()
	canary, came := listen(t, "")
	far, _ := listen(t, "")
	p := newProxy([]string{"registry.example.com:443"})
	p.resolve = names("93.184.215.14")
	p.dial = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		return net.Dial("tcp", far.Addr().String())
	}
	at := start(t, p)
	second := "CONNECT " + canary.Addr().String() + " HTTP/1.1\r\n\r\n"
	for _, first := range []string{"CONNECT registry.example.com:443 HTTP/1.1\r\nContent-Length: 5\r\n\r\n", "CONNECT evil.test:443 HTTP/1.1\r\n\r\n",
		"CONNECT registry.example.com:443 HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n"} {
		send(t, at, first+second)
	}
	require.Zero(t, came.Load())
}

// What an installation moves is bounded over all its connections.
func TestProxyCountsBytes(t *testing.T) {
	t.Parallel()
	far, _ := listen(t, strings.Repeat("x", 300_000))
	p := newProxy([]string{"registry.example.com:443"})
	p.bytes, p.resolve = 100_000, names("93.184.215.14")
	p.dial = func(ctx context.Context, _ netip.AddrPort) (net.Conn, error) {
		return net.Dial("tcp", far.Addr().String())
	}
	at := start(t, p)
	c, err := net.Dial("tcp", at)
	require.NoError(t, err)
	defer c.Close()
	_, err = io.WriteString(c, "CONNECT registry.example.com:443 HTTP/1.1\r\n\r\n")
	require.NoError(t, err)
	n, _ := io.Copy(io.Discard, c)
	require.Less(t, n, int64(200_000))
	require.Contains(t, send(t, at, "CONNECT registry.example.com:443 HTTP/1.1\r\n\r\n"), " 403 ")
	require.Contains(t, p.asked()[0].Refused, "more than 100000 bytes")
}

// FuzzProxy looks for a request that reaches what is not on the list.
func FuzzProxy(f *testing.F) {
	for _, s := range []string{"CONNECT a.test:443 HTTP/1.1\r\n\r\n", "CONNECT [::1]:1 HTTP/1.1\r\nHost: a.test:443\r\n\r\n", "GET http://a.test:443/ HTTP/1.1\r\n\r\n", "\x05\x01\x00"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, request string) {
		p := newProxy([]string{"a.test:443"})
		address, err := target(bufio.NewReader(strings.NewReader(request)))
		if err != nil {
			require.Regexp(t, `^[a-zA-Z0-9.:/\[\]? -]*$`, address)
			return
		}
		require.Regexp(t, authority, address)
		p.resolve = func(_ context.Context, host string) ([]netip.Addr, error) {
			require.Equal(t, "a.test", host, "%q", request)
			return nil, nil
		}
		_, err = p.connect(context.Background(), address)
		require.Error(t, err)
	})
}
