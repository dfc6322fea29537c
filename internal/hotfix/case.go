package hotfix

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
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
	Counted   Change = "counted"   // came back, but late or where the fix is not: it counts and nothing else
	Duplicate Change = "duplicate" // this delivery was already counted
)

// A Case is the long-lived record of one problem: all failures with one
// fingerprint, its one issue and every attempt to fix it.
type Case struct {
	Fingerprint Fingerprint `json:"fingerprint"`
	Repo        Repo        `json:"repo"`
	Issue       int         `json:"issue"`          // 0 until it exists
	Past        []int       `json:"past,omitempty"` // issues that it had before, which were closed for too long to be opened again
	Told        int         `json:"told"`           // Count when the issue was last saved
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
	Opened      time.Time   `json:"opened,omitzero"`     // when its issue was decided upon; zero if it never was
	Snooze      *Snooze     `json:"snooze,omitempty"`    // counted in silence until it is over
	DupOf       Fingerprint `json:"dupOf,omitempty"`     // the case that it is counted on
	Stopped     string      `json:"stopped,omitempty"`   // who stopped attempts that nobody asks for
	Denied      string      `json:"denied,omitempty"`    // why its issue is not in the plugin's repository
	Unlabelled  redact.Text `json:"unlabelled,omitzero"` // why its issue lacks labels that were wanted
	Audit       []AuditLine `json:"audit,omitempty"`     // what people had done with it, newest last
	Asked       []AuditLine `json:"asked,omitempty"`     // what people asked without changing anything, newest last
	Moves       []Move      `json:"moves,omitempty"`     // its life so far, newest last
	Days        []Day       `json:"days,omitempty"`      // how often it failed on each, newest last
	Places      []Place     `json:"places,omitempty"`    // where it failed, the latest last
	Fix         *Merge      `json:"fix,omitempty"`       // the fix that was merged last
	Late        int         `json:"late,omitempty"`      // failures that were heard of too late to mean anything
	Loud        time.Time   `json:"loud,omitzero"`       // when it was last seen to be much louder, though ignored
	Raised      time.Time   `json:"raised,omitzero"`     // when its priority was raised, which happens once
	Shown       Shown       `json:"shown,omitzero"`      // what its issue says
	Splits      []Split     `json:"splits,omitempty"`    // failures that were counted here and are a problem of their own
	Trial       *Trial      `json:"trial,omitempty"`     // tests that were asked for and have not run
	Like        []int       `json:"like,omitempty"`      // issues in its repository that may be about the same
	Outage      bool        `json:"outage,omitempty"`    // DupOf is the same failure in another plugin, found by the daemon

	Counts []string `json:"-"` // ids of the notices whose failures this change counts; a store notes them with the case
}

// A Shown is how we left the issue of a case.
type Shown struct {
	State string    `json:"state,omitempty"` // "open" or "closed"
	At    time.Time `json:"at,omitzero"`     // when its text was written
	As    string    `json:"as,omitempty"`    // digest of what it said besides figures
	Made  time.Time `json:"made,omitzero"`   // when we first had its number
	Sure  bool      `json:"sure,omitempty"`  // looked for again since, when every list had to show it: there is no twin
}

// A Place is a version and an environment in which a case failed.
type Place struct {
	Plugin      string    `json:"plugin,omitempty"`
	Ref         string    `json:"ref,omitempty"`
	Environment string    `json:"environment,omitempty"`
	N           int       `json:"n"`
	Last        time.Time `json:"last"`
}

// placesMax bounds how many places a case remembers.
const placesMax = 12

// A Merge is a fix that was merged, and what was seen since.
type Merge struct {
	PR        int       `json:"pr"`
	Commit    string    `json:"commit"`
	At        time.Time `json:"at"`
	Count     int       `json:"count"`              // failures before it
	Last      time.Time `json:"last"`               // the last of them
	Stale     int       `json:"stale,omitempty"`    // failures since then at versions without it
	LastStale time.Time `json:"lastStale,omitzero"` // the last of those
	Unsure    int       `json:"unsure,omitempty"`   // failures since then at versions of which that is not known
	Looked    time.Time `json:"looked,omitzero"`    // when it was last seen to be there still
}

// A Revert is a commit that takes a merged fix back.
type Revert struct {
	Commit string
	By     string
	At     time.Time
	Says   redact.Text // its message
}

// An Answer is what is known about a question that has two answers.
type Answer string

// The answers.
const (
	Unknown Answer = ""
	Yes     Answer = "yes"
	No      Answer = "no"
)

// A Sighting is one failure on its way into a case.
type Sighting struct {
	Failure Failure
	Names   []string      // under which this occurrence may arrive again
	Fixed   Answer        // does the version that failed have the fix that was merged
	Counted bool          // it stands in a case already
	Window  time.Duration // how long a closed issue is opened again; 0 is for ever
}

// A Split sends the failures of a case that say Text to a case of their own.
type Split struct {
	Text string      `json:"text"` // in lower case
	To   Fingerprint `json:"to"`
	By   string      `json:"by"`
}

// A Trial is a person's wish to see the tests of a ref run.
type Trial struct {
	Comment string `json:"comment"` // that asked
	By      string `json:"by"`
	Ref     string `json:"ref"`
	Issue   int    `json:"issue"` // where the answer goes
}

// An Ask is a person's wish for another attempt.
type Ask struct {
	By      string      `json:"by"`
	Hint    redact.Text `json:"hint"`
	At      time.Time   `json:"at,omitzero"`
	Comment string      `json:"comment,omitempty"` // that asked
	Pull    int         `json:"pull,omitempty"`    // the pull request to go on with, 0 for a new one
	Answers []string    `json:"answers,omitempty"` // what of it is to be answered
}

// A Next is what a saved case still needs done: the kind of job that a queue runs for it.
type Next string

// The kinds.
const (
	NextReport Next = "report" // make the issue match the case
	NextFix    Next = "fix"    // attempt a fix
)

// seenMax bounds how many occurrence names a case remembers: a redelivery under another id is sent within hours, and
// more failures than this in between are beyond a count that matters. A store knows each notice that it counted.
const seenMax = 256

// Slack is how far two clocks may be apart: a failure this shortly after a case moved is from before.
const Slack = 5 * time.Second

// unsureMax is how many failures of an unknown version after a merge show that the fix did not help.
const unsureMax = 2

// Observe adds a failure to the case, lets it move the case, and says what that changed.
func (c *Case) Observe(s Sighting) Change {
	if s.Counted || c.saw(s.Names) {
		return Duplicate
	}
	f := s.Failure
	on, because := c.read(s)
	over := c.outside(s)
	c.count(f)
	moved := c.Take(Occasion{On: on, By: ByDaemon, At: f.When(), Because: because, Evidence: "failure " + f.ID})
	change := Repeated
	switch {
	case c.Count == 1:
		return Opened
	case moved:
		change = Reopened
		if over {
			c.Leave()
		}
	case on != Failed:
		return Counted
	}
	if why, yes := c.Surging(f.When()); yes {
		c.Take(Occasion{On: Surged, By: ByDaemon, At: f.When(), Because: why, Evidence: "failure " + f.ID})
	}
	return change
}

// outside reports whether the issue was closed for longer than the window of s when the failure came. A fix that was
// merged is not forgotten, and what a person does not want is not settled: neither ever gets another issue.
func (c *Case) outside(s Sighting) bool {
	if s.Window <= 0 || c.Issue == 0 || c.Fix != nil || !c.State.Settled() {
		return false
	}
	since := time.Time{}
	for _, m := range slices.Backward(c.Moves) {
		if !m.To.Settled() {
			break
		}
		since = m.At
	}
	return !since.IsZero() && s.Failure.When().Sub(since) > s.Window
}

// Leave makes the case one that needs a new issue. The one that it had is remembered.
func (c *Case) Leave() {
	c.Past = append(c.Past[:len(c.Past):len(c.Past)], c.Issue)
	c.Issue, c.Told, c.Opened, c.Raised, c.Shown, c.Like, c.Unlabelled = 0, 0, time.Time{}, time.Time{}, Shown{}, nil, redact.Text{}
}

// read says which event a failure is to this case.
func (c *Case) read(s Sighting) (on Event, because string) {
	at, fix := s.Failure.When(), c.Fix
	switch {
	case !c.State.Settled():
		return Failed, "It failed for the first time."
	case !at.After(c.Moved().Add(Slack)):
		c.Late++
		return FailedLate, ""
	case c.State == Closed:
		return Failed, "It failed again after the issue was closed as completed."
	case c.State == Obsolete:
		return Failed, "It failed again after it had been silent for so long that it was taken to be over."
	case fix == nil:
		return Failed, "It failed again after it had been silent for so long that it was taken to be fixed."
	case s.Fixed == Yes:
		return Failed, fmt.Sprintf("It failed at %s, which has the fix of #%d.", cmp.Or(short(s.Failure.Plugin.Ref), "a version"), fix.PR)
	case s.Fixed == No:
		fix.Stale, fix.LastStale = fix.Stale+1, at
		return FailedUnfixed, ""
	}
	fix.Unsure++
	if fix.Unsure < unsureMax {
		return FailedUnsure, ""
	}
	return Failed, fmt.Sprintf("It failed %d times after the fix was merged. Whether those versions have the fix is not known, so the time decides.", fix.Unsure)
}

// short is a version for a sentence: of a commit the first digits, as git shows it.
func short(version string) string {
	if len(version) == 40 && strings.Trim(version, "0123456789abcdef") == "" {
		return version[:7]
	}
	return version
}

// count takes a failure into the figures. One that is heard of late is not the latest.
func (c *Case) count(f Failure) {
	if c.Count == 0 || f.At.Before(c.First) {
		c.First = f.At
	}
	c.Count++
	c.countDay(f.When())
	c.countPlace(f)
	if !f.At.Before(c.Last) {
		c.Last, c.Latest = f.At, f
	}
}

func (c *Case) countPlace(f Failure) {
	p := Place{Plugin: f.Plugin.ID, Ref: f.Plugin.Ref, Environment: f.Environment}
	if f.Run != nil && f.Run.Branch != "" {
		p.Ref = f.Run.Branch
	}
	if i := slices.IndexFunc(c.Places, func(q Place) bool { return q.Plugin == p.Plugin && q.Ref == p.Ref && q.Environment == p.Environment }); i >= 0 {
		p = c.Places[i]
		c.Places = slices.Delete(c.Places, i, i+1)
	}
	p.N++
	if f.At.After(p.Last) {
		p.Last = f.At
	}
	c.Places = append(c.Places, p)
	if n := len(c.Places) - placesMax; n > 0 {
		c.Places = slices.Delete(c.Places, 0, n)
	}
}

// Asks records a person's wish for another attempt, unless the same comment was taken in before.
func (c *Case) Asks(a Ask, names []string) Change {
	if c.saw(names) {
		return Duplicate
	}
	c.Ask = &a
	c.Take(Occasion{On: Requested, By: a.By, At: a.At, Because: "A fix was asked for.", Evidence: a.Comment})
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

// Tries counts the attempts, but for one under way, at the problem as it is: since it came back after it was taken to be
// solved, they begin anew.
func (c *Case) Tries() int {
	var since time.Time
	for _, m := range c.Moves {
		if m.To == Regressed {
			since = m.At
		}
	}
	n := 0
	for _, a := range c.Attempts {
		if a.Outcome.Ending != "" && !a.Started.Before(since) {
			n++
		}
	}
	return n
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
