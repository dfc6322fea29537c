package triage

import (
	"fmt"
	"strings"
	"time"
)

// Quiet are the hours of a day in which nothing is attempted, such as the night of those who review.
type Quiet struct {
	From, To time.Duration // since midnight; From after To goes over midnight
	Zone     *time.Location
}

// ParseQuiet reads "22:00-06:30", in UTC, or "22:00-06:30 Europe/Berlin".
func ParseQuiet(s string) (*Quiet, error) {
	hours, zone, _ := strings.Cut(strings.TrimSpace(s), " ")
	from, to, ok := strings.Cut(hours, "-")
	at, err := time.LoadLocation(strings.TrimSpace(zone))
	if err != nil || !ok {
		return nil, fmt.Errorf("%q are no quiet hours: write 22:00-06:30 or 22:00-06:30 Europe/Berlin", s)
	}
	q := &Quiet{Zone: at}
	for _, end := range []struct {
		text string
		into *time.Duration
	}{{from, &q.From}, {to, &q.To}} {
		t, err := time.Parse("15:04", strings.TrimSpace(end.text))
		if err != nil {
			return nil, fmt.Errorf("%q are no quiet hours: write 22:00-06:30 or 22:00-06:30 Europe/Berlin", s)
		}
		*end.into = time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	}
	return q, nil
}

// Holds reports whether t is in the quiet hours.
func (q *Quiet) Holds(t time.Time) bool {
	if q == nil || q.From == q.To {
		return false
	}
	t = t.In(q.Zone)
	at := time.Duration(t.Hour())*time.Hour + time.Duration(t.Minute())*time.Minute
	if q.From < q.To {
		return at >= q.From && at < q.To
	}
	return at >= q.From || at < q.To
}

// String is the hours as they are written.
func (q *Quiet) String() string {
	clock := func(d time.Duration) string { return fmt.Sprintf("%02d:%02d", int(d.Hours()), int(d.Minutes())%60) }
	return clock(q.From) + "-" + clock(q.To) + " " + q.Zone.String()
}
