//go:build !amd64

package sandbox_test

// foreignEnds is what is said of it where nothing holds it.
const foreignEnds = "bad system call"

// foreign is a program that the filter ends: elsewhere there is one table of calls only, so it ends itself in the same way.
func foreign() []byte { return []byte("#!/bin/sh\nkill -SYS $$\n") }
