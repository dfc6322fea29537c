package sandbox_test

import (
	"context"
	"fmt"
	"math/bits"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

func TestBisect(t *testing.T) {
	t.Parallel()
	const commits = 20
	fault := "export function ratio(a, b) { return BigInt(a) / BigInt(b); }\n"

	for _, c := range []struct {
		name    string
		at      func(i int) string // src/ratio.js at commit i
		want    int                // the commit that brought the fault in, -1: none may be named
		because string
	}{
		{"in the middle", func(i int) string { return pick(i < 13, nodeFix, fault) }, 13, ""},
		{"the latest", func(i int) string { return pick(i < commits-1, nodeFix, fault) }, commits - 1, ""},
		{"always there", func(int) string { return fault }, -1, "as far back"},
		{"cannot be loaded before", func(i int) string { return pick(i < 13, "export const other = 1;\n", fault) }, -1, "as far back"},
		{"not there at all", func(int) string { return nodeFix }, -1, "do not show the fault"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			dir, r := origin(t, merge(nodePlugin, map[string]string{"src/ratio.js": c.at(0), "note.txt": "0"}))
			var hashes []string
			head, err := r.Head()
			require.NoError(t, err)
			hashes = append(hashes, head.Hash().String())
			for i := 1; i < commits; i++ {
				hashes = append(hashes, commit(t, dir, r, map[string]string{"src/ratio.js": c.at(i), "note.txt": fmt.Sprint(i)}))
			}
			tree := clone(t, dir, "")
			b := sandbox.Bisection{Box: native(t), Tree: tree, Toolchain: tree.Toolchain(), Files: map[string]string{"test/zero.test.js": nodeTest},
				Failing: []string{"six by zero"}}
			got, err := b.Find(context.Background())
			require.NoError(t, err)
			if c.want < 0 {
				require.Empty(t, got.Commit)
				require.Contains(t, got.Because, c.because)
				return
			}
			require.Equal(t, hashes[c.want], got.Commit, got.Because)
			require.LessOrEqual(t, got.Runs, 2*bits.Len(commits)+3)
		})
	}
}

func pick(yes bool, a, b string) string {
	if yes {
		return a
	}
	return b
}
