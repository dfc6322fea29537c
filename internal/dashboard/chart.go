package dashboard

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A chart is stacked bars over time, drawn on the server. Its numbers stand in a table beside it for those who cannot
// see it.
type chart struct {
	Title  string   `json:"title"`
	Series []series `json:"series"`
	Spans  []span   `json:"spans"`
	Width  int      `json:"-"`
	Height int      `json:"-"`
	Lines  []rule   `json:"-"`     // across, at round numbers
	Ticks  []tick   `json:"-"`     // along the bottom
	Hours  int      `json:"hours"` // of one span
	Plain  bool     `json:"-"`     // one series: no legend
}

// A series is one colour of a chart.
type series struct {
	Name  string `json:"name"`
	Total int    `json:"total"`
	Rest  bool   `json:"rest,omitempty"` // it stands for all that have no colour of their own
}

// A span is one bar.
type span struct {
	At    time.Time `json:"at"`
	Total int       `json:"total"`
	N     []int     `json:"n"` // of each series
	X, W  float64   `json:"-"`
	Parts []part    `json:"-"`
}

type part struct {
	Series int
	Y, H   float64
}

type rule struct {
	Y     float64
	Label string
}

type tick struct {
	X     float64
	Label string
}

// The picture's own units; the page scales it.
const (
	chartWide, chartNarrow = 960, 600
	chartHeight            = 220
	chartLeft, chartBottom = 44, 24
	chartTop               = 10
	coloursMax             = 6
)

// newChart counts tallies in spans of so many hours from since to until. The plugins that failed most have a colour each.
func newChart(title string, width int, tallies []store.Tally, since, until time.Time, hours int) *chart {
	step := time.Duration(hours) * time.Hour
	since = since.UTC().Truncate(step)
	c := &chart{Title: title, Hours: hours, Width: width, Height: chartHeight}
	totals := map[string]int{}
	for _, t := range tallies {
		totals[t.Of] += t.N
	}
	for name, n := range totals {
		c.Series = append(c.Series, series{Name: name, Total: n})
	}
	slices.SortFunc(c.Series, func(a, b series) int { return cmp.Or(b.Total-a.Total, cmp.Compare(a.Name, b.Name)) })
	if len(c.Series) > coloursMax {
		rest := series{Name: fmt.Sprintf("%d others", len(c.Series)-coloursMax+1), Rest: true}
		for _, s := range c.Series[coloursMax-1:] {
			rest.Total += s.Total
		}
		c.Series = append(c.Series[:coloursMax-1], rest)
	}
	at := map[string]int{}
	for i, s := range c.Series {
		at[s.Name] = i
	}
	for t := since; t.Before(until); t = t.Add(step) {
		c.Spans = append(c.Spans, span{At: t, N: make([]int, len(c.Series))})
	}
	for _, t := range tallies {
		i := int(t.At.Sub(since) / step)
		if t.At.Before(since) || i >= len(c.Spans) {
			continue
		}
		s, ok := at[t.Of]
		if !ok {
			s = len(c.Series) - 1
		}
		c.Spans[i].N[s] += t.N
		c.Spans[i].Total += t.N
	}
	c.Plain = len(c.Series) <= 1
	c.draw()
	return c
}

// draw finds the place of everything.
func (c *chart) draw() {
	most := 0
	for _, s := range c.Spans {
		most = max(most, s.Total)
	}
	top := roundUp(most)
	floor := float64(c.Height - chartBottom)
	scale := (floor - chartTop) / float64(top)
	for i := range 3 {
		n := top * i / 2
		c.Lines = append(c.Lines, rule{floor - float64(n)*scale, number(n)})
	}
	slot := float64(c.Width-chartLeft) / float64(max(len(c.Spans), 1))
	gap := min(2, slot/4)
	every := max(1, (len(c.Spans)*130+c.Width-1)/c.Width)
	for i := range c.Spans {
		s := &c.Spans[i]
		s.X, s.W = chartLeft+float64(i)*slot+gap/2, slot-gap
		y := floor
		for k, n := range s.N {
			if h := float64(n) * scale; h > 0 {
				y -= h
				s.Parts = append(s.Parts, part{k, y, h})
			}
		}
		if i%every == 0 {
			c.Ticks = append(c.Ticks, tick{s.X, s.At.Format(cmp.Or(map[bool]string{true: "15:04"}[c.Hours < 6], "2 Jan"))})
		}
	}
}

// roundUp is the next number that halves nicely.
func roundUp(n int) int {
	for size := 1; ; size *= 10 {
		for _, m := range []int{2, 4, 6, 10} {
			if m*size >= n {
				return m * size
			}
		}
	}
}

// A spark is one plugin's rate in a row of a table.
type spark struct {
	Plugin string `json:"plugin"`
	Total  int    `json:"total"`
	Before int    `json:"before"` // in the period before, as long as this one
	N      []int  `json:"n"`
	Most   int    `json:"-"`
	Bars   []part `json:"-"` // Series is the place
}

const sparkHeight = 24

// sparks are the rates of each plugin, the one that fails most first.
func sparks(tallies []store.Tally, since, until time.Time, hours int) []spark {
	step := time.Duration(hours) * time.Hour
	since = since.UTC().Truncate(step)
	count := int(until.Sub(since)/step) + 1
	by := map[string]*spark{}
	for _, t := range tallies {
		s := by[t.Of]
		if s == nil {
			s = &spark{Plugin: t.Of, N: make([]int, count)}
			by[t.Of] = s
		}
		if i := int(t.At.Sub(since) / step); t.At.Before(since) {
			s.Before += t.N
		} else if i < count {
			s.Total += t.N
			s.N[i] += t.N
			s.Most = max(s.Most, s.N[i])
		}
	}
	var out []spark
	for _, s := range by {
		for i, n := range s.N {
			if n > 0 {
				h := max(1, float64(n)/float64(s.Most)*sparkHeight)
				s.Bars = append(s.Bars, part{i, sparkHeight - h, h})
			}
		}
		out = append(out, *s)
	}
	slices.SortFunc(out, func(a, b spark) int {
		return cmp.Or(b.Total-a.Total, b.Before-a.Before, cmp.Compare(a.Plugin, b.Plugin))
	})
	return out
}

// A burst is a time in which several plugins failed far more often than they use to: rather one thing behind them all
// than as many bugs.
type burst struct {
	From    time.Time `json:"from"`
	To      time.Time `json:"to"`
	Plugins []string  `json:"plugins"`
	Count   int       `json:"count"`
}

const (
	burstPlugins = 3 // that have to fail at once
	burstLeast   = 3 // failures of each
	burstFactor  = 3 // times their mean
)

// bursts looks through the hours of tallies.
func bursts(hourly []store.Tally, hours int) []burst {
	sum := map[string]int{}
	byHour := map[time.Time][]store.Tally{}
	for _, t := range hourly {
		sum[t.Of] += t.N
		byHour[t.At] = append(byHour[t.At], t)
	}
	var out []burst
	for at, list := range byHour {
		b := burst{From: at, To: at.Add(time.Hour)}
		for _, t := range list {
			others := float64(sum[t.Of]-t.N) / float64(max(hours-1, 1))
			if t.N >= burstLeast && float64(t.N) >= burstFactor*others {
				b.Plugins = append(b.Plugins, t.Of)
				b.Count += t.N
			}
		}
		if len(b.Plugins) >= burstPlugins {
			out = append(out, b)
		}
	}
	slices.SortFunc(out, func(a, b burst) int { return b.From.Compare(a.From) })
	return out
}
