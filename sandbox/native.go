package sandbox

import (
	"cmp"
	"context"
	"net"
	"net/netip"
	"os"
	"path/filepath"
	"time"
)

// Config is what a native box may use. Its zero value is a good one.
type Config struct {
	Memory   int64    // bytes of one command and its files, 0 means 2 GiB
	Disk     int64    // bytes that one command may write, 0 means 1 GiB
	Files    int      // files that one command may make, 0 means 200,000
	Pids     int      // processes and threads at once, 0 means 512
	HostUID  int      // the user that a box of root becomes, at least 100000, which is also the default
	ReadOnly []string // further directories of this machine that commands may read, at the same place
	Backend  string   // what makes boxes, see NativeBackend; "" means the first whose probe passes
	Cache    string   // where build caches are kept between commands; "" is a directory of the user's, "-" keeps none

	Registries   []string          // the only addresses an installation may reach, host:port; nil means the public ones of each ecosystem
	Certificates []byte            // PEM, that installations trust besides the system's
	InstallEnv   map[string]string // further variables of installations, such as npm_config_registry
	InstallTime  time.Duration     // of one installation, 0 means 10 minutes

	resolve  func(context.Context, string) ([]netip.Addr, error)     // for tests: of names of registries
	dial     func(context.Context, netip.AddrPort) (net.Conn, error) // for tests
	bare     bool                                                    // for tests: show no programs but the system's
	noGroups bool                                                    // for tests of what stands in for cgroups
	broken   map[string]int                                          // errno by layer, for tests of what happens when a layer fails
}

// The limits that are the same for every command.
const (
	defaultTimeout     = time.Minute
	defaultInstallTime = 10 * time.Minute
	setupTimeout       = time.Minute // for setting a box up, before the command's own time begins
	defaultMemory      = 2 << 30
	defaultDisk        = 1 << 30
	defaultFiles       = 200_000
	defaultPids        = 512
	firstUID           = 100_000
	floodMax           = 64 << 20 // output beyond this ends the command
)

func (c Config) withDefaults() Config {
	for _, d := range []struct {
		at    *int64
		value int64
	}{{&c.Memory, defaultMemory}, {&c.Disk, defaultDisk}} {
		if *d.at == 0 {
			*d.at = d.value
		}
	}
	for _, d := range []struct{ at, value *int }{{&c.Files, ptr(defaultFiles)}, {&c.Pids, ptr(defaultPids)}, {&c.HostUID, ptr(firstUID)}} {
		if *d.at == 0 {
			*d.at = *d.value
		}
	}
	c.InstallTime = cmp.Or(c.InstallTime, defaultInstallTime)
	switch c.Cache {
	case "":
		if dir, err := os.UserCacheDir(); err == nil {
			c.Cache = filepath.Join(dir, "daemon-hotfix", "box")
		}
	case "-":
		c.Cache = ""
	}
	return c
}

func ptr(n int) *int { return &n }
