package sandbox

import "strings"

// Commands take the place of those that were found out, where a repository knows better. They run in the same boxes,
// with the same limits and the same registries. An empty one changes nothing.
type Commands struct {
	Install string // fetches the dependencies, if the tree has any
	Test    string // runs all tests, or those of {file}, if that word is in it
}

// script is what package.json would say is the test script.
func (c Commands) script(m manifest) manifest {
	if c.Test != "" {
		m.Scripts = map[string]string{"test": c.Test}
	}
	return m
}

// over is tc with these commands. Those of runners that are recognised by their script have been read as that.
func (c Commands) over(tc *Toolchain) *Toolchain {
	if c.Install != "" && tc.Install != nil {
		in := *tc.Install
		in.Command, in.Relaxed, in.Scripts = []string{"sh", "-c", c.Install}, nil, nil
		tc.Install = &in
	}
	if c.Test == "" || tc.Name == "node" || tc.Name == "bun" {
		return tc
	}
	tc.Test = func(file string) []string {
		if file != "" {
			file = quote([]string{file})
		}
		return []string{"sh", "-c", strings.TrimSpace(strings.ReplaceAll(c.Test, "{file}", file))}
	}
	tc.Report, tc.Read, tc.Named = "", nil, nil // it is judged by how it exits
	return tc
}
