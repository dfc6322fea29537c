package agent

import (
	"fmt"
	"strings"
)

const (
	digestArgs   = 160 // characters of one call's arguments
	digestResult = 160 // and of its result
	digestPinned = 1500
)

// digested says how many of the run's steps, the oldest, are told in short. None are while leaving results out is
// enough; then all but the latest go at once, so that the history mostly grows at its end.
func (a *Agent) digested(run *Run) int {
	o := a.Observe.defaults()
	keep := max(1, o.Keep-run.Tight)
	if run.Tight > maskTight {
		return max(0, len(run.Steps)-keep)
	}
	masked := o.tighter(run.Tight).masked(run.Steps)
	told, size := 0, 0
	for i := range run.Steps {
		if size += weight(run.Steps, i, masked); size <= o.Whole {
			continue
		}
		told, size = max(told, i+1-keep), 0
		for j := told; j <= i; j++ {
			size += weight(run.Steps, j, masked)
		}
	}
	return told
}

// weight is how many characters step i has in the history.
func weight(steps []Step, i int, masked map[place]bool) int {
	n := len(steps[i].Reply) + len(steps[i].Note)
	for j, c := range steps[i].Calls {
		if n += len(c.Args); !masked[place{i, j}] {
			n += len(c.Result)
		}
	}
	return n
}

// digest tells steps in short: what was said, asked for and found. Evidence is told at more length.
func digest(steps []Step) string {
	var b strings.Builder
	b.WriteString("What you did so far, in short:\n")
	for i, s := range steps {
		fmt.Fprintf(&b, "%d. %s\n", i+1, short(s.Reply, digestResult))
		for _, c := range s.Calls {
			limit := digestResult
			if c.Pin {
				limit = digestPinned
			}
			fmt.Fprintf(&b, "   %s %s: %s\n", c.Tool, short(raw(c.Args), digestArgs), short(c.Result, limit))
		}
		if s.Note != "" {
			fmt.Fprintf(&b, "   told: %s\n", short(s.Note, digestResult))
		}
	}
	b.WriteString("Call a tool again for what you need of it.")
	return b.String()
}

// short is the start of s in one line.
func short(s string, limit int) string { return clip(strings.Join(strings.Fields(s), " "), limit) }
