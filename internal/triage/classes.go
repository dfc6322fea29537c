package triage

import "strings"

// stripClasses removes class names and phrases that only say "this is an error" from the front of s.
// A class that says more than the rest is kept in r.class when r is not nil.
func stripClasses(s string, r *report) string {
	for range 12 {
		s = strings.TrimLeft(s, " \t-*\u2022")
		rest, ok := stripClass(s, r)
		if !ok {
			return s
		}
		s = rest
	}
	return s
}

// stripClass removes one class or phrase.
func stripClass(s string, r *report) (string, bool) {
	if rest, kind := stripLine(s); len(rest) < len(s) && kind.level != "info" {
		return rest, true
	}
	head, rest, ok := cutHead(s)
	if !ok {
		return s, false
	}
	rest = strings.TrimLeft(rest, " \t")
	if rest == "" {
		return s, false
	}
	switch {
	case emptyWords(head):
		return rest, true
	case isClass(head):
		name := lastName(bareClass(head))
		if r != nil && !genericClass(name) && thin(rest, r.by) {
			r.class = name
		}
		return rest, true
	}
	return s, false
}

// cutHead splits s at the first ": " or at "] " of "RequestError [HttpError]: ".
func cutHead(s string) (head, rest string, ok bool) {
	i := strings.IndexByte(s[:min(len(s), 120)], ':')
	if i <= 0 {
		if strings.HasPrefix(s, "Unhandled exception. ") {
			return "Unhandled exception", s[len("Unhandled exception. "):], true
		}
		return "", s, false
	}
	if i+1 < len(s) && s[i+1] != ' ' && s[i+1] != '\n' && s[i+1] != '\t' {
		return "", s, false
	}
	if h, after, cut := strings.Cut(s[:i], ". "); cut && emptyWords(h) { // "Unhandled exception. System.IO.IOException: ..."
		return h, after + s[i:], true
	}
	return s[:i], s[i+1:], true
}

// bareClass returns the innermost class name of a head such as "RequestError [HttpError]" or "Uncaught TypeError".
func bareClass(head string) string {
	if i := strings.IndexByte(head, '['); i > 0 && strings.HasSuffix(head, "]") {
		if in := head[i+1 : len(head)-1]; strings.Contains(in, "_") { // TypeError [ERR_INVALID_ARG_TYPE]
			return head[:i]
		}
		return head[i+1 : len(head)-1]
	}
	f := strings.Fields(head)
	return f[len(f)-1]
}

// isClass reports whether head names an error class, with nothing else but words that say nothing.
func isClass(head string) bool {
	if open := strings.IndexByte(head, '['); open > 0 && strings.HasSuffix(head, "]") {
		return isClass(strings.TrimSpace(head[:open]))
	}
	if i := strings.LastIndexByte(head, ' '); i > 0 {
		if head[i+1:] == "" || !emptyWords(head[:i]) {
			return false
		}
		head = head[i+1:]
	}
	for i := 0; i < len(head); i++ {
		if c := head[i]; !isAlnum(c) && c != '.' && c != '_' && c != '$' && c != '/' && c != '*' {
			return false
		}
	}
	name := lastName(head)
	if strings.HasPrefix(head, "Deno.errors.") {
		return true
	}
	for _, end := range [...]string{"Error", "Exception", "Fault", "Failure", "Interrupt"} {
		if rest, ok := strings.CutSuffix(name, end); ok && (rest == "" || isUpper(name[0]) || name[0] == '_' || strings.Contains(head, ".")) {
			return true
		}
	}
	return name == "DOMException" || name == "PluginFailed"
}

// genericClass reports whether a class says nothing that its message does not.
func genericClass(name string) bool {
	switch strings.TrimLeft(name, "_") {
	case "Error", "HttpError", "RequestError", "TypeError", "FetchError", "Exception", "RuntimeError", "GraphqlResponseError", "GraphQLError",
		"AxiosError", "SyntaxError", "RangeError", "ReferenceError", "AggregateError", "DOMException", "ApolloError", "UnhandledPromiseRejection",
		"ServerError", "InternalServerError", "ApiError", "APIError", "LogReturn", "Failure":
		return true
	}
	return false
}

// thin reports whether a message says too little to stand without its class: one name, one quoted word, a number, an id.
func thin(rest string, by ruleset) bool {
	words := 0
	for w := range strings.FieldsSeq(rest) {
		if isLetter(w[0]) && (by == rules1 || !strings.ContainsAny(w, "0123456789")) {
			words++
		}
		if words > 2 {
			return false
		}
	}
	return true
}

// emptyWords reports whether s has only words that announce an error without naming it.
func emptyWords(s string) bool {
	n := 0
	for w := range strings.FieldsFuncSeq(s, func(c rune) bool { return c == ' ' || c == '(' || c == ')' || c == '\t' }) {
		switch strings.ToLower(w) {
		case "error", "errors", "unexpected", "unhandled", "uncaught", "exception", "rejection", "promise", "caught", "fatal", "encountered", "occurred",
			"an", "a", "the", "in", "has", "was", "got", "following", "with", "failed", "failure", "critical", "thrown", "threw", "panic", "runtime", "raised",
			"unhandledpromiserejection", "unhandledpromiserejectionwarning", "internal", "while", "processing", "event", "plugin", "is", "went", "wrong", "something",
			"request", "due", "to", "response", "err", "reason", "message", "command", "execution", "details", "caused", "by", "task", "job", "step", "script":
			n++
		default:
			return false
		}
		if n > 8 {
			return false
		}
	}
	return n > 0 && !bareNoun(s)
}

// bareNoun reports whether a head of empty words still means something by itself.
func bareNoun(s string) bool {
	switch strings.ToLower(s) {
	case "request failed", "internal", "plugin", "event", "request", "response", "job", "step", "script", "command", "task", "runtime", "in", "the", "a", "to", "by":
		return true
	}
	return false
}

// vague reports whether a message names no cause at all, so that nothing can be grouped by it alone.
func vague(message string) bool {
	m := strings.ToLower(strings.TrimRight(message, " .!:"))
	switch m {
	case "", "error", "unexpected error", "unknown error", "internal server error", "internal error", "something went wrong", "an error occurred",
		"an unexpected error occurred", "unhandled error", "unhandled exception", "test suite failed to run", "failed", "fatal error", "exception",
		"script error", "null", "undefined", "[object object]", "server error", "an unknown error occurred", "uncaught exception", "request failed due to following response errors",
		"an unhandled error occurred", "validation failed", "build failed", "command failed", "error processing plugin":
		return true
	}
	return false
}
