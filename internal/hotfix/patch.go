package hotfix

import (
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A Patch is a change to one repository, not yet published.
type Patch struct {
	Base  string       `json:"base"` // commit it applies to
	Diff  string       `json:"diff"` // unified diff, as git writes it
	Files []FileChange `json:"files"`
}

// A FileChange is one file of a patch.
type FileChange struct {
	Path    string `json:"path"`
	Added   int    `json:"added"`   // lines
	Removed int    `json:"removed"` // lines
	Test    bool   `json:"test"`    // the toolchain runs it as a test
	New     bool   `json:"new"`
	Deleted bool   `json:"deleted"`
}

// A TestRun is one execution of a project's tests.
type TestRun struct {
	Command string        `json:"command"`
	Exit    int           `json:"exit"` // status of the command
	Passed  bool          `json:"passed"`
	Tests   []TestResult  `json:"tests"` // empty when the runner's output has no machine format
	Output  redact.Text   `json:"output"`
	Took    time.Duration `json:"took"`            // by the clock
	Cause   string        `json:"cause,omitempty"` // why it ended when it did not exit by itself: "timeout", "memory", "install", ...
	Notes   []string      `json:"notes,omitempty"` // what was unusual: addresses refused to the installation, versions that were gone
}

// Sum says what the run came to: "passed: 3 passed, 0 failed, 1 skipped", or its exit status where no test is named.
func (r TestRun) Sum() string {
	verdict := "passed"
	if !r.Passed {
		verdict = "failed"
	}
	if len(r.Tests) == 0 {
		return fmt.Sprintf("%s (exit %d)", verdict, r.Exit)
	}
	n := Tallied(r)
	return fmt.Sprintf("%s: %d passed, %d failed, %d skipped", verdict, n.Pass, n.Fail, n.Skip)
}

// A TestResult is one test of a run. Status is "pass", "fail" or "skip".
type TestResult struct {
	Name   string `json:"name"`
	Status string `json:"status"`
}

// Evidence is why a patch should be believed: the added tests fail without it and pass with it, every time, and
// nothing that passed before fails now. It is gathered by code on clean checkouts, never by the model.
type Evidence struct {
	Before  []TestRun `json:"before"`            // added tests, old code
	After   []TestRun `json:"after"`             // added tests, new code
	Unfixed []TestRun `json:"unfixed,omitempty"` // added tests, new code with the changes outside of tests taken back
	Base    *TestRun  `json:"base"`              // all tests, old code
	Suite   *TestRun  `json:"suite"`             // all tests, new code
	Gaps    []Reason  `json:"gaps"`              // what is missing from the proof

	Shown   []string  `json:"shown,omitempty"`   // added tests that fail each time without the patch and pass each time with it
	Flaky   []string  `json:"flaky,omitempty"`   // tests known to differ from run to run, left out of the comparison
	Lines   *Coverage `json:"lines,omitempty"`   // how much of the change the added tests run; nil if the toolchain cannot tell
	Dropped []string  `json:"dropped,omitempty"` // changes that the proof did not need and that were taken out
	Origin  *Origin   `json:"origin,omitempty"`  // nil if it was not searched
}

// Proves reports whether nothing is missing.
func (e Evidence) Proves() bool {
	if len(e.Before) == 0 || len(e.After) == 0 || e.Suite == nil || len(e.Gaps) > 0 {
		return false
	}
	for _, r := range append(e.Before[:len(e.Before):len(e.Before)], e.Unfixed...) {
		if r.Passed || r.Cause != "" {
			return false
		}
	}
	for _, r := range e.After {
		if !r.Passed {
			return false
		}
	}
	return true
}

// Coverage is how many of the lines that a patch adds outside of tests the added tests run.
type Coverage struct {
	Lines  int      `json:"lines"`
	Run    int      `json:"run"`
	Missed []string `json:"missed,omitempty"` // "file:line"
}

// An Origin is the commit that brought a fault in, as far as it could be found by running the added tests at
// earlier commits.
type Origin struct {
	Commit  string    `json:"commit"` // "" if it is not known
	Author  string    `json:"author"`
	Subject string    `json:"subject"`
	When    time.Time `json:"when,omitzero"`
	Runs    int       `json:"runs"`              // tests that were run to find it
	Because string    `json:"because,omitempty"` // why it is not known
}

// A Proposal is a patch on its way to a draft pull request.
type Proposal struct {
	Case   Fingerprint
	Issue  int
	Repo   Repo
	Into   string // branch it is proposed for; "" is the default branch
	Branch string
	Onto   string // a commit that the branch is merged with; "" if it is only added to
	Title  string
	Commit string // commit message
	Body   redact.Text
	Labels []string
}

// An Ending is how an attempt ended.
type Ending string

// The endings.
const (
	DraftOpened Ending = "draft-opened"
	NoFix       Ending = "no-fix"      // the model gave up, and said why
	Refused     Ending = "refused"     // the patch did not pass the policy
	OverBudget  Ending = "over-budget" // steps, tokens, money or time ran out
	Broken      Ending = "broken"      // our own machinery failed
	Halted      Ending = "halted"      // a person stopped it
	Expired     Ending = "expired"     // the credentials of the delivery ran out before it could ask its model
)

// Blameless reports whether the ending says nothing about the problem: what broke was ours.
func (e Ending) Blameless() bool { return e == Broken || e == Expired }

// An Outcome is the end of one attempt.
type Outcome struct {
	Ending   Ending      `json:"ending"` // "" while the attempt is under way
	PR       int         `json:"pr"`     // 0 unless DraftOpened
	Patch    *Patch      `json:"patch,omitempty"`
	Evidence Evidence    `json:"evidence"`
	Refusals []Reason    `json:"refusals"`        // why a patch was not published
	Risk     *Assessment `json:"risk,omitempty"`  // of the patch; nil if there was none to judge
	Head     string      `json:"head,omitempty"`  // the commit that was pushed
	Fate     string      `json:"fate,omitempty"`  // what became of PR: merged, edited (merged with commits of others), rejected, outdated, reverted
	Lesson   redact.Text `json:"lesson,omitzero"` // what maintainers said when they closed it or took it back
	Says     redact.Text `json:"says"`            // one paragraph for the issue
}

// An Attempt is one try at fixing a case. It is saved before it starts.
type Attempt struct {
	RunID   string    `json:"runId"`             // names the transcript in the store
	By      string    `json:"by"`                // "policy", or the login of whoever asked
	Hint    string    `json:"hint"`              // what that person added
	Pull    int       `json:"pull,omitempty"`    // the pull request that it goes on with, 0 for a new one
	Answers []string  `json:"answers,omitempty"` // what of that pull request it answers: ids of comments, names of checks
	Started time.Time `json:"started"`
	Ended   time.Time `json:"ended"`
	Steps   int       `json:"steps"`
	Tokens  int       `json:"tokens"`
	Cost    float64   `json:"cost,omitempty"` // dollars, where the model's price is known
	Outcome Outcome   `json:"outcome"`
}

// An Issue is the text that the forge keeps in step with a case.
type Issue struct {
	Repo        Repo
	Number      int         // 0: find it by Marker, or create it
	Marker      string      // a line of Body that only we can have written
	Also        []string    // markers by which older versions of the daemon knew it
	Title       string      // used when the issue is created
	Body        redact.Text // the whole body; contains Marker
	Labels      []string
	Raise       []string      // labels that are added to an issue that exists
	State       string        // "open", "closed"; what the forge found, not a wish
	StateReason string        // "completed", "not_planned", "reopened", "" ; found like State
	ClosedAt    time.Time     // zero unless it is closed; found like State
	Twins       []redact.Text // bodies of other open issues with Marker; found like State
	Unlabelled  redact.Text   // why the forge made it without some of Labels; found like State, when it is made
	Lease       string        // keeps processes that nothing else keeps apart from opening it at once; "" if something does
	Theirs      bool          // somebody else had made it at the same moment, and it was not edited: look at it first
}

// A Pull is a pull request as the forge has it.
type Pull struct {
	Number    int
	State     string // "open", "closed", "merged"
	Draft     bool
	Head      string // branch
	Base      string // branch
	HeadSHA   string
	MergeSHA  string    // "" unless merged
	MergedAt  time.Time // zero unless merged
	MergedBy  string    // login
	Body      redact.Text
	Conflicts bool // it cannot be merged as it is
	URL       string
}
