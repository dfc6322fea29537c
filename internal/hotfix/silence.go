package hotfix

import (
	"fmt"
	"math"
	"time"
)

const day = 24 * time.Hour

// How long silence must last to say something. A problem is obsolete after three times the silence that its rate
// explains in one case of a hundred, within these bounds.
const (
	obsoleteMin = 14 * day
	obsoleteMax = 90 * day
	rateKnown   = 10 // failures from which a rate is believed
)

// Silent reports whether the case has been silent for so long that FellSilent is due, and why.
func (c *Case) Silent(now time.Time) (because string, due bool) {
	since, need := c.silence()
	if since.IsZero() || need == 0 || now.Sub(since) < need {
		return "", false
	}
	if c.State.Open() {
		return fmt.Sprintf("Silent for %s. It was %s, so %s of silence is taken to mean that it is over.", span(now.Sub(since)), c.pace(), span(need)), true
	}
	return fmt.Sprintf("Silent for %s since then. It was %s; if that went on, so long a silence would be seen in one case of a hundred.",
		span(now.Sub(since)), c.pace()), true
}

// SilentFrom is when the case becomes silent if it does not fail again, the zero time if it never does.
func (c *Case) SilentFrom() time.Time {
	since, need := c.silence()
	if since.IsZero() || need == 0 {
		return time.Time{}
	}
	return since.Add(need)
}

// silence is since when the case is silent, and for how long it must be.
func (c *Case) silence() (since time.Time, need time.Duration) {
	n, over := c.sample()
	switch {
	case c.State.Open():
		need = obsoleteMax
		if n >= rateKnown {
			need = time.Duration(3 * math.Log(100) * float64(over) / float64(n-1))
		}
		return later(c.Last, c.Latest.When()), min(max(need, obsoleteMin), obsoleteMax)
	case c.State == FixMerged || c.State == Closed:
		since = c.Moved()
		if c.Fix != nil { // while others fail, the version with the fix is not everywhere yet
			since = later(since, c.Fix.LastStale)
		}
		return since, telling(n, over)
	}
	return time.Time{}, 0
}

func later(a, b time.Time) time.Time {
	if b.After(a) {
		return b
	}
	return a
}

// telling is the silence that follows n failures within over, and that nothing but a change explains: were the rate
// the same, it would be seen once in a hundred cases. For few failures it is much longer than their rate suggests,
// because they say little about the rate: (1+t/over)^-(n-1) = 1/100.
func telling(n int, over time.Duration) time.Duration {
	if n < 2 || over <= 0 {
		return obsoleteMax
	}
	t := float64(over) * (math.Pow(100, 1/float64(n-1)) - 1)
	return min(time.Duration(min(t, float64(obsoleteMax))), obsoleteMax)
}

// sample is how often the case failed before the fix, and within which time.
func (c *Case) sample() (n int, over time.Duration) {
	n, last := c.Count, c.Last
	if c.Fix != nil {
		n, last = c.Fix.Count, c.Fix.Last
	}
	return n, last.Sub(c.First)
}

// pace is how often the case failed, in words.
func (c *Case) pace() string {
	n, over := c.sample()
	if n < 2 || over <= 0 {
		return "seen once"
	}
	if over < day {
		return fmt.Sprintf("seen %d times within %s", n, span(over))
	}
	return fmt.Sprintf("seen %d times in %s, %.2g a day", n, span(over), float64(n-1)/over.Hours()*24)
}

// span is a duration in words, in its largest unit.
func span(t time.Duration) string {
	for _, unit := range []struct {
		is   time.Duration
		name string
	}{{day, "day"}, {time.Hour, "hour"}, {time.Minute, "minute"}, {time.Second, "second"}} {
		if n := int(t / unit.is); n > 0 {
			if n == 1 {
				return "one " + unit.name
			}
			return fmt.Sprintf("%d %ss", n, unit.name)
		}
	}
	return "less than a second"
}

// A Day is how often a case failed on one day, by UTC.
type Day struct {
	Date string `json:"date"` // 2026-05-04
	N    int    `json:"n"`
}

const (
	daysMax   = 60 // days that a case remembers
	surgeDays = 7  // that today is compared with
	surgeMin  = 10 // failures below which nothing is a surge
)

const dateForm = "2006-01-02"

// countDay counts one failure on its day. One from before what is remembered counts in the total alone.
func (c *Case) countDay(at time.Time) {
	date := at.UTC().Format(dateForm)
	i := len(c.Days)
	for i > 0 && c.Days[i-1].Date > date {
		i--
	}
	switch {
	case i > 0 && c.Days[i-1].Date == date:
		c.Days[i-1].N++
	case i == 0 && len(c.Days) >= daysMax:
	default:
		c.Days = append(c.Days[:i:i], append([]Day{{date, 1}}, c.Days[i:]...)...)
	}
	if n := len(c.Days) - daysMax; n > 0 {
		c.Days = append([]Day(nil), c.Days[n:]...)
	}
}

// PerDay is how often the case failed on each of the last n days up to today, oldest first.
func (c *Case) PerDay(today time.Time, n int) []int {
	counts := map[string]int{}
	for _, d := range c.Days {
		counts[d.Date] = d.N
	}
	out := make([]int, n)
	for i := range out {
		out[i] = counts[today.UTC().AddDate(0, 0, i-n+1).Format(dateForm)]
	}
	return out
}

// How much louder a problem that nobody wants must be to be worth a word, and how often.
const (
	loudTimes = 10
	loudEvery = 30 * day
)

// Louder reports whether an ignored case surges to ten times what it used to be, and how much that is, unless that was
// said within a month. It is asked of the day of at.
func (c *Case) Louder(at time.Time) (because string, yes bool) {
	because, yes = c.Surging(at)
	if !yes || c.State != Ignored || !c.Loud.IsZero() && at.Sub(c.Loud) < loudEvery {
		return because, false
	}
	days := c.PerDay(at, surgeDays+1)
	today, before := days[surgeDays], 0
	for _, n := range days[:surgeDays] {
		before += n
	}
	known := min(max(int(at.UTC().Truncate(day).Sub(c.First.UTC().Truncate(day))/day), 1), surgeDays)
	return because, today*known >= loudTimes*before
}

// Surging reports whether the case fails on the day of at much more often than on the days before, and how much that
// is. A week of days makes a forecast: the more they differ, the less a high one means. Of fewer days only their
// highest is known, and ten times that is a surge. On its first day nothing is.
func (c *Case) Surging(at time.Time) (because string, yes bool) {
	known := int(at.UTC().Truncate(day).Sub(c.First.UTC().Truncate(day)) / day)
	if known < 1 {
		return "", false
	}
	days := c.PerDay(at, min(known, surgeDays)+1)
	today, before := days[len(days)-1], days[:len(days)-1]
	sum, high := 0, 0
	for _, n := range before {
		sum, high = sum+n, max(high, n)
	}
	mean := float64(sum) / float64(len(before))
	limit := 10 * float64(high)
	if len(before) == surgeDays && mean > 0 {
		var square float64
		for _, n := range before {
			square += (float64(n) - mean) * (float64(n) - mean)
		}
		dev := math.Sqrt(square / float64(len(before)))
		limit = max(float64(high)*min(max(5*math.Exp(-0.65*dev/mean), 2), 5), mean+mean*min(max((mean+5*dev)/mean, 5), 8))
	}
	if float64(today) <= max(limit, surgeMin) {
		return "", false
	}
	return fmt.Sprintf("%d failures today, and %.2g a day over the %s before.", today, mean, span(time.Duration(len(before))*day)), true
}
