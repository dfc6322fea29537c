package hotfix

import "time"

// A State is where a case is in its life.
type State string

// The states. In the first four the issue is open and nobody has taken the problem in hand.
const (
	New        State = "new"
	Ongoing    State = "ongoing"
	Escalating State = "escalating" // it fails much more often than it used to
	Regressed  State = "regressed"  // it failed again after it was said or seen to be fixed
	Fixing     State = "fixing"     // a draft pull request waits for review
	Closed     State = "closed"     // a person closed the issue as completed
	FixMerged  State = "fix-merged" // our draft was merged; silence has to show that it helped
	Verified   State = "verified"   // it did
	Obsolete   State = "obsolete"   // silent for longer than its own rate explains, without a fix
	Snoozed    State = "snoozed"    // counted in silence for a while
	Ignored    State = "ignored"    // a person closed the issue as not planned; only a person takes it up again
	Duplicated State = "duplicate"  // counted on another case
)

// Open reports whether the problem waits for somebody.
func (s State) Open() bool {
	return s == New || s == Ongoing || s == Escalating || s == Regressed
}

// Settled reports whether the problem is believed to be over, so that its issue is closed and may be reopened.
func (s State) Settled() bool {
	return s == Closed || s == FixMerged || s == Verified || s == Obsolete
}

// An Event is something that may move a case from one state to another.
type Event string

// The events. A failure is one of the first four.
const (
	Failed        Event = "failed"             // and nothing speaks against taking it as it is
	FailedUnfixed Event = "failed-without-fix" // at a version without the fix that was merged
	FailedUnsure  Event = "failed-unsure"      // a fix was merged, and it is not known whether the version has it
	FailedLate    Event = "failed-late"        // before the case last moved; the news of it came late
	Surged        Event = "surged"             // much more often than before
	SettledDown   Event = "settled-down"       // no longer new, or no longer more often than before
	Proposed      Event = "proposed"           // a draft pull request was opened
	Rejected      Event = "rejected"           // it was closed without being merged
	Merged        Event = "merged"
	Reverted      Event = "reverted"    // what was merged was taken back
	FellSilent    Event = "fell-silent" // for so long that it says something
	Completed     Event = "completed"   // a person closed the issue as completed
	Unwanted      Event = "unwanted"    // a person closed it as not planned, or said ignore
	TakenUp       Event = "taken-up"    // a person reopened it, or said unignore
	Hushed        Event = "hushed"      // a person said snooze
	Woke          Event = "woke"        // the snooze is over
	Joined        Event = "joined"      // a person said dup, or an outage took the case in
	Parted        Event = "parted"      // undup, or the outage is over and this one still fails
	Requested     Event = "requested"   // a person wants a fix attempted
)

// Next is the state that e leads to from s. was is the state before s, for what only interrupts. The same state
// means that e changes nothing here.
func (s State) Next(e Event, was State) State {
	switch e {
	case Failed:
		return s.failed()
	case FailedUnfixed, FailedUnsure, FailedLate:
		if s == "" {
			return New
		}
	case Proposed, Rejected, Merged, Reverted:
		return s.fixed(e)
	case Completed, Unwanted, TakenUp, Hushed, Joined, Parted, Requested:
		return s.told(e, was)
	case Surged:
		if s.Open() {
			return Escalating
		}
	case SettledDown:
		if s.Open() {
			return Ongoing
		}
	case FellSilent:
		switch {
		case s.Open():
			return Obsolete
		case s == FixMerged, s == Closed:
			return Verified
		}
	case Woke:
		if s == Snoozed {
			return was.resumed()
		}
	}
	return s
}

// failed is where one more failure leads.
func (s State) failed() State {
	switch s {
	case "":
		return New
	case Closed, FixMerged, Verified:
		return Regressed
	case Obsolete:
		return Ongoing
	}
	return s
}

// fixed is where news of our draft lead. What a person does not want to hear of stays where it is.
func (s State) fixed(e Event) State {
	switch {
	case s == "" || s == Ignored || s == Duplicated:
		return s
	case e == Merged:
		return FixMerged
	case e == Proposed && (s.Open() || s == Snoozed):
		return Fixing
	case e == Rejected && s == Fixing:
		return Ongoing
	case e == Reverted && s.Settled():
		return Regressed
	}
	return s
}

// told is where a person's word leads.
func (s State) told(e Event, was State) State {
	switch {
	case s == "":
		return s
	case e == Joined:
		return Duplicated
	case s == Duplicated:
		if e == Parted {
			return was.resumed()
		}
		return s
	case e == Unwanted:
		return Ignored
	case e == Completed && (s.Open() || s == Fixing || s == Snoozed || s == Obsolete):
		return Closed
	case e == Hushed && (s.Open() || s == Fixing):
		return Snoozed
	case e == TakenUp && (s == Ignored || s == Snoozed):
		return was.resumed()
	case (e == TakenUp || e == Requested) && s.Settled(), e == Requested && (s == Ignored || s == Snoozed):
		return Ongoing
	}
	return s
}

// resumed is the state to go on with after an interruption that began in s.
func (s State) resumed() State {
	if s.Open() || s == Fixing {
		return s
	}
	return Ongoing
}

// ByDaemon is the actor of what no person did.
const ByDaemon = "daemon-hotfix"

// An Occasion is an event with who brought it about, when, and what shows it.
type Occasion struct {
	On       Event
	By       string // a login, or ByDaemon
	At       time.Time
	Because  string // a sentence
	Evidence string // ids of failures, a comment, a pull request, a commit
}

// A Move is one step of a case's life.
type Move struct {
	From     State     `json:"from,omitempty"`
	To       State     `json:"to"`
	On       Event     `json:"on"`
	By       string    `json:"by"`
	At       time.Time `json:"at"`
	Because  string    `json:"because"`
	Evidence string    `json:"evidence,omitempty"`
	Inverse  string    `json:"inverse"` // what takes it back
}

// movesMax bounds how many moves a case keeps.
const movesMax = 50

// Take lets o move the case, and reports whether it did.
func (c *Case) Take(o Occasion) bool {
	to := c.State.Next(o.On, c.before())
	if to == c.State {
		return false
	}
	m := Move{From: c.State, To: to, On: o.On, By: o.By, At: o.At, Because: o.Because, Evidence: o.Evidence, Inverse: inverse(to, o.On)}
	c.Moves = append(c.Moves, m)
	if n := len(c.Moves) - movesMax; n > 0 {
		c.Moves = append([]Move(nil), c.Moves[n:]...)
	}
	c.State = to
	if to.Open() || to == Fixing { // whatever was merged did not end it
		c.Fix = nil
	}
	return true
}

// before is the state that the present one interrupted.
func (c *Case) before() State {
	if n := len(c.Moves); n > 0 && c.Moves[n-1].To == c.State {
		return c.Moves[n-1].From
	}
	return ""
}

// Moved is when the case last changed its state.
func (c *Case) Moved() time.Time {
	if n := len(c.Moves); n > 0 {
		return c.Moves[n-1].At
	}
	return time.Time{}
}

// inverse says what takes a move to a state back, in words for a maintainer.
func inverse(to State, on Event) string {
	switch to {
	case New, Escalating:
		return "`/hotfix snooze` or `/hotfix ignore`"
	case Regressed:
		return "close the issue as completed"
	case Fixing:
		return "close the draft"
	case Closed, FixMerged, Verified, Obsolete:
		return "reopen the issue"
	case Snoozed, Ignored:
		return "`/hotfix unignore`"
	case Duplicated:
		return "`/hotfix undup`"
	}
	switch on {
	case Woke:
		return "`/hotfix snooze`"
	case Parted:
		return "`/hotfix dup`"
	case Rejected:
		return "`/hotfix retry`"
	}
	return "`/hotfix ignore`"
}
