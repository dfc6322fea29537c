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

// Covered runs the tests of a file and says which lines of which files they ran.
func Covered(ctx context.Context, box Box, t *Tree, file string) (map[string]map[int]bool, error) {
	c, read := t.Toolchain().coverage(t, file)
	if read == nil {
		return nil, nil
	}
	res, err := box.Run(ctx, t, c)
	lines := ran{}
	read(string(res.Report), lines)
	return lines, err
}
