package sandbox_test

import (
	"errors"
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

func dial(network, address string) error {
	c, err := net.DialTimeout(network, address, time.Second)
	if err == nil {
		c.Close()
	}
	return err
}

// ask sends a datagram to a port of the loopback and waits for an answer.
func ask(port int) error {
	c, err := net.Dial("udp", fmt.Sprintf("127.0.0.1:%d", port))
	if err != nil {
		return err
	}
	defer c.Close()
	_, err = c.Write([]byte("secret.example.com"))
	_ = c.SetReadDeadline(time.Now().Add(300 * time.Millisecond))
	_, none := c.Read(make([]byte, 1))
	return errors.Join(err, none)
}

func socket(family, kind, proto int) string {
	fd, err := unix.Socket(family, kind|unix.SOCK_CLOEXEC, proto)
	if err == nil {
		unix.Close(fd)
	}
	return got(fmt.Sprintf("socket of family %d", family), err)
}

var network = []attempt{
	{"07-cloud-metadata", routed, func(lure) string { return got("a route to metadata", dial("udp", "169.254.169.254:80")) }},
	{"08-host-unix-sockets", anyone, func(l lure) string { return got("reached a socket of the machine", dial("unix", l.Socket)) }},
	{"09-abstract-unix", anyone, func(l lure) string {
		return got("reached a socket without a path", dial("unix", "@"+filepath.Base(l.Socket)))
	}},
	{"10-host-loopback", anyone, func(l lure) string {
		return got("reached the loopback", dial("tcp", fmt.Sprintf("127.0.0.1:%d", l.Port)))
	}},
	{"11-egress-route", routed, func(lure) string {
		return first(got("a route", dial("udp", "192.0.2.1:9")), got("a private route", dial("udp", "10.0.0.1:9")), got("a route", dial("udp", "[2001:db8::1]:9")))
	}},
	{"12-dns-exfil", anyone, func(l lure) string {
		data, _ := os.ReadFile("/etc/resolv.conf")
		return first(got("a resolver", missing(string(data), "nameserver")), got("an answer to a datagram", ask(l.Port)))
	}},
	{"13-raw-sockets", root, func(lure) string {
		return first(socket(unix.AF_PACKET, unix.SOCK_RAW, 0), socket(unix.AF_INET, unix.SOCK_RAW, unix.IPPROTO_ICMP))
	}},
	// Without a control: whether there is an AF_VSOCK at all depends on the machine's hypervisor and modules.
	{"14-vsock", "", func(lure) string { return socket(unix.AF_VSOCK, unix.SOCK_STREAM, 0) }},
	{"15-odd-socket-families", anyone, func(lure) string {
		for _, f := range []int{unix.AF_ALG, unix.AF_KEY, unix.AF_XDP, unix.AF_TIPC, unix.AF_RDS, unix.AF_BLUETOOTH, unix.AF_CAN, unix.AF_SMC} {
			if s := socket(f, unix.SOCK_RAW, 0); s != "" {
				return s
			}
		}
		return first(socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_AUDIT), socket(unix.AF_NETLINK, unix.SOCK_RAW, unix.NETLINK_NETFILTER))
	}},
	{"68-proxy-in-test-step", anyone, func(lure) string {
		return got("a proxy is named", missing(strings.ToLower(strings.Join(os.Environ(), "\n")), "_proxy"))
	}},
}
