package triage

import (
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskPlace: a failure that names its place is seldom repaired somewhere else.
func riskPlace(s Subject) (hotfix.Risk, string) {
	frames := Frames(s.Case.Latest)
	if len(frames) == 0 {
		return 0, ""
	}
	for _, c := range s.source() {
		for _, f := range frames {
			if f.File == c.path() || strings.HasSuffix(f.File, "/"+c.path()) || strings.HasSuffix(c.path(), "/"+f.File) {
				return 0, ""
			}
		}
	}
	return hotfix.LowRisk, "The failure names " + quoted(frames[0].File) + ", which is not changed."
}
