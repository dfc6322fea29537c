package sandbox_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A repository's settings take the place of what is found out, and what its runner can do stays.
func TestCommandsOfTheSettings(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name     string
		files    map[string]string
		commands sandbox.Commands
		all, one []string
		install  []string
		reads    bool // what the runner writes for machines
	}{
		{"another runner of Node", map[string]string{"package.json": `{"scripts": {"test": "make check"}, "devDependencies": {"vitest": "1"}}`}, sandbox.Commands{Test: "npx vitest run", Install: "npm ci --workspace api"},
			[]string{"sh", "-c", "node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile=/tmp/report.json"},
			[]string{"sh", "-c", "node_modules/.bin/vitest run --reporter=default --reporter=json --outputFile=/tmp/report.json a.test.js"}, []string{"sh", "-c", "npm ci --workspace api"}, true},
		{"a command with a place for the file", map[string]string{"go.mod": "module x\n", "go.sum": ""}, sandbox.Commands{Test: "make test FILE={file}"},
			[]string{"sh", "-c", "make test FILE="}, []string{"sh", "-c", "make test FILE=a.test.js"}, []string{"go", "mod", "download"}, false},
		{"nothing to install stays so", map[string]string{"go.mod": "module x\n"}, sandbox.Commands{Install: "make deps"},
			[]string{"go", "test", "-json", "-count=1", "./..."}, []string{"go", "test", "-json", "-count=1", "./."}, nil, true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tree := plant(t, c.files)
			tree.Commands = c.commands
			again, remove, err := tree.Checkout(tree.Base)
			require.NoError(t, err)
			defer func() { require.NoError(t, remove()) }()
			for _, tree := range []*sandbox.Tree{tree, again} {
				tc := tree.Toolchain()
				require.Equal(t, c.all, tc.Test(""))
				require.Equal(t, c.one, tc.Test("a.test.js"))
				require.Equal(t, c.reads, tc.Read != nil)
				if c.install == nil {
					require.Nil(t, tc.Install)
					continue
				}
				require.Equal(t, c.install, tc.Install.Command)
				require.NotEmpty(t, tc.Install.Registries, "the addresses that may be reached stay the ecosystem's")
			}
		})
	}
}
