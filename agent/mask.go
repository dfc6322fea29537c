package agent

import (
	"errors"
	"fmt"
)

// Observe bounds what the model sees of the results of its calls. Zero fields have defaults.
type Observe struct {
	Max   int // characters of one result; default 10,000, of which the first 40 % and the last 60 %
	Total int // characters of all results; beyond it old ones are left out, down to half of it; default 120,000
	Keep  int // the latest steps, which are always shown; default 4
	Whole int // characters of all steps after that; beyond it, all but the latest steps are told in short; default 320,000
}

// maskMin is the length below which leaving a result out saves nothing.
const maskMin = 300

func (o Observe) defaults() Observe {
	if o.Max == 0 {
		o.Max = 10_000
	}
	if o.Total == 0 {
		o.Total = 120_000
	}
	if o.Keep == 0 {
		o.Keep = 4
	}
	if o.Whole == 0 {
		o.Whole = 320_000
	}
	return o
}

// A history that is too long for the model is made shorter up to maxTight times: first by leaving out more results, then,
// beyond maskTight, by telling all but the latest steps in short.
const maskTight, maxTight = 2, 4

// tighter is o with the total halved n times, and a step fewer always shown each time.
func (o Observe) tighter(n int) Observe {
	o = o.defaults()
	o.Total >>= n
	o.Keep = max(1, o.Keep-n)
	return o
}

// tooLong reports whether a model refused a history for its length.
func tooLong(err error) bool {
	var e interface{ TooLong() bool }
	return errors.As(err, &e) && e.TooLong()
}

// cap shortens a result in the middle; limit, if not 0, is the tool's own bound.
func (o Observe) cap(s string, limit int) string {
	s = clean(s)
	if s == "" {
		return "(nothing)"
	}
	if limit == 0 {
		limit = o.defaults().Max
	}
	if len(s) <= limit {
		return s
	}
	chars := []rune(s)
	if len(chars) <= limit {
		return s
	}
	head := limit * 2 / 5
	tail := limit - head
	return fmt.Sprintf("%s\n[... %d characters left out here; ask for less at a time to see them ...]\n%s",
		string(chars[:head]), len(chars)-limit, string(chars[len(chars)-tail:]))
}

// clip shortens s at its end.
func clip(s string, limit int) string {
	if chars := []rune(s); len(chars) > limit {
		return string(chars[:limit]) + "..."
	}
	return s
}

type place struct{ step, call int }

// masked says which results are left out. Nothing is until the total is passed; then enough goes at once, so that the
// history mostly grows at its end and a provider can reuse what it has read before.
func (o Observe) masked(steps []Step) map[place]bool {
	o = o.defaults()
	masked := map[place]bool{}
	size, next := 0, place{}
	for i, s := range steps {
		for _, c := range s.Calls {
			size += len(c.Result)
		}
		if size <= o.Total {
			continue
		}
		for ; size > o.Total/2 && next.step <= i-o.Keep; next = after(next, steps) {
			if next.call >= len(steps[next.step].Calls) {
				continue
			}
			if c := steps[next.step].Calls[next.call]; !c.Pin && len(c.Result) >= maskMin {
				masked[next] = true
				size -= len(c.Result)
			}
		}
	}
	return masked
}

func after(p place, steps []Step) place {
	if p.call+1 < len(steps[p.step].Calls) {
		return place{p.step, p.call + 1}
	}
	return place{p.step + 1, 0}
}
