package sandbox

import "github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"

// A Finding is one thing that was found out about the boxes of this machine.
type Finding = boot.Finding
