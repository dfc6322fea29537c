package triage

import (
	"fmt"
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// touches speaks when a file outside of tests has a name like shape. says has a place for the file.
func (s Subject) touches(level hotfix.Risk, shape *regexp.Regexp, says string) (hotfix.Risk, string) {
	for _, c := range s.files {
		if !c.test && shape.MatchString(c.path()) {
			return level, fmt.Sprintf(says, quoted(c.path()))
		}
	}
	return 0, ""
}

// adds speaks when a line outside of tests is added that looks like shape. says has a place for the file.
func (s Subject) adds(level hotfix.Risk, shape *regexp.Regexp, says string) (hotfix.Risk, string) {
	for _, c := range s.source() {
		for _, line := range fresh(c) {
			if !comment(line) && shape.MatchString(line) {
				return level, fmt.Sprintf(says, quoted(c.path()))
			}
		}
	}
	return 0, ""
}
