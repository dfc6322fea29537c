package hotfix_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// life says where every event leads from every state. A dot is where it was. The state before the present one was
// "fixing" wherever an event goes back to it.
const life = `
                    none       new        ongoing    escalating regressed  fixing     closed     fix-merged verified   obsolete   snoozed    ignored    duplicate
failed              new        .          .          .          .          .          regressed  regressed  regressed  ongoing    .          .          .
failed-without-fix  new        .          .          .          .          .          .          .          .          .          .          .          .
failed-unsure       new        .          .          .          .          .          .          .          .          .          .          .          .
failed-late         new        .          .          .          .          .          .          .          .          .          .          .          .
surged              .          escalating escalating .          escalating .          .          .          .          .          .          .          .
settled-down        .          ongoing    .          ongoing    ongoing    .          .          .          .          .          .          .          .
proposed            .          fixing     fixing     fixing     fixing     .          .          .          .          .          fixing     .          .
rejected            .          .          .          .          .          ongoing    .          .          .          .          .          .          .
merged              .          fix-merged fix-merged fix-merged fix-merged fix-merged fix-merged .          fix-merged fix-merged fix-merged .          .
fell-silent         .          obsolete   obsolete   obsolete   obsolete   .          verified   verified   .          .          .          .          .
completed           .          closed     closed     closed     closed     closed     .          .          .          closed     closed     .          .
unwanted            .          ignored    ignored    ignored    ignored    ignored    ignored    ignored    ignored    ignored    ignored    .          .
taken-up            .          .          .          .          .          .          ongoing    ongoing    ongoing    ongoing    fixing     fixing     .
hushed              .          snoozed    snoozed    snoozed    snoozed    snoozed    .          .          .          .          .          .          .
woke                .          .          .          .          .          .          .          .          .          .          fixing     .          .
joined              .          duplicate  duplicate  duplicate  duplicate  duplicate  duplicate  duplicate  duplicate  duplicate  duplicate  duplicate  .
parted              .          .          .          .          .          .          .          .          .          .          .          .          fixing
requested           .          .          .          .          .          .          ongoing    ongoing    ongoing    ongoing    ongoing    ongoing    .
`

func TestEveryStateAndEvent(t *testing.T) {
	t.Parallel()
	rows := strings.Split(strings.TrimSpace(life), "\n")
	states := strings.Fields(rows[0])
	require.Len(t, states, 13)
	require.Len(t, rows[1:], 18)
	for _, row := range rows[1:] {
		cells := strings.Fields(row)
		require.Len(t, cells, len(states)+1, row)
		for i, want := range cells[1:] {
			from, on := hotfix.State(states[i]), hotfix.Event(cells[0])
			t.Run(fmt.Sprintf("%s in %s", on, from), func(t *testing.T) {
				t.Parallel()
				if from == "none" {
					from = ""
				}
				c := hotfix.Case{State: from}
				if from != "" {
					c.Moves = []hotfix.Move{{From: hotfix.Fixing, To: from, At: noon}}
				}
				o := hotfix.Occasion{On: on, By: "ada", At: noon.Add(time.Hour), Because: "So it is.", Evidence: "comment 7"}
				if want == "." {
					require.False(t, c.Take(o))
					require.Equal(t, from, c.State)
					require.LessOrEqual(t, len(c.Moves), 1, "what changes nothing is no move")
					return
				}
				require.True(t, c.Take(o))
				require.Equal(t, hotfix.State(want), c.State)
				m := c.Moves[len(c.Moves)-1]
				require.NotEmpty(t, m.Inverse, "everything can be taken back")
				m.Inverse = ""
				require.Equal(t, hotfix.Move{From: from, To: c.State, On: on, By: "ada", At: o.At, Because: o.Because, Evidence: o.Evidence}, m)
			})
		}
	}
}

// What a move names as its inverse leads back to a state in which the problem is worked on as before.
func TestWhatAPersonDoesCanBeUndone(t *testing.T) {
	t.Parallel()
	for do, undo := range map[hotfix.Event]hotfix.Event{hotfix.Unwanted: hotfix.TakenUp, hotfix.Hushed: hotfix.TakenUp, hotfix.Joined: hotfix.Parted} {
		for _, from := range []hotfix.State{hotfix.New, hotfix.Ongoing, hotfix.Escalating, hotfix.Regressed, hotfix.Fixing} {
			c := hotfix.Case{State: from}
			require.True(t, c.Take(hotfix.Occasion{On: do}))
			require.True(t, c.Take(hotfix.Occasion{On: undo}))
			require.Equal(t, from, c.State, "%s, then %s", do, undo)
		}
	}
}

// fail is a failure at noon and that many minutes.
func fail(id string, minutes int) hotfix.Sighting {
	return hotfix.Sighting{Names: []string{id}, Failure: hotfix.Failure{ID: id, Plugin: hotfix.Plugin{Ref: "1a2b3c"}, At: noon.Add(time.Duration(minutes) * time.Minute)}}
}

func TestObserve(t *testing.T) {
	t.Parallel()
	tests := []struct {
		name   string
		state  hotfix.State
		moved  int // minutes
		at     int
		fixed  hotfix.Answer
		change hotfix.Change
		after  hotfix.State
	}{
		{"again", hotfix.New, 0, 5, hotfix.Unknown, hotfix.Repeated, hotfix.New},
		{"while a draft waits", hotfix.Fixing, 0, 5, hotfix.Unknown, hotfix.Repeated, hotfix.Fixing},
		{"though a person wants to hear no more", hotfix.Ignored, 0, 5, hotfix.Unknown, hotfix.Repeated, hotfix.Ignored},
		{"after it was closed", hotfix.Closed, 0, 5, hotfix.Unknown, hotfix.Reopened, hotfix.Regressed},
		{"before it was closed, heard of afterwards", hotfix.Closed, 10, 5, hotfix.Unknown, hotfix.Counted, hotfix.Closed},
		{"where the fix is", hotfix.FixMerged, 0, 5, hotfix.Yes, hotfix.Reopened, hotfix.Regressed},
		{"where the fix is not", hotfix.FixMerged, 0, 5, hotfix.No, hotfix.Counted, hotfix.FixMerged},
		{"who knows where", hotfix.FixMerged, 0, 5, hotfix.Unknown, hotfix.Counted, hotfix.FixMerged},
		{"where the fix is, but before it was merged", hotfix.FixMerged, 10, 5, hotfix.Yes, hotfix.Counted, hotfix.FixMerged},
		{"after it was verified, at an old version", hotfix.Verified, 0, 5, hotfix.No, hotfix.Counted, hotfix.Verified},
		{"after it was verified", hotfix.Verified, 0, 5, hotfix.Yes, hotfix.Reopened, hotfix.Regressed},
		{"after it was obsolete", hotfix.Obsolete, 0, 5, hotfix.Unknown, hotfix.Reopened, hotfix.Ongoing},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := hotfix.Case{State: tt.state, Count: 3, First: noon.Add(-time.Hour), Fix: &hotfix.Merge{PR: 4, Commit: "abc"},
				Moves: []hotfix.Move{{To: tt.state, At: noon.Add(time.Duration(tt.moved) * time.Minute)}}}
			s := fail("x", tt.at)
			s.Fixed, s.Names = tt.fixed, []string{"x", "dispatch:x"}
			require.Equal(t, tt.change, c.Observe(s))
			require.Equal(t, tt.after, c.State)
			require.Equal(t, 4, c.Count, "everything counts")
			s.Names = []string{"y", "dispatch:x"}
			require.Equal(t, hotfix.Duplicate, c.Observe(s), "the same occurrence under another name")
			require.Equal(t, 4, c.Count)
		})
	}
	var c hotfix.Case
	require.Equal(t, hotfix.Opened, c.Observe(fail("first", 0)))
	require.Equal(t, hotfix.New, c.State)
}

// The window bounds how long an issue is opened again. It never forgets a fix, nor that a problem is not wanted.
func TestTheWindow(t *testing.T) {
	t.Parallel()
	merged := &hotfix.Merge{PR: 9, Commit: "abc"}
	closed := []hotfix.Move{{To: hotfix.Closed, At: noon}}
	for _, tt := range []struct {
		name   string
		moves  []hotfix.Move
		fix    *hotfix.Merge
		window int // minutes
		past   []int
		state  hotfix.State
	}{
		{"closed, within", closed, nil, 180, nil, hotfix.Regressed},
		{"closed, outside", closed, nil, 60, []int{7}, hotfix.Regressed},
		{"closed, no window", closed, nil, 0, nil, hotfix.Regressed},
		{"obsolete, within", []hotfix.Move{{To: hotfix.Obsolete, At: noon}}, nil, 180, nil, hotfix.Ongoing},
		{"obsolete, outside", []hotfix.Move{{To: hotfix.Obsolete, At: noon}}, nil, 60, []int{7}, hotfix.Ongoing},
		{"verified by silence after it was closed", append(closed, hotfix.Move{From: hotfix.Closed, To: hotfix.Verified, At: noon.Add(90 * time.Minute)}), nil, 60, []int{7}, hotfix.Regressed},
		{"a fix was merged", []hotfix.Move{{To: hotfix.FixMerged, At: noon}}, merged, 60, nil, hotfix.Regressed},
		{"and verified", []hotfix.Move{{To: hotfix.Verified, At: noon}}, merged, 60, nil, hotfix.Regressed},
		{"not planned", []hotfix.Move{{To: hotfix.Ignored, At: noon}}, nil, 60, nil, hotfix.Ignored},
		{"open", []hotfix.Move{{To: hotfix.Ongoing, At: noon}}, nil, 60, nil, hotfix.Ongoing},
		{"snoozed", []hotfix.Move{{To: hotfix.Snoozed, At: noon}}, nil, 60, nil, hotfix.Snoozed},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			c := hotfix.Case{State: tt.moves[len(tt.moves)-1].To, Moves: tt.moves, Fix: tt.fix, Issue: 7, Count: 3, Opened: noon, Shown: hotfix.Shown{State: "closed"}}
			s := fail("f", 120)
			s.Window, s.Fixed = time.Duration(tt.window)*time.Minute, hotfix.Yes
			c.Observe(s)
			require.Equal(t, tt.state, c.State)
			require.Equal(t, tt.past, c.Past)
			require.Equal(t, tt.past == nil, c.Issue == 7)
			require.Equal(t, tt.past == nil, !c.Opened.IsZero(), "a new issue counts as one")
			require.Equal(t, 4, c.Count, "the case goes on")
		})
	}
}

func TestAnUnknownVersionIsJudgedByTime(t *testing.T) {
	t.Parallel()
	c := hotfix.Case{State: hotfix.FixMerged, Count: 9, Fix: &hotfix.Merge{PR: 4, Commit: "abc"}, Moves: []hotfix.Move{{To: hotfix.FixMerged, At: noon}}}
	require.Equal(t, hotfix.Counted, c.Observe(fail("a", 5)), "one may be the last of the old version")
	require.Equal(t, hotfix.Reopened, c.Observe(fail("b", 6)))
	require.Equal(t, hotfix.Regressed, c.State)
	require.Contains(t, c.Moves[1].Because, "not known", "and it says so")
	require.Nil(t, c.Fix, "it did not help")
}

func TestALateFailureOnlyCounts(t *testing.T) {
	t.Parallel()
	var c hotfix.Case
	c.Observe(fail("new", 0))
	c.Observe(fail("old", -60))
	require.Equal(t, 2, c.Count)
	require.Equal(t, "new", c.Latest.ID)
	require.Equal(t, noon, c.Last)
	require.Equal(t, noon.Add(-time.Hour), c.First)
}

// A kernel whose clock is wrong, or that sends old dates, is heard now. GitHub's own times are believed.
func TestTimesThatCannotBeTrue(t *testing.T) {
	t.Parallel()
	f := hotfix.Failure{At: noon.AddDate(0, -7, 0), Heard: noon}
	require.Equal(t, noon, f.When())
	f.At = noon.Add(-time.Minute)
	require.Equal(t, f.At, f.When())
	f = hotfix.Failure{At: noon.AddDate(0, 0, -2), Heard: noon, Plugin: hotfix.Plugin{Kind: "ci"}}
	require.Equal(t, f.At, f.When())
}

func TestWhatACaseRemembersIsBounded(t *testing.T) {
	t.Parallel()
	var c hotfix.Case
	for i := range 5000 {
		s := fail(fmt.Sprint(i), i*600)
		s.Failure.Plugin.Ref = fmt.Sprint(i % 100)
		c.Observe(s)
	}
	require.Equal(t, 5000, c.Count)
	require.Less(t, len(c.Seen), 1000)
	require.LessOrEqual(t, len(c.Days), 60)
	require.LessOrEqual(t, len(c.Places), 12)
	require.LessOrEqual(t, len(c.Moves), 50)
	require.Equal(t, hotfix.Duplicate, c.Observe(fail("4999", 0)))
}
