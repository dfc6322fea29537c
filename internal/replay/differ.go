package replay

import (
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
)

// A Divergence is where a run that was played again first came to something else.
type Divergence struct {
	Step  int    // 1 is the model's first reply; 0 is what it was told before, -1 the end of the run
	Field string // of the step: "reply", "answer of run-tests", ...
	What  string
}

// The steps that are none of the model's.
const (
	AtPrompt = 0
	AtEnd    = -1
)

func (d *Divergence) String() string {
	switch d.Step {
	case AtPrompt:
		return fmt.Sprintf("before the first step: %s: %s", d.Field, d.What)
	case AtEnd:
		return fmt.Sprintf("at its end: %s: %s", d.Field, d.What)
	}
	return fmt.Sprintf("at step %d: %s: %s", d.Step, d.Field, d.What)
}

// differ says how two texts differ, "" if they do not. What differs from run to run although nothing happened (see
// model.Normalise) is no difference.
func differ(was, is string) string {
	if was == is {
		return ""
	}
	if was, is = model.Normalise(was), model.Normalise(is); was == is {
		return ""
	}
	before, after := strings.Split(was, "\n"), strings.Split(is, "\n")
	for i := range min(len(before), len(after)) {
		if before[i] != after[i] {
			return fmt.Sprintf("line %d was %s, is %s", i+1, short(before[i]), short(after[i]))
		}
	}
	return fmt.Sprintf("it had %d lines, has %d", len(before), len(after))
}

const shortMax = 200 // characters

func short(s string) string {
	if r := []rune(s); len(r) > shortMax {
		s = string(r[:shortMax]) + "..."
	}
	return fmt.Sprintf("%q", s)
}
