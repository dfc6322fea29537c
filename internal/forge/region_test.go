package forge

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"
)

// Whatever people did to a body, orphaned lines of ours included: a save changes the managed part alone, finds it
// again the next time, and a second save of the same text changes nothing.
func TestSplice(t *testing.T) {
	t.Parallel()
	managed := func(says string) string { return regionBegin + "\n<!-- marker -->\n" + says + "\n" + regionEnd }
	line := rapid.SampledFrom([]string{regionBegin, regionEnd, "<!-- marker -->", "text", "", " " + regionBegin, "> " + regionEnd, "é", managed("old")})
	rapid.Check(t, func(t *rapid.T) {
		ends := rapid.SampledFrom([]string{"\n", "\r\n"})
		var now strings.Builder
		for _, l := range rapid.SliceOfN(line, 0, 12).Draw(t, "lines") {
			now.WriteString(l + ends.Draw(t, "end"))
		}
		body := strings.TrimSuffix(now.String(), rapid.SampledFrom([]string{"", "\n"}).Draw(t, "cut"))
		before, had := region(body)
		first := splice(body, managed("first"))
		at, found := region(first)
		require.True(t, found)
		require.Equal(t, managed("first"), first[at.from:at.to])
		if had {
			require.Equal(t, body[:before.from]+body[before.to:], first[:at.from]+first[at.to:])
		} else {
			require.True(t, strings.TrimSpace(body) == "" || strings.HasPrefix(first, body))
		}
		require.Equal(t, first, splice(first, managed("first")))
		again := splice(first, managed("second"))
		require.Equal(t, first[:at.from]+managed("second")+first[at.to:], again)
	})
}
