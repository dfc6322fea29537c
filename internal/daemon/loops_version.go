package daemon

import (
	"regexp"
	"strconv"
	"strings"
)

var versionParts = regexp.MustCompile(`^v?(\d{1,9})(?:\.(\d{1,9}))?(?:\.(\d{1,9}))?$`)

// reached reports whether ref is version or, where both are plain version numbers, a later one. Refs of other kinds
// have no order, so they must be equal.
func reached(ref, version string) bool {
	ref = strings.TrimPrefix(strings.TrimPrefix(ref, "dist/"), "refs/tags/")
	have, want := versionParts.FindStringSubmatch(ref), versionParts.FindStringSubmatch(version)
	if have == nil || want == nil {
		return ref == version
	}
	for i := 1; i < len(have); i++ {
		h, _ := strconv.Atoi(have[i]) // an absent part counts as 0
		w, _ := strconv.Atoi(want[i])
		if h != w {
			return h > w
		}
	}
	return true
}
