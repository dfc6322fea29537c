// Package boot is the first process of a box: this program once more, in namespaces of its own, where it sets up what
// holds the command, and then starts it. It imports little, so that it runs before the rest of the program is set up.
package boot

// Orders are what the first process of a box is told: everything it shall set up, and the command.
type Orders struct {
	Args    []string
	Env     []string
	Dir     string   // of the command, below TreeDir
	Report  string   // a path, "" for none
	Keep    bool     // send the tree back when the command has ended
	Proxy   bool     // let the command reach a proxy
	Install bool     // send back what the command has installed
	Skip    []string // directories of the tree that are mounts of their own
	Root    bool     // the caller is the machine's root: take the mapped user, drop groups
	Mounts  []Mount
	Links   map[string]string
	Files   map[string]string
	Disk    int64
	Inodes  int
	Limits  map[int]uint64 // by resource, soft and hard
	Guest   bool           // the root and the namespaces are there already: do the rest
	ABI     int            // of Landlock, 0 if the kernel has none
	Grouped bool           // a cgroup counts all memory; without one, memory that no process maps is forbidden
	Canary  *Canary        // tried instead of a command
	Break   map[string]int // errno by layer or by step of one, for tests; 0 leaves it out in silence, -1 is silent but does not claim to have it
}

// A Mount is a directory or file of the host that appears read-only in the box.
type Mount struct {
	Src, Dst string
	Kind     MountKind
}

// A MountKind says what becomes of writes to a mount.
type MountKind string

// The kinds of mounts.
const (
	ReadOnly MountKind = "ro"
	Device   MountKind = "device"
	Layered  MountKind = "cache" // read-only below a layer that takes the writes and is thrown away
	Writable MountKind = "rw"
)

// A Message is what the first process says to its parent.
type Message struct {
	Ready    bool     `json:",omitempty"` // everything below is in force, the command starts now
	Enforced []string `json:",omitempty"`
	Layer    string   `json:",omitempty"` // the layer that could not be set up
	Err      string   `json:",omitempty"`
	Ended    bool     `json:",omitempty"`
	Exit     int      `json:",omitempty"`
	Signal   int      `json:",omitempty"`
	Report   []byte   `json:",omitempty"`
}

// Confined is the byte that the first process waits for before it takes the tree: it is in its cgroup by then.
const Confined = 'c'

// Name is the name under which our own program is started as the first process of a box.
const Name = "daemon-hotfix-box"

// Places of a box.
const (
	TreeDir    = "/tree"        // where a command finds the tree
	DepsDir    = "/deps"        // where an installation leaves what does not belong into the tree
	ModulesDir = "node_modules" // the name of directories of the tree that an installation fills
)

// Bounds and numbers that both sides know.
const (
	InsideID     = 1000    // the user inside
	MaxReport    = 8 << 20 // bytes of a test runner's own report
	InstallBytes = 2 << 30 // of what an installation leaves
	ProxyPort    = 3128    // where a command of an install step finds the proxy, on the box's own loopback
	ProxyAtOnce  = 64      // connections to it
)

// The descriptors that the first process is started with.
const (
	statusFD = 3 + iota // for its messages
	leftFD              // for what the command leaves
	wireFD              // for its listener
)

// A Finding is one thing that was found out about the boxes of this machine.
type Finding struct {
	Name string `json:"name"`
	Held bool   `json:"held"`
	Says string `json:"says"`
}

// A Canary is what the first process of a box tries in place of a command. Each of its tries must fail.
type Canary struct {
	File  string // of the machine; holds what must not be read
	Port  int    // of the machine's loopback, where someone listens
	Sleep bool   // try nothing and never end
}
