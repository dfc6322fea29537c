package sandbox_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestReapply(t *testing.T) {
	t.Parallel()
	const was = "a\nb\nc\nd\ne\nf\ng\nh\n"
	for _, tt := range []struct{ name, change, since, want, err string }{
		{"moved down", "e\n", "0\n0\n" + was, "0\n0\na\nb\nc\nd\nE\nf\ng\nh\n", ""},
		{"the line beside it changed", "e\n", strings.Replace(was, "d\n", "D\n", 1), "a\nb\nc\nD\nE\nf\ng\nh\n", ""},
		{"all around it changed", "e\n", "x\ne\ny\n", "x\nE\ny\n", ""},
		{"the line itself changed", "e\n", strings.Replace(was, "e\n", "e2\n", 1), "", "what the patch replaces in x.txt does not stand there once any more"},
		{"it stands there twice", "e\n", "x\ne\ny\nx\ne\ny\n", "", "what the patch replaces in x.txt does not stand there once any more"},
		{"the file is gone", "e\n", "", "", "x.txt does not exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			tree := plant(t, map[string]string{"x.txt": was})
			require.NoError(t, tree.Write("x.txt", strings.Replace(was, tt.change, strings.ToUpper(tt.change), 1)))
			require.NoError(t, tree.Write("new.txt", "new\n"))
			p, err := tree.Patch(nil)
			require.NoError(t, err)
			files := map[string]string{"README.md": "a readme\n"}
			if tt.since != "" {
				files["x.txt"] = tt.since
			}
			now := plant(t, files)
			err = now.Reapply(p.Diff)
			if tt.err != "" {
				require.EqualError(t, err, tt.err)
				return
			}
			require.NoError(t, err)
			got, err := now.Read("x.txt")
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.True(t, now.Has("new.txt"))
			require.EqualError(t, now.Reapply(p.Diff), "new.txt is new in the patch, and there is one by now")
		})
	}
}
