package sandbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func TestTerrain(t *testing.T) {
	t.Parallel()
	dir, r := origin(t, merge(nodePlugin, map[string]string{"src/a.js": "import { ratio } from './ratio.js';\n", "src/b.js": "const { ratio } = require('../src/ratio');\n",
		"src/c.js": "import { other } from './ratios.js';\n"}))
	commit(t, dir, r, map[string]string{"README.md": "one\n"})
	commit(t, dir, r, map[string]string{"src/ratio.js": "// twice\n" + nodePlugin["src/ratio.js"]})
	tree := clone(t, dir, "")
	require.NoError(t, tree.Write("src/ratio.js", nodeFix))
	tc := tree.Toolchain()
	p, err := tree.Patch(tc)
	require.NoError(t, err)
	got, err := tree.Terrain(tc, p, someone.When.Add(48*time.Hour))
	require.NoError(t, err)
	require.Equal(t, map[string]int{"src/ratio.js": 3}, got.Importers, "a.js, b.js and the test")
	require.Equal(t, map[string]int{"src/ratio.js": 1}, got.Changes)
	require.Equal(t, map[string]time.Duration{"src/ratio.js": 48 * time.Hour}, got.Age)
}

func TestForbids(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]bool{
		"We do not accept AI-generated pull requests.\n":                                     true,
		"Please read this first. Pull requests written by LLMs are closed without review.\n": true,
		"Contributions from bots are not accepted\n":                                         true,
		"Pull requests need a test. Do not use tabs.\n":                                      false,
		"AI-assisted contributions are welcome when they say so.\n":                          false,
		"Code of the bot must never log tokens.\n":                                           false,
	} {
		tree := plant(t, map[string]string{"CONTRIBUTING.md": text})
		require.Equal(t, want, tree.Forbids() != nil, text)
	}
}
