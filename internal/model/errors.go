package model

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// What a question can fail with, for errors.Is. Everything else is in the APIError around it.
var (
	ErrOverflow = errors.New("the conversation is longer than the model accepts")
	ErrQuota    = errors.New("the account's quota is used up")
	ErrKey      = errors.New("the key was not accepted")
	ErrRefused  = errors.New("the model or its provider refused to answer")
	ErrEmpty    = errors.New("the reply is empty")
	ErrReply    = errors.New("the reply is damaged")
	ErrBusy     = errors.New("the provider is overloaded or broken")
	ErrNetwork  = errors.New("the provider cannot be reached")
)

// An APIError is a question that got no usable answer. errors.Is tells which of the errors above it is, if any.
type APIError struct {
	Model      string        // "openai:gpt-5.4-mini"
	Status     int           // HTTP status; 0 if there was no reply, 200 if the reply was no good
	RetryAfter time.Duration // what the provider asked for; 0 if nothing
	Type, Code string        // as the provider names the error
	Message    string        // the provider's sentence, without secrets
	RequestID  string
	Body       redact.Text // the start of the reply
	Tries      int
	Usage      Usage // what the failed tries used, as far as the provider said
	kind       error
	param      string
}

const bodyMax = 2000

func (e *APIError) Error() string {
	var b strings.Builder
	b.WriteString(e.Model)
	if e.kind != nil {
		fmt.Fprintf(&b, ": %s", e.kind)
	}
	if e.Status != 0 && e.Status != http.StatusOK {
		fmt.Fprintf(&b, ": status %d", e.Status)
	}
	if name := cmp.Or(e.Code, e.Type); name != "" {
		fmt.Fprintf(&b, " (%s)", name)
	}
	if e.Message != "" {
		fmt.Fprintf(&b, ": %s", e.Message)
	}
	if e.RetryAfter > 0 {
		fmt.Fprintf(&b, "; it asked to wait %s", e.RetryAfter)
	}
	if e.RequestID != "" {
		fmt.Fprintf(&b, "; request %s", e.RequestID)
	}
	if e.Tries > 1 {
		fmt.Fprintf(&b, "; %d tries", e.Tries)
	}
	return b.String()
}

// Unwrap returns the kind of the error.
func (e *APIError) Unwrap() error { return e.kind }

// Temporary reports whether asking again, later, may help.
func (e *APIError) Temporary() bool {
	return slices.ContainsFunc([]error{ErrBusy, ErrNetwork, ErrEmpty, ErrReply}, func(kind error) bool { return errors.Is(e, kind) })
}

// Overflow reports whether a shorter conversation may help.
func (e *APIError) Overflow() bool { return errors.Is(e, ErrOverflow) }

// faultBody is an error as the providers write it: OpenAI's, Anthropic's and Google's in one.
type faultBody struct {
	Error     json.RawMessage `json:"error"`
	RequestID string          `json:"request_id"`
	Type      string          `json:"type"`
	Message   string          `json:"message"`
}

type fault struct {
	Message string          `json:"message"`
	Type    string          `json:"type"`
	Code    json.RawMessage `json:"code"`
	Param   string          `json:"param"`
	Status  string          `json:"status"`
	Details []struct {
		RetryDelay string `json:"retryDelay"`
	} `json:"details"`
}

// readFault finds the error object in a reply, whatever its shape; ok is false if there is none.
func readFault(body []byte) (f fault, requestID string, ok bool) {
	var outer faultBody
	var list []faultBody
	switch {
	case json.Unmarshal(body, &outer) == nil:
	case json.Unmarshal(body, &list) == nil && len(list) > 0: // Google wraps it in a list
		outer = list[0]
	default:
		return f, "", false
	}
	var text string
	switch {
	case len(outer.Error) == 0 || string(outer.Error) == "null":
		if outer.Message == "" || outer.Type == "message" {
			return f, outer.RequestID, false
		}
		f.Message, f.Type = outer.Message, outer.Type
	case json.Unmarshal(outer.Error, &text) == nil: // Ollama's old form
		f.Message = text
	case json.Unmarshal(outer.Error, &f) != nil:
		f.Message = string(outer.Error)
	}
	return f, outer.RequestID, true
}

// refused makes an error of a reply with a bad status, or with an error object in it.
func refused(status int, header http.Header, body []byte) *APIError {
	f, id, _ := readFault(body)
	e := &APIError{
		Status: status, Type: cmp.Or(f.Type, f.Status), Code: strings.Trim(string(f.Code), `"`), param: f.Param,
		RequestID: cmp.Or(header.Get("X-Request-Id"), header.Get("Request-Id"), id),
		Body:      redact.Scrub(clip(string(body), bodyMax)),
	}
	if e.Code == "null" || e.Code == strconv.Itoa(status) {
		e.Code = ""
	}
	e.Message = redact.Scrub(clip(cmp.Or(f.Message, plain(body), http.StatusText(status)), bodyMax)).String()
	e.RetryAfter = retryAfter(header)
	for _, d := range f.Details {
		if wait, err := time.ParseDuration(d.RetryDelay); err == nil && e.RetryAfter == 0 {
			e.RetryAfter = max(0, wait)
		}
	}
	e.kind = kind(e)
	return e
}

// plain is what a reply that is no JSON says, in one line.
func plain(body []byte) string {
	return clip(strings.Join(strings.Fields(markup.ReplaceAllString(string(body), " ")), " "), 200)
}

var (
	markup   = regexp.MustCompile(`(?s)<style.*?</style>|<script.*?</script>|<[^>]*>`)
	overflow = regexp.MustCompile(`(?i)context[ _-]?(length|window|size)|maximum context|prompt is too long|input (token count|is too long|length)` +
		`|exceeds? the (maximum|available) .*(token|context)|too many (input )?tokens|reduce the length of the (messages|prompt)|request_too_large|request too large`)
	quota = regexp.MustCompile(`(?i)insufficient[_ ](quota|balance|credits?|funds)|exceeded your current quota|credit balance is too low|billing_(hard|not)` +
		`|quota.{0,40}per ?day|PerDay|monthly (spend|usage)|spend(ing)? limit|more credits`)
	perMinute  = regexp.MustCompile(`(?i)PerMinute|per minute`)
	overloaded = regexp.MustCompile(`(?i)overloaded|rate[_ ]limit|try again|temporar|unavailable|timeout|timed out|internal|server_error|tool_use_failed`)
	filtered   = regexp.MustCompile(`(?i)content[_ ](filter|policy|management)|responsible ?ai|safety system|moderation|usage polic`)
)

// kind says what an error means for whoever asked.
func kind(e *APIError) error {
	all := e.Type + " " + e.Code + " " + e.Message
	switch s := e.Status; {
	case s == 429 && perMinute.MatchString(e.Body.String()): // Google words every limit as an exceeded quota
		return ErrBusy
	case s == http.StatusPaymentRequired, (s == 429 || s == 403 || s == 400 || s == 200) && quota.MatchString(all):
		return ErrQuota
	case (s == 400 || s == 403 || s == 200) && filtered.MatchString(all):
		return ErrRefused
	case s == 413, (s == 400 || s == 422 || s == 500 || s == 200) && overflow.MatchString(all):
		return ErrOverflow
	case s == 401 || s == 403:
		return ErrKey
	case s == 408 || s == 409 || s == 425 || s == 429 || s >= 500, (s == 200 || s == 400) && overloaded.MatchString(e.Type+" "+e.Code), s == 200 && overloaded.MatchString(all):
		return ErrBusy
	case s == 200:
		return ErrReply
	}
	return nil
}

// retryAfter reads how long the provider asks us to wait: milliseconds, seconds or a date; 0 if it says nothing that can be meant.
func retryAfter(h http.Header) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms > 0 && ms < 1e9 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil && s > 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	at, err := http.ParseTime(v)
	if err != nil {
		return 0
	}
	sent, err := http.ParseTime(h.Get("Date"))
	if err != nil {
		return 0
	}
	return max(0, at.Sub(sent))
}

func clip(s string, limit int) string {
	if len(s) <= limit {
		return s
	}
	return strings.ToValidUTF8(s[:limit], "") + "..."
}

// TooLong reports whether the model was shown more than it can take in; a shorter history may do.
func (e *APIError) TooLong() bool { return errors.Is(e, ErrOverflow) }
