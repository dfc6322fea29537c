package hotfix_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

const day = 24 * time.Hour

func TestObsolete(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name  string
		count int
		over  time.Duration
		after time.Duration // silence that is just enough
	}{
		{"once a day", 11, 10 * day, 14 * day}, // 13.8 days, but never sooner
		{"every other day", 11, 20 * day, 27*day + 15*time.Hour + 8*time.Minute},
		{"once a month", 11, 300 * day, 90 * day}, // never later
		{"too few to know a rate", 9, 8 * day, 90 * day},
		{"once", 1, 0, 90 * day},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := hotfix.Case{State: hotfix.Ongoing, Count: tt.count, First: noon.Add(-tt.over), Last: noon}
			_, due := c.Silent(noon.Add(tt.after - time.Minute))
			require.False(t, due)
			because, due := c.Silent(noon.Add(tt.after + time.Minute))
			require.True(t, due)
			require.NotEmpty(t, because)
		})
	}
}

// However a problem fails, a fix that did nothing is called verified in at most one case of a hundred, and one that
// helped is not kept waiting much longer than theory asks.
func TestVerified(t *testing.T) {
	t.Parallel()
	for _, failures := range []int{5, 20, 200} {
		t.Run(fmt.Sprint(failures), func(t *testing.T) {
			t.Parallel()
			rnd := rand.New(rand.NewPCG(1, uint64(failures)))
			wrong, streams, waited := 0, 20_000, 0.0
			for range streams {
				at := noon
				gap := func() time.Duration { return time.Duration(rnd.ExpFloat64() * float64(time.Hour)) }
				for range failures - 1 {
					at = at.Add(gap())
				}
				c := hotfix.Case{State: hotfix.FixMerged, Count: failures, First: noon, Last: at, Moves: []hotfix.Move{{To: hotfix.FixMerged, At: at}},
					Fix: &hotfix.Merge{Count: failures, Last: at}}
				if _, due := c.Silent(at.Add(gap())); due {
					wrong++
				}
				need := 0.0
				for _, due := c.Silent(at.Add(time.Duration(need * float64(time.Hour)))); !due; need += 0.1 {
					_, due = c.Silent(at.Add(time.Duration(need * float64(time.Hour))))
				}
				if failures == 200 {
					waited += need / float64(streams)
				}
			}
			require.LessOrEqual(t, float64(wrong)/float64(streams), 0.0125, "within what chance adds to one in a hundred")
			if failures == 200 {
				require.Less(t, waited, 1.2*math.Log(100), "hours, at one failure an hour")
			}
		})
	}
}

func TestSilenceBeginsWhenTheLastOldVersionIsGone(t *testing.T) {
	t.Parallel()
	c := hotfix.Case{State: hotfix.FixMerged, Count: 101, First: noon.Add(-100 * time.Hour), Last: noon, Moves: []hotfix.Move{{To: hotfix.FixMerged, At: noon}},
		Fix: &hotfix.Merge{Count: 101, Last: noon}}
	_, due := c.Silent(noon.Add(5 * time.Hour))
	require.True(t, due)
	c.Fix.LastStale = noon.Add(3 * time.Hour)
	_, due = c.Silent(noon.Add(5 * time.Hour))
	require.False(t, due)
	_, due = c.Silent(noon.Add(8 * time.Hour))
	require.True(t, due)
}

func TestSurging(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name string
		days []int // the last is today
		want bool
	}{
		{"the first day is not compared with anything", []int{500}, false},
		{"ten times the highest of few days", []int{2, 3, 31}, true},
		{"less than that", []int{2, 3, 30}, false},
		{"a few more are nothing", []int{0, 0, 1, 0, 0, 0, 0, 10}, false},
		{"a steady week, then six times as much", []int{20, 20, 20, 20, 20, 20, 20, 121}, true},
		{"a steady week, then not so much", []int{20, 20, 20, 20, 20, 20, 20, 120}, false},
		{"an uneven week forgives more", []int{5, 60, 5, 5, 60, 5, 5, 150}, false},
		{"but not everything", []int{5, 60, 5, 5, 60, 5, 5, 400}, true},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var c hotfix.Case
			today := noon.AddDate(0, 0, len(tt.days)-1)
			c.First = noon
			for i, n := range tt.days {
				c.Days = append(c.Days, hotfix.Day{Date: noon.AddDate(0, 0, i).Format("2006-01-02"), N: n})
			}
			because, surges := c.Surging(today)
			require.Equal(t, tt.want, surges, because)
		})
	}
}

func TestASurgeEscalatesOnce(t *testing.T) {
	t.Parallel()
	var c hotfix.Case
	c.Observe(fail("yesterday", 0))
	escalated := 0
	for i := range 40 {
		before := c.State
		c.Observe(fail(fmt.Sprint(i), 24*60+i))
		if before != c.State {
			escalated++
		}
	}
	require.Equal(t, hotfix.Escalating, c.State)
	require.Equal(t, 1, escalated)
}

// An ignored problem is worth a word when it fails ten times as often, and once a month at most.
func TestLouder(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name   string
		state  hotfix.State
		before []int // on each of the days before, oldest first
		today  int
		said   int // days ago; 0 is never
		want   bool
	}{
		{"ten times", hotfix.Ignored, []int{2, 2, 2, 2, 2, 2, 2}, 20, 0, true},
		{"nine times", hotfix.Ignored, []int{2, 2, 2, 2, 2, 2, 2}, 18, 0, false},
		{"ten times, said a week ago", hotfix.Ignored, []int{2, 2, 2, 2, 2, 2, 2}, 20, 7, false},
		{"ten times, said two months ago", hotfix.Ignored, []int{2, 2, 2, 2, 2, 2, 2}, 20, 60, true},
		{"ten times, not ignored", hotfix.Ongoing, []int{2, 2, 2, 2, 2, 2, 2}, 20, 0, false},
		{"few days are known", hotfix.Ignored, []int{1}, 11, 0, true},
		{"too few to mean anything", hotfix.Ignored, []int{0, 0, 0, 0, 0, 0, 1}, 9, 0, false},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := hotfix.Case{State: tt.state, First: noon.AddDate(0, 0, -len(tt.before))}
			for i, n := range append(tt.before, tt.today) {
				c.Days = append(c.Days, hotfix.Day{Date: noon.AddDate(0, 0, i-len(tt.before)).Format("2006-01-02"), N: n})
			}
			if tt.said > 0 {
				c.Loud = noon.AddDate(0, 0, -tt.said)
			}
			_, yes := c.Louder(noon)
			require.Equal(t, tt.want, yes)
		})
	}
}

// What came back after it was taken to be solved is tried anew.
func TestTriesBeginAnewAfterARegression(t *testing.T) {
	t.Parallel()
	ended := hotfix.Outcome{Ending: hotfix.NoFix}
	c := hotfix.Case{Attempts: []hotfix.Attempt{{Started: noon, Outcome: ended}, {Started: noon.Add(time.Hour), Outcome: ended}}}
	require.Equal(t, 2, c.Tries())
	c.Moves = []hotfix.Move{{To: hotfix.FixMerged, At: noon.Add(2 * time.Hour)}, {To: hotfix.Regressed, At: noon.Add(3 * time.Hour)}, {To: hotfix.Ongoing, At: noon.Add(9 * time.Hour)}}
	require.Equal(t, 0, c.Tries())
	c.Attempts = append(c.Attempts, hotfix.Attempt{Started: noon.Add(4 * time.Hour), Outcome: ended}, hotfix.Attempt{Started: noon.Add(5 * time.Hour)})
	require.Equal(t, 1, c.Tries(), "one is under way")
}
