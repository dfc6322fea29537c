package triage

import (
	"fmt"
	"net/http"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Cause is what a failure most likely comes from, and what to look at first, as far as that can be told without
// reading the source.
type Cause struct {
	Says  string   // one sentence
	Steps []string // what a maintainer can do next, the first first
	Frame *Frame   // the first place in the plugin's own code, nil if none is known
}

// CauseOf says what f most likely comes from.
func CauseOf(f hotfix.Failure) Cause {
	s := newShape(f)
	c := s.byStatus()
	if frames := Frames(f); len(frames) > 0 {
		c.Frame = &frames[0]
	}
	if read(f).opaque() && s.detail == "" && f.Run == nil && !hostAway(s.status) {
		c = Cause{Says: "The plugin's code threw an error, and its server says no more than that something failed.",
			Steps: []string{"Look at the plugin's own log at the time above; what was thrown is only there.",
				"Let the plugin put the message of the error into its answer or into a comment, and failures like this one are told apart."}}
	}
	return c
}

// hostAway reports whether a status comes from what stands before a plugin, not from the plugin.
func hostAway(status int) bool {
	return status == http.StatusBadGateway || status == http.StatusServiceUnavailable || status == http.StatusGatewayTimeout
}

// byStatus goes by status, then by class.
func (s *shape) byStatus() Cause {
	switch {
	case s.class == hotfix.ClassKernel:
		return Cause{Says: "The kernel failed by itself; no plugin ran.", Steps: []string{"Look at the kernel's log and at its latest deployment."}}
	case s.class == hotfix.ClassDispatch:
		return Cause{Says: "GitHub did not start the plugin's workflow.", Steps: []string{
			"Check that the workflow file is on the branch that the configuration names, and takes the inputs that the kernel sends.",
			"Check that the App is installed on the plugin's repository and may run its workflows."}}
	case s.status == http.StatusTooManyRequests:
		return Cause{Says: "A rate limit was reached.", Steps: []string{"Look at how often the plugin calls; it passes by itself."}}
	case hostAway(s.status):
		return Cause{Says: fmt.Sprintf("The plugin's host answered %d for it: the plugin was away, or did not answer in time.", s.status), Steps: []string{
			"Look at the status of the host and at the log of the plugin's latest deployment.",
			"If it was one deployment or one outage, nothing in the code needs fixing."}}
	case s.status == http.StatusUnauthorized || s.status == http.StatusForbidden:
		return Cause{Says: fmt.Sprintf("A credential was refused (%d): it is wrong, has expired, or lacks a permission.", s.status), Steps: []string{
			"Check which credential the plugin uses for the request above, and what it is allowed to do."}}
	case s.status == http.StatusNotFound:
		return Cause{Says: "Something that the plugin asked for is not there, or may not be seen (404).", Steps: []string{
			"Check the address of the request above, and whether the credential may see it."}}
	}
	return s.byClass()
}

func (s *shape) byClass() Cause {
	switch s.class {
	case hotfix.ClassTimeout:
		return Cause{Says: "Something did not answer in time.", Steps: []string{"Look at what the plugin waits for, and whether it takes longer for large inputs."}}
	case hotfix.ClassNetwork:
		return Cause{Says: "A connection failed; that is usually the network or the other side, and passes.", Steps: []string{
			"Check whether the address exists and is up.", "If it keeps happening, look at how the plugin repeats a failed request."}}
	case hotfix.ClassValidation, hotfix.ClassHTTP4xx:
		return Cause{Says: "What was sent was not accepted by the side that received it.", Steps: []string{
			"Compare what was sent with what the message above asks for; a setting may be missing or have another form."}}
	case hotfix.ClassTest:
		return Cause{Says: "A test fails.", Steps: []string{"Run the test on the commit above; if it passes there, it depends on its surroundings."}}
	case hotfix.ClassBuild:
		return Cause{Says: "The project does not build.", Steps: []string{"Build the commit above from a clean checkout."}}
	case hotfix.ClassWorkflow:
		return Cause{Says: "A step of the workflow failed.", Steps: []string{"Open the run and look at the step that is marked as failed."}}
	}
	if s.wrapped || s.status >= http.StatusInternalServerError {
		return Cause{Says: "The plugin's own code threw an error while it handled the event.", Steps: []string{
			"Find the place that throws the message above, and the input that leads there: the event that triggered it is named above."}}
	}
	return Cause{Says: "The plugin failed with the message above.", Steps: []string{"Find the place that produces this message, and the input that leads there."}}
}
