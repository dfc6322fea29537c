package forge

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// What a caller may ask of an error with errors.Is.
var (
	ErrForbidden   = error(forbidden{})                                        // the credential may not
	ErrGone        = error(goneError("not there"))                             // deleted, never there, or withheld
	ErrLocked      = errors.New("the conversation is locked")                  // by a maintainer
	ErrMoved       = error(goneError("transferred to another repository"))     // the issue lives elsewhere now
	ErrNotOurs     = errors.New("not an issue of ours")                        // somebody else wrote it and it has no marker
	ErrNoIssues    = errors.New("issues are switched off")                     // in this repository
	ErrTooLong     = errors.New("the text is longer than GitHub accepts")      // 65,536 characters with what people added
	ErrBranchTaken = errors.New("the branch holds other commits")              // it is never overwritten
	ErrDeclined    = errors.New("this change was closed without merging")      // by a maintainer; the number is returned too
	ErrNoDrafts    = errors.New("draft pull requests are not available")       // in this repository; others are never opened
	ErrNoLogs      = error(goneError("the logs of the run are not available")) // expired or withheld; the event's own lines are returned too
	errMoved       = errors.New("the address redirects to a new location")     // met by a write
	errNoToken     = errors.New("no token for the app's installation")         // uninstalled or suspended
)

// forbidden is ErrForbidden. Who does not import this package asks for its method.
type forbidden struct{}

func (forbidden) Error() string { return "not permitted" }

// Forbidden says that a credential lacks a permission; the error around it names which.
func (forbidden) Forbidden() bool { return true }

// goneError is ErrGone or ErrMoved. Who does not import this package asks for its method.
type goneError string

func (e goneError) Error() string { return string(e) }

// Gone says that what was asked for is not there any more.
func (goneError) Gone() bool { return true }

// Throttled says that GitHub wants no calls before Until. Nothing was sent, or what was sent was refused.
type Throttled struct {
	Until time.Time
}

func (t *Throttled) Error() string {
	return "GitHub's rate limit is used up until " + t.Until.UTC().Format(time.RFC3339)
}

// RetryAt is Until: who does not import this package asks for this method.
func (t *Throttled) RetryAt() time.Time { return t.Until }

// Refused is an answer of GitHub that says no.
type Refused struct {
	Status int
	Says   redact.Text
	kind   error
}

func (r *Refused) Error() string {
	if r.kind == nil {
		return fmt.Sprintf("GitHub answered %d: %s", r.Status, r.Says)
	}
	return fmt.Sprintf("%v: GitHub answered %d: %s", r.kind, r.Status, r.Says)
}

// Unwrap returns the sentinel that the answer means, if any.
func (r *Refused) Unwrap() error { return r.kind }

// explain turns an error of go-github into one of ours. What is left has no credential in it: go-github's own texts
// carry addresses and GitHub's messages only, which are scrubbed here.
func explain(err error) error {
	var limit *github.RateLimitError
	var abuse *github.AbuseRateLimitError
	var answer *github.ErrorResponse
	switch {
	case err == nil:
		return nil
	case errors.As(err, &limit): // go-github's own memory of an earlier answer
		return &Throttled{limit.Rate.Reset.Time}
	case errors.As(err, &abuse):
		return &Throttled{time.Now().Add(abuse.GetRetryAfter())}
	case errors.Is(err, errMoved):
		return fmt.Errorf("%w: %w", ErrMoved, errMoved)
	case errors.As(err, &answer):
		return refused(answer)
	}
	return err
}

func refused(e *github.ErrorResponse) *Refused {
	says := e.Message
	for _, sub := range e.Errors {
		if sub.Message != "" {
			says += "; " + sub.Message
		} else if sub.Field != "" {
			says += "; " + sub.Resource + "." + sub.Field + " " + sub.Code
		}
	}
	if needs := e.Response.Header.Get("X-Accepted-Github-Permissions"); needs != "" && e.Response.StatusCode == http.StatusForbidden {
		says += " (it needs " + needs + ")"
	}
	r := &Refused{Status: e.Response.StatusCode, Says: redact.Scrub(says)}
	switch text := strings.ToLower(says); {
	case strings.Contains(text, "issues are disabled") || strings.Contains(text, "issues has been disabled"):
		r.kind = ErrNoIssues
	case r.Status == http.StatusForbidden && strings.Contains(text, "locked"):
		r.kind = ErrLocked
	case r.Status == http.StatusUnauthorized, r.Status == http.StatusForbidden:
		r.kind = ErrForbidden
	case r.Status == http.StatusNotFound, r.Status == http.StatusGone, r.Status == http.StatusUnavailableForLegalReasons:
		r.kind = ErrGone
	case r.Status == http.StatusUnprocessableEntity && strings.Contains(text, "is too long"):
		r.kind = ErrTooLong
	}
	return r
}

// unclear reports whether a write may have happened although it failed.
func unclear(err error) bool {
	var no *Refused
	var limit *Throttled
	switch {
	case errors.As(err, &limit), errors.Is(err, ErrMoved):
		return false
	case errors.As(err, &no):
		return no.Status >= http.StatusInternalServerError
	}
	return true
}
