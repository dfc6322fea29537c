package hotfix

import (
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A Change is what just happened to a case.
type Change string

// The changes.
const (
	Opened    Change = "opened"    // first sight
	Repeated  Change = "repeated"  // same problem, still open
	Reopened  Change = "reopened"  // came back after it was closed
	Asked     Change = "asked"     // a maintainer wants another attempt
	Duplicate Change = "duplicate" // this delivery was already counted
)

// A State is where a case stands with people.
type State string

// The states.
const (
	Open     State = "open"
	Proposed State = "proposed" // a draft pull request waits for review
	Closed   State = "closed"
	Ignored  State = "ignored" // a person closed the issue as not planned; only a person takes it up again
)

// A Case is the long-lived record of one problem: all failures with one
// fingerprint, its one issue and every attempt to fix it.
type Case struct {
	Fingerprint Fingerprint `json:"fingerprint"`
	Repo        Repo        `json:"repo"`
	Issue       int         `json:"issue"` // 0 until it exists
	Told        int         `json:"told"`  // Count when the issue was last saved
	State       State       `json:"state"`
	Count       int         `json:"count"`
	First       time.Time   `json:"first"`
	Last        time.Time   `json:"last"`
	Latest      Failure     `json:"latest"`
	Via         string      `json:"via"`  // id of the latest notice about this case; its credential is the freshest
	Seen        []string    `json:"seen"` // names of the latest occurrences, newest last
	Decision    Decision    `json:"decision"`
	Ask         *Ask        `json:"ask,omitempty"` // an attempt that was asked for and has not begun
	Attempts    []Attempt   `json:"attempts"`
	Opened      time.Time   `json:"opened,omitzero"`   // when its issue was decided upon; zero if it never was
	Snooze      *Snooze     `json:"snooze,omitempty"`  // counted in silence until it is over
	DupOf       Fingerprint `json:"dupOf,omitempty"`   // the case that it is counted on
	Stopped     string      `json:"stopped,omitempty"` // who stopped attempts that nobody asks for
	Denied      string      `json:"denied,omitempty"`  // why its issue is not in the plugin's repository
	Audit       []AuditLine `json:"audit,omitempty"`   // what people had done with it, newest last
}

// An Ask is a person's wish for another attempt.
type Ask struct {
	By   string      `json:"by"`
	Hint redact.Text `json:"hint"`
}

// A Next is what a saved case still needs done: the kind of job that a queue runs for it.
type Next string

// The kinds.
const (
	NextReport Next = "report" // make the issue match the case
	NextFix    Next = "fix"    // attempt a fix
)

// seenMax bounds how many occurrence names a case remembers. A redelivery is sent within hours; a busy case
// sees far fewer than this many in that time.
const seenMax = 256

// Observe adds f to the case and says what that changed. names are all the names under which this occurrence
// may arrive again.
func (c *Case) Observe(f Failure, names []string) Change {
	if c.saw(names) {
		return Duplicate
	}
	change := Repeated
	switch {
	case c.Count == 0:
		change, c.First = Opened, f.At
	case c.State == Closed:
		change = Reopened
	}
	if c.State != Proposed && c.State != Ignored {
		c.State = Open
	}
	c.Count++
	if !f.At.Before(c.Last) {
		c.Last, c.Latest = f.At, f
	}
	return change
}

// Asks records a person's wish for another attempt, unless the same comment was taken in before.
func (c *Case) Asks(a Ask, names []string) Change {
	if c.saw(names) {
		return Duplicate
	}
	c.Ask = &a
	if c.State != Proposed {
		c.State = Open
	}
	return Asked
}

// saw reports whether one of names was taken in before, and remembers them all.
func (c *Case) saw(names []string) bool {
	for _, n := range names {
		if slices.Contains(c.Seen, n) {
			return true
		}
	}
	c.Seen = append(c.Seen, names...)
	if n := len(c.Seen) - seenMax; n > 0 {
		c.Seen = slices.Delete(c.Seen, 0, n)
	}
	return false
}

// Running returns the attempt that is under way, or nil.
func (c *Case) Running() *Attempt {
	if n := len(c.Attempts); n > 0 && c.Attempts[n-1].Outcome.Ending == "" {
		return &c.Attempts[n-1]
	}
	return nil
}

// PR returns the number of the latest draft pull request, 0 if there was none.
func (c *Case) PR() int {
	for _, a := range slices.Backward(c.Attempts) {
		if a.Outcome.PR != 0 {
			return a.Outcome.PR
		}
	}
	return 0
}
