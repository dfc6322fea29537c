package tools_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// TestEditsWithTheWrongSpacing takes random blocks of this package's own code as a model would send them with other
// spacing, with a line added. What comes out is right or refused, and mostly right.
func TestEditsWithTheWrongSpacing(t *testing.T) {
	t.Parallel()
	code, err := os.ReadFile("edit.go")
	require.NoError(t, err)
	lines := strings.Split(strings.TrimSuffix(string(code), "\n"), "\n")
	b := bench(t, map[string]string{"go.mod": divide["go.mod"], "edit.go": string(code)})
	works(t, b, "clone-repo", "{}")
	right, refused := 0, 0
	rapid.Check(t, func(rt *rapid.T) {
		from := rapid.IntRange(0, len(lines)-9).Draw(rt, "from")
		size := rapid.IntRange(3, 8).Draw(rt, "size")
		spaces := rapid.SampledFrom([]string{"  ", "    ", "\t\t", "   "}).Draw(rt, "spaces")
		at := rapid.IntRange(0, size-1).Draw(rt, "at")
		block := lines[from : from+size]
		if strings.TrimSpace(block[0]) == "" || strings.TrimSpace(block[size-1]) == "" || strings.TrimSpace(block[at]) == "" {
			return
		}
		added := block[at][:len(block[at])-len(strings.TrimLeft(block[at], "\t"))] + "added()"
		changed := append(append(append([]string{}, block[:at+1]...), added), block[at+1:]...)
		want := strings.Join(append(append(append([]string{}, lines[:from]...), changed...), lines[from+size:]...), "\n") + "\n"
		damage := func(ls []string) string { return strings.ReplaceAll(strings.Join(ls, "\n"), "\t", spaces) }

		_, err := use(t, b, "write-patch", patch(edit("edit.go", damage(block), damage(changed))))
		if err != nil {
			refused++
			return
		}
		got, readErr := b.Tree.Read("edit.go")
		require.NoError(t, readErr)
		require.NoError(t, b.Tree.Write("edit.go", string(code)))
		require.Equal(t, want, got)
		right++
	})
	t.Logf("%d right, %d refused, 0 wrong", right, refused)
	require.Greater(t, right, 20*refused)
}
