package boot_test

import (
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestImportsLittle: what is set up before this package is what starting a box waits for. Package net alone would bring
// most of the program before it.
func TestImportsLittle(t *testing.T) {
	t.Parallel()
	out, err := exec.Command("go", "list", "-deps", ".").Output()
	require.NoError(t, err)
	all := strings.Fields(string(out))
	require.Contains(t, all, "archive/tar")
	for _, heavy := range []string{"net", "regexp", "crypto/tls", "log/slog"} {
		require.NotContains(t, all, heavy)
	}
}
