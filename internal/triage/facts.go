package triage

import (
	"strconv"
	"strings"
)

// said is what an object says about a failure.
type said struct {
	message [numMessageKeys]string // first value under each message key
	issues  []string               // messages of the elements of a list of errors
	codes   []string
	stack   string
	status  int
	host    string
	method  string
	url     string
	cutIn   int // rank of the message key whose value the text's end cut, -1 if none
}

const numMessageKeys = 9

// messageRank orders the keys that hold a message, the most telling first; -1 for any other key.
func messageRank(key string) int {
	switch key {
	case "message", "Message":
		return 0
	case "error", "Error":
		return 1
	case "error_description", "errorMessage", "error_message", "errmsg":
		return 2
	case "msg", "text":
		return 3
	case "detail", "details":
		return 4
	case "reason", "failureReason":
		return 5
	case "title", "shortMessage":
		return 6
	case "description":
		return 7
	case "exception", "err", "cause":
		return 8
	}
	return -1
}

// add takes one pair.
func (o *said) add(p pair) {
	if i := messageRank(p.key); i >= 0 {
		if !p.whole {
			o.cutIn = i
		}
		if p.text && p.val != "" {
			if o.message[i] == "" {
				o.message[i] = p.val
			} else if i == 0 && len(o.issues) < 2 && o.message[0] != p.val {
				o.issues = append(o.issues, p.val)
			}
			return
		}
	}
	switch p.key {
	case "code", "errorCode", "error_code", "errno", "type", "resource", "field", "constraint", "table", "column", "path", "instancePath", "expected", "received", "keyword", "schemaPath", "property", "reason_code", "sqlState", "SQLSTATE":
		if p.key == "errno" && !p.text || p.val == "null" || p.val == "" || p.key == "path" && strings.HasPrefix(p.val, "/") && len(p.val) > 1 {
			return
		}
		if p.key == "code" && !p.text && len(p.val) == 3 && o.status == 0 {
			o.status = threeDigits(p.val)
			return
		}
		if codeLike(p.val) && p.whole {
			o.codes = append(o.codes, p.val)
		}
	case "status", "statusCode", "status_code", "httpStatus":
		if n := threeDigits(p.val); n >= 400 && o.status == 0 && len(p.val) == 3 {
			o.status = n
		} else if p.text && codeLike(p.val) && strings.ToUpper(p.val) == p.val { // "RESOURCE_EXHAUSTED"
			o.codes = append(o.codes, p.val)
		}
	case "stack", "stacktrace", "trace", "stackTrace":
		if p.text && o.stack == "" {
			o.stack = p.val
		}
	case "hostname", "host":
		if o.host == "" && p.text {
			o.host = p.val
		}
	case "method":
		if o.method == "" && p.text {
			o.method = p.val
		}
	case "url":
		if o.url == "" && p.text {
			o.url = p.val
		}
	}
}

// codeLike reports whether a value is a name from a fixed set, not text or an id.
func codeLike(v string) bool {
	if len(v) == 0 || len(v) > 60 {
		return false
	}
	for i := 0; i < len(v); i++ {
		if c := v[i]; !isAlnum(c) && c != '_' && c != '-' && c != '.' && c != '/' && c != '#' {
			return false
		}
	}
	if n, err := strconv.Atoi(strings.TrimPrefix(v, "-")); err == nil {
		return n > -100000 && n < 100000
	}
	return !randomish(v)
}

// object reads a body that is an object. It reports whether the body said anything.
func (r *report) object(s string, depth int) bool {
	o := said{cutIn: -1}
	pairs(s, o.add)
	return r.take(&o, depth)
}

// take adds what an object said to the report.
func (r *report) take(o *said, depth int) bool {
	best, other := "", ""
	for i, m := range o.message {
		switch {
		case m == "":
		case best == "":
			best = m
		case other == "" && i <= 4 && !vague(m) && !statusPhrase(m) && m != best:
			other = m
		}
	}
	if (vague(best) || statusPhrase(best)) && other != "" {
		best, other = other, ""
	}
	r.props(o)
	if best == "" {
		if len(r.codes) == 0 {
			return false
		}
		r.setMessage(strings.Join(r.codes, " "), depth)
		return true
	}
	inner := len(r.trace)
	r.text(best, depth+1)
	if other != "" || len(o.issues) > 0 {
		extra := append([]string{}, o.issues...)
		if other != "" {
			extra = append(extra, other)
		}
		for _, e := range extra {
			sub := &report{}
			sub.text(e, depth+1)
			if sub.message != "" && !strings.Contains(r.message, sub.message) {
				r.message += " | " + sub.message
			}
		}
	}
	if o.stack != "" && len(r.trace) == inner {
		r.stack(o.stack)
	}
	r.cut = r.cut && o.cutIn >= 0
	return true
}

// statusPhrase reports whether a message is only the name of an HTTP status.
func statusPhrase(m string) bool {
	switch strings.ToLower(m) {
	case "bad request", "unauthorized", "forbidden", "not found", "conflict", "unprocessable entity", "internal server error", "bad gateway", "service unavailable", "gateway timeout", "too many requests":
		return true
	}
	return false
}

// facts reads codes, host and route from the properties that follow a message or stack.
func (r *report) facts(s string) {
	var o said
	pairs(s, o.add)
	if o.message[0] != "" && r.cause == "" && len(o.codes) == 0 && r.message == "" && len(r.trace) > 0 {
		r.cause = stripClasses(o.message[0], nil)
	}
	r.props(&o)
}

// props keeps what identifies the failure apart from its message.
func (r *report) props(o *said) {
	for _, c := range o.codes {
		r.code(c)
	}
	if r.status == 0 {
		r.status = o.status
	}
	if r.host == "" {
		r.host = o.host
	}
	if r.route == "" && o.url != "" {
		r.route = strings.TrimSpace(o.method + " " + o.url)
	}
}
