package sandbox

// A boot is what the first process of a box is told: everything it shall set up, and the command.
type boot struct {
	Args    []string
	Env     []string
	Dir     string   // of the command, below treeDir
	Report  string   // a path, "" for none
	Keep    bool     // send the tree back when the command has ended
	Proxy   bool     // let the command reach a proxy
	Install bool     // send back what the command has installed
	Skip    []string // directories of the tree that are mounts of their own
	Root    bool     // the caller is the machine's root: take the mapped user, drop groups
	Mounts  []mount
	Links   map[string]string
	Files   map[string]string
	Disk    int64
	Inodes  int
	Limits  []limit
	Guest   bool           // the root and the namespaces are there already: do the rest
	ABI     int            // of Landlock, 0 if the kernel has none
	Grouped bool           // a cgroup counts all memory; without one, memory that no process maps is forbidden
	Canary  *canary        // tried instead of a command
	Break   map[string]int // errno by layer or by step of one, for tests; 0 leaves it out in silence, -1 is silent but does not claim to have it
}

// A mount is a directory or file of the host that appears read-only in the box.
type mount struct {
	Src, Dst string
	Kind     mountKind
}

type mountKind string

const (
	readOnly mountKind = "ro"
	device   mountKind = "device"
	layered  mountKind = "cache" // read-only below a layer that takes the writes and is thrown away
	writable mountKind = "rw"
)

// A limit is one resource limit, soft and hard.
type limit struct {
	Resource int
	Value    uint64
}

// A message is what the first process says to its parent.
type message struct {
	Ready    bool     `json:",omitempty"` // everything below is in force, the command starts now
	Enforced []string `json:",omitempty"`
	Layer    string   `json:",omitempty"` // the layer that could not be set up
	Err      string   `json:",omitempty"`
	Ended    bool     `json:",omitempty"`
	Exit     int      `json:",omitempty"`
	Signal   int      `json:",omitempty"`
	Report   []byte   `json:",omitempty"`
}

// confined is the byte that the first process waits for before it takes the tree: it is in its cgroup by then.
const confined = 'c'

// bootName is the name under which our own program is started as the first process of a box.
const bootName = "daemon-hotfix-box"
