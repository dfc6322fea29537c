// Package hotfix holds the nouns of the daemon: what failed, what we know
// about it, what we decided and how it ended. It does no I/O and has no clock.
package hotfix

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A Repo names a repository on the forge. GitHub's names are case-insensitive: compare with Is.
type Repo struct {
	Owner string `json:"owner"`
	Name  string `json:"name"`
}

// ParseRepo reads "owner/name".
func ParseRepo(s string) (Repo, error) {
	owner, name, ok := strings.Cut(s, "/")
	if !ok || owner == "" || name == "" || strings.ContainsAny(name, "/ \t\n") || strings.ContainsAny(owner, " \t\n") || name == "." || name == ".." {
		return Repo{}, fmt.Errorf("%q is not a repository: write owner/name", s)
	}
	return Repo{owner, name}, nil
}

func (r Repo) String() string {
	if r.IsZero() {
		return ""
	}
	return r.Owner + "/" + r.Name
}

// IsZero reports whether r names nothing.
func (r Repo) IsZero() bool { return r.Owner == "" && r.Name == "" }

// Is reports whether r and other are one repository.
func (r Repo) Is(other Repo) bool {
	return strings.EqualFold(r.Owner, other.Owner) && strings.EqualFold(r.Name, other.Name)
}

// A Plugin is the program that failed and where its source lives.
type Plugin struct {
	ID   string `json:"id"`   // stable name: versions, refs and credentials removed
	Kind string `json:"kind"` // "http", "workflow", "kernel", or "ci" for a repository's own workflow
	Repo Repo   `json:"repo"` // zero until resolved
	Ref  string `json:"ref"`  // commit, branch or tag that failed; "" if unknown
	URL  string `json:"url"`  // where it is served, "" if it is not; credentials removed
}

// A Trigger is what the plugin was reacting to.
type Trigger struct {
	Event    string `json:"event"`    // "issues.opened"
	Delivery string `json:"delivery"` // X-GitHub-Delivery of the webhook
	Repo     Repo   `json:"repo"`
	Number   int    `json:"number"` // issue or pull request, 0 if none
	Actor    string `json:"actor"`
}

// A WorkflowRun is the GitHub Actions run that failed, when the failure is one.
type WorkflowRun struct {
	ID         int64  `json:"id"`
	Name       string `json:"name"`
	Conclusion string `json:"conclusion"`
	SHA        string `json:"sha"`
	Branch     string `json:"branch"`
	URL        string `json:"url"`
	Spot              // where it failed, if it was looked up
}

// A Spot is a place in the log of a run: the first job that failed, its step that did, and the line of that step's log where it shows first. 0 is not known.
type Spot struct {
	Job  int64 `json:"job,omitempty"`
	Step int64 `json:"step,omitempty"`
	Line int64 `json:"line,omitempty"`
}

// What a run is called in messages.
const (
	RunOfWorkflow = "Workflow"
	RunOfCheck    = "Check"
	RunOfSuite    = "Check suite"
)

// Message tells that r, which is one of these, failed. title is what a check says of itself.
func (r WorkflowRun) Message(what, title string) string {
	message := fmt.Sprintf("%s ended with %q", what, r.Conclusion)
	if r.Name != "" {
		message = fmt.Sprintf("%s %q ended with %q", what, r.Name, r.Conclusion)
	}
	if title != "" {
		message += ": " + title
	}
	return message
}

// A Class is what kind of failure it is, finer than the kernel's category.
type Class string

// The classes. Unknown ones from outside become ClassOther.
const (
	ClassDispatch   Class = "dispatch"
	ClassHTTP4xx    Class = "http-4xx"
	ClassHTTP5xx    Class = "http-5xx"
	ClassTimeout    Class = "timeout"
	ClassNetwork    Class = "network"
	ClassValidation Class = "validation"
	ClassWorkflow   Class = "workflow"
	ClassTest       Class = "test-failure"
	ClassBuild      Class = "build-failure"
	ClassKernel     Class = "kernel"
	ClassOther      Class = "other"
)

// A Failure is one plugin failure, redacted and normalised.
type Failure struct {
	ID          string        `json:"id"` // unique per delivery: the kernel's state id, or "github:" and a delivery id
	Plugin      Plugin        `json:"plugin"`
	Category    string        `json:"category"` // as sent: "http", "workflow", "kernel", ...
	Status      int           `json:"status"`   // HTTP status, 0 if there was none
	Message     redact.Text   `json:"message"`
	Stack       redact.Text   `json:"stack"`
	Logs        []redact.Text `json:"logs"`
	Remarks     []redact.Text `json:"remarks,omitempty"` // what was said about it elsewhere: a comment of the SDK, the log of a run
	Trigger     Trigger       `json:"trigger"`
	Run         *WorkflowRun  `json:"run,omitempty"`
	Environment string        `json:"environment"`
	RequestID   string        `json:"requestId"`
	Truncated   bool          `json:"truncated"` // the sender cut the message
	At          time.Time     `json:"at"`
	Heard       time.Time     `json:"heard,omitzero"` // when the door took it in
}

// believed is how late the kernel can tell of a failure: it does so once, and at once.
const believed = time.Hour

// When is when f happened, as far as the sender's clock can be believed.
func (f Failure) When() time.Time {
	if f.Plugin.Kind != "ci" && f.Heard.Sub(f.At) > believed {
		return f.Heard
	}
	return f.At
}

// A Command is something a person asked for in a comment.
type Command struct {
	ID    string      `json:"id"`   // the comment's id
	Verb  string      `json:"verb"` // "retry", "explain", ...; "" for a bare /hotfix
	Args  redact.Text `json:"args"` // the rest of the line
	Repo  Repo        `json:"repo"`
	Issue int         `json:"issue"`
	By    string      `json:"by"`
	At    time.Time   `json:"at"`
}

// A Notice is what one verified delivery says, redacted: a failure, a command, or neither with the reason.
// It is what a queue keeps; raw payloads stay in package kernel.
type Notice struct {
	ID       string          `json:"id"`   // unique per delivery
	Also     []string        `json:"also"` // other names of the same occurrence, such as the webhook's delivery id
	Event    string          `json:"event"`
	Failure  *Failure        `json:"failure,omitempty"`
	Command  *Command        `json:"command,omitempty"`
	Ignored  *Reason         `json:"ignored,omitempty"`
	Settings json.RawMessage `json:"settings,omitempty"` // of the installation, scrubbed; may narrow the policy
	Raw      json.RawMessage `json:"raw,omitempty"`      // the whole payload, scrubbed; only where the installation wants it stored
	RawUntil time.Time       `json:"rawUntil,omitzero"`  // when Raw is to be forgotten
	Token    redact.Secret   `json:"-"`                  // the delivery's GitHub token; a store seals it

	Counted     bool          `json:"-"` // its failure stands in a case
	About       Repo          `json:"-"` // the repository of what failed, also where that is ignored
	Attestation redact.Secret `json:"-"` // the kernel's word for the token, which the gateway to language models asks for; sealed with it
}

// A Fingerprint is equal for failures that are one problem. It is safe in a branch name.
type Fingerprint string

// Short is the fingerprint as people see it.
func (f Fingerprint) Short() string {
	s := string(f)
	if _, rest, ok := strings.Cut(s, "-"); ok {
		s = rest
	}
	return s[:min(len(s), 8)]
}

// An Action is how far the daemon may go. Each includes the ones before it.
type Action int

// The actions, in order.
const (
	Ignore Action = iota
	Report
	Fix
)

func (a Action) String() string { return [...]string{"ignore", "report", "fix"}[a] }

// A Risk is how much harm a wrong fix could do.
type Risk int

// The risks, in order.
const (
	LowRisk Risk = iota
	MediumRisk
	HighRisk
)

func (r Risk) String() string { return [...]string{"low", "medium", "high"}[r] }

// A Reason is one rule's say in a decision, in words for a maintainer.
type Reason struct {
	Rule    string `json:"rule"`
	Because string `json:"because"`
	Soft    bool   `json:"soft,omitempty"` // a maintainer's retry waives it
}

// A Decision is an action and why. It is printed wherever it has effect.
type Decision struct {
	Action  Action   `json:"action"`
	Risk    Risk     `json:"risk"`
	Reasons []Reason `json:"reasons"`
}
