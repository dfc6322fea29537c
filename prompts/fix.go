package prompts

import "github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"

// A Fix is what the prompt "fix" is filled in with. Everything but the numbers comes from outside.
type Fix struct {
	Plugin    string // its id
	Repo      string // owner/name
	Ref       string // what failed: commit, branch or tag
	Status    int    // HTTP status, 0 if there was none
	Trigger   string // the event the plugin was reacting to
	Seen      int    // how often this failure was seen
	Message   redact.Text
	Stack     redact.Text
	Logs      redact.Text // what is shown of the log
	WholeLog  bool        // there is no more of it
	Truncated bool        // the sender cut the message
	CI        bool        // the repository's own checks failed, not the plugin at work

	Repository redact.Text // what tools.Localise found; empty if nothing is checked out yet
	Wishes     redact.Text // what the repository asks of those who work on it
	Similar    []Similar   // accepted fixes of similar failures
	Hint       redact.Text // what a maintainer added when asking for this attempt
	Attempts   []Attempt   // earlier attempts at this failure, oldest first

	MaxFiles int  // in a patch, 0 if there is no bound
	MaxLines int  // changed lines
	Commands bool // the tool run-command is there: how an attempt is made again, not said in words
}

// An Attempt is an earlier attempt as the next one hears of it.
type Attempt struct {
	Ending string
	Fate   string // what became of its pull request: merged, rejected, ...; "" if there was none or it is open
	Says   redact.Text
	Lesson redact.Text // what maintainers said when they turned it down
	Diff   redact.Text // what it had changed; empty if nothing
}

// A Similar is a fix of a similar failure that a maintainer accepted.
type Similar struct {
	Failure redact.Text // its message, short
	Diff    redact.Text
}
