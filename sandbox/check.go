package sandbox

// A Finding is one thing that was found out about the boxes of this machine.
type Finding struct {
	Name string `json:"name"`
	Held bool   `json:"held"`
	Says string `json:"says"`
}

// A canary is what the first process of a box tries in place of a command. Each of its tries must fail.
type canary struct {
	File  string // of the machine; holds what must not be read
	Port  int    // of the machine's loopback, where someone listens
	Sleep bool   // try nothing and never end
}
