package sandbox

import (
	"context"
	"net"
	"net/netip"
)

// WithNetwork makes installations resolve and dial names through the functions given.
func WithNetwork(c Config, resolve func(context.Context, string) ([]netip.Addr, error), dial func(context.Context, netip.AddrPort) (net.Conn, error)) Config {
	c.resolve, c.dial = resolve, dial
	return c
}

// WithoutGroups makes boxes do without cgroups.
func WithoutGroups(c Config) Config {
	c.noGroups = true
	return c
}

// WithBroken makes layers fail with the errno given.
func WithBroken(c Config, layers map[string]int) Config {
	c.broken = layers
	return c
}

// WithoutPrograms makes boxes show no toolchains but those of the system.
func WithoutPrograms(c Config) Config {
	c.bare = true
	return c
}
