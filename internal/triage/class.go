package triage

import (
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Classify returns what kind of failure f is.
func Classify(f hotfix.Failure) hotfix.Class {
	s := newShape(f)
	return s.class
}

// rule says which words in a template or which codes make a class.
type rule struct {
	class hotfix.Class
	words []string
}

// rules are tried in order.
var rules = [...]rule{
	{hotfix.ClassDispatch, []string{"create-a-workflow-dispatch-event", "workflow_dispatch", "no ref found for", "unexpected inputs provided", "not found on default branch", "no installation found for", "missing installation id"}},
	{hotfix.ClassTest, []string{"assertionerror", "expect(received)", "exceeded timeout of " + hole + " for a", "test suite failed", "tests failed", "--- fail", "test failed", "failing test", "assertion failed"}},
	{hotfix.ClassBuild, []string{"error ts", "ts" + "(", "eslint", "could not resolve '", "build failed", "eresolve", "cannot find package", "module not found", "syntax error:", "no matching version found", "failed to compile", "compilation", "lockfile", "err_pnpm", "unexpected lint"}},
	{hotfix.ClassTimeout, []string{"etimedout", "timed out", "timeout", "und_err_connect_timeout", "und_err_headers_timeout", "und_err_body_timeout", "deadline exceeded", "took too long", "esockettimedout", "err_timeout", "57014"}},
	{hotfix.ClassNetwork, []string{"econnrefused", "econnreset", "enotfound", "eai_again", "epipe", "ehostunreach", "enetunreach", "fetch failed", "socket hang up", "other side closed", "und_err_socket", "connection refused", "connection reset",
		"network error", "networkerror", "dns ", "certificate", "self-signed", "tls ", "ssl ", "no such host", "broken pipe", "unable to connect", "getaddrinfo", "failed to fetch", "load failed", "connect error", "error sending request", "could not resolve host"}},
	{hotfix.ClassValidation, []string{"validation failed", "validation error", "invalid_type", "must have required property", "expected string", "expected number", "expected object", "invalid input", "is required", "zoderror", "must be ", "invalid body", "invalid signature", "does not match the schema", "additional properties", "typeboxerror", "invalid enum"}},
}

// classify returns the class of a shape.
func (s *shape) classify(f hotfix.Failure) hotfix.Class {
	if f.Category == "kernel" || f.Plugin.Kind == "kernel" {
		return hotfix.ClassKernel
	}
	if s.test != "" {
		return hotfix.ClassTest
	}
	text := strings.ToLower(strings.Join([]string{s.template, s.name, s.cause, s.detail, strings.Join(s.codes, " ")}, " "))
	for _, r := range rules {
		for _, w := range r.words {
			if strings.Contains(text, w) {
				return r.class
			}
		}
	}
	switch { // the first three only drafts of the protocol say
	case f.Category == "timeout":
		return hotfix.ClassTimeout
	case f.Category == "validation":
		return hotfix.ClassValidation
	case f.Category == "dispatch":
		return hotfix.ClassDispatch
	case s.status == 408 || s.status == 504:
		return hotfix.ClassTimeout
	case s.status >= 500:
		return hotfix.ClassHTTP5xx
	case s.status >= 400:
		return hotfix.ClassHTTP4xx
	case f.Run != nil || strings.Contains(text, "exit code ") || strings.Contains(text, "exit status ") || strings.Contains(text, "the runner has "):
		return hotfix.ClassWorkflow
	}
	return hotfix.ClassOther
}
