package kernel

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// Self is how this daemon recognises itself, so that it never reacts to its own failures.
type Self struct {
	Name string   // name of our repository, under any owner; default "daemon-hotfix"
	URLs []string // where we are served; the address the kernel posted to counts as well
}

// Rules of notices that are ignored.
const (
	RuleEvent      = "event"       // not an event we act on
	RuleConclusion = "conclusion"  // the run did not fail
	RuleOwnFailure = "own-failure" // the daemon itself failed
	RuleOwnBranch  = "own-branch"  // a run on a branch that we proposed
	RuleNoCommand  = "no-command"  // a comment without a command for us
	RuleBot        = "bot"         // written by a bot
	RuleOutsider   = "outsider"    // written by someone without a role in the repository
	RuleMalformed  = "malformed"   // too little in it to act on
	RuleToldOnce   = "told-once"   // another event of the same run is heard instead

	RuleInstallation = "installation" // the app was installed or removed somewhere
)

// Notice decodes the delivery and redacts it in one step.
func (d *Delivery) Notice() (hotfix.Notice, error) {
	settings, err := scrubJSON(d.Settings)
	if err != nil {
		return hotfix.Notice{}, fmt.Errorf("redact settings of %s: %w", d.id(), err)
	}
	raw, until, err := d.raw()
	if err != nil {
		return hotfix.Notice{}, fmt.Errorf("redact payload of %s: %w", d.id(), err)
	}
	n := hotfix.Notice{Raw: raw, RawUntil: until, ID: d.id(), Event: clean(d.Event, 100), Settings: settings, Token: d.Token, Attestation: d.Attestation}
	switch {
	case d.command != nil:
		err = d.readCommand(&n)
	case d.Event == "kernel.plugin_error":
		err = d.readFailure(&n)
	case runEvents[d.Event] != nil:
		err = d.readRun(&n)
	case strings.HasPrefix(d.Event, "issue_comment.") || strings.HasPrefix(d.Event, "pull_request_review_comment."):
		err = ignored(RuleNoCommand, "The comment holds no command.")
	case strings.HasPrefix(d.Event, "installation"):
		err = ignored(RuleInstallation, "Where the app is installed is looked up anew.")
	default:
		err = ignored(RuleEvent, "No rule of daemon-hotfix acts on %s.", n.Event)
	}
	n.Also = append(n.Also, d.again()...)
	if reason := (ignore{}); errors.As(err, &reason) {
		n.Failure, n.Command, n.Ignored, err = nil, nil, (*hotfix.Reason)(&reason), nil
	}
	return n, err
}

// RawDays is how many days a payload is kept unless the installation's settings say another number.
const RawDays = 7

// raw is the scrubbed payload, and until when it is kept, if the installation's settings want it kept, else nothing.
func (d *Delivery) raw() (json.RawMessage, time.Time, error) {
	s := struct {
		Store bool `json:"storeRawEvents"`
		Days  int  `json:"rawEventDays"`
	}{Days: RawDays}
	if err := json.Unmarshal(d.Settings, &s); err != nil || !s.Store {
		return nil, time.Time{}, nil //nolint:nilerr // settings that cannot be read ask for nothing
	}
	body, err := json.Marshal(d.payload)
	if err != nil {
		return nil, time.Time{}, err
	}
	if s.Days < 1 {
		s.Days = RawDays
	}
	raw, err := scrubJSON(body)
	return raw, d.opts.Now.Add(time.Duration(min(s.Days, 365)) * 24 * time.Hour).UTC().Truncate(time.Second), err
}

// An ignore ends the reading of a payload that is not for us.
type ignore hotfix.Reason

func (i ignore) Error() string { return i.Because }

func ignored(rule, format string, args ...any) error {
	return ignore{Rule: rule, Because: fmt.Sprintf(format, args...)}
}

var plainID = regexp.MustCompile(`^[0-9A-Za-z._:-]{1,100}$`)

// id names the delivery. The kernel sends UUIDs; anything that is not fit for a key is hashed.
func (d *Delivery) id() string { return name("", d.StateID) }

// name is kind and id as one key. An id that is not fit for one is hashed.
func name(kind, id string) string {
	if !plainID.MatchString(id) || redact.Scrub(id).String() != id {
		sum := sha256.Sum256([]byte(id))
		id = "sha256:" + hex.EncodeToString(sum[:16])
	}
	if kind == "" {
		return id
	}
	return kind + ":" + id
}

// bigText bounds what is scrubbed at all. Scrubbing comes before cutting, so that no half secret slips through.
const bigText = 256 << 10

// text scrubs s and then cuts its middle to at most limit bytes.
func text(s string, limit int) redact.Text {
	if len(s) > bigText {
		s = strings.ToValidUTF8(s[:bigText], "")
	}
	return redact.Cut(redact.Scrub(stripUserinfo(s)), limit)
}

// clean is for names: one line without secrets, controls or characters that change how a line is read.
func clean(s string, limit int) string {
	s = strings.Map(func(r rune) rune {
		switch {
		case r < 0x20 || r >= 0x7f && r < 0xa0 || r == 0xfffd || r == 0xfeff:
			return -1
		case r >= 0x200b && r <= 0x200f, r >= 0x2028 && r <= 0x202e, r >= 0x2060 && r <= 0x2069, r >= 0xe0000 && r <= 0xe007f:
			return -1
		}
		return r
	}, s)
	return redact.Scrub(stripUserinfo(s[:min(len(s), bigText)])).Head(limit).String()
}

// stripUserinfo takes the credentials out of every URL in s. There may be several in one: what comes after the first
// may be one again.
func stripUserinfo(s string) string {
	for at := 0; ; {
		n := strings.Index(s[at:], "://")
		if n < 0 {
			return s
		}
		scheme := strings.TrimRightFunc(s[:at+n], schemeChar)
		hasScheme := strings.IndexFunc(s[len(scheme):at+n], letter) >= 0
		at += n + len("://")
		for hasScheme {
			n := strings.IndexAny(s[at:], "@/?#'\" \t\n\f\r")
			if n < 0 || s[at+n] != '@' {
				break
			}
			s = s[:at] + s[at+n+1:]
		}
	}
}

func letter(r rune) bool { return r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' }

func schemeChar(r rune) bool {
	return letter(r) || r >= '0' && r <= '9' || r == '+' || r == '.' || r == '-'
}

func isURL(s string) bool {
	return strings.HasPrefix(s, "http://") || strings.HasPrefix(s, "https://")
}

// cleanURL is the stable name of a URL: no credentials, query or fragment, host in lower case, no slash at the end.
func cleanURL(s string) string {
	u, err := url.Parse(strings.TrimSpace(s))
	if err != nil || u.Host == "" {
		return clean(s, 300)
	}
	u.User, u.RawQuery, u.Fragment, u.ForceQuery = nil, "", "", false
	u.Scheme, u.Host = strings.ToLower(u.Scheme), strings.ToLower(u.Host)
	return clean(strings.TrimRight(u.String(), "/"), 300)
}

var ownerName, repoName = regexp.MustCompile(`^[0-9A-Za-z](?:[0-9A-Za-z_-]{0,38})$`), regexp.MustCompile(`^[0-9A-Za-z._-]{1,100}$`)

// parseRepo reads owner/name strictly; zero if it is anything else.
func parseRepo(s string) hotfix.Repo {
	r, err := hotfix.ParseRepo(strings.TrimSpace(s))
	if err != nil || redact.Scrub(s).String() != s || !ownerName.MatchString(r.Owner) || !repoName.MatchString(r.Name) {
		return hotfix.Repo{}
	}
	return r
}

// isSelf reports whether a repository's name or one of urls is ours.
func (d *Delivery) isSelf(repo hotfix.Repo, urls ...string) bool {
	self := d.opts.Self
	if self.Name == "" {
		self.Name = "daemon-hotfix"
	}
	if strings.EqualFold(repo.Name, self.Name) {
		return true
	}
	for _, u := range urls {
		for _, own := range append([]string{d.Ref}, self.URLs...) {
			if isURL(u) && isURL(own) && cleanURL(u) == cleanURL(own) {
				return true
			}
		}
	}
	return false
}

// scrubJSON redacts every string of a JSON value and then the text as a whole, which shows secrets that only their
// key gives away.
func scrubJSON(raw json.RawMessage) (json.RawMessage, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	var v any
	if err := dec.Decode(&v); err != nil {
		return nil, err
	}
	var buf bytes.Buffer
	enc := json.NewEncoder(&buf)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(scrubValue(v)); err != nil {
		return nil, err
	}
	out := bytes.TrimSpace(buf.Bytes())
	if whole := []byte(redact.Scrub(string(out)).String()); json.Valid(whole) {
		out = whole
	}
	return out, nil
}

func scrubValue(v any) any {
	switch v := v.(type) {
	case string:
		return redact.Scrub(stripUserinfo(v)).String()
	case []any:
		for i := range v {
			v[i] = scrubValue(v[i])
		}
		return v
	case map[string]any:
		out := make(map[string]any, len(v))
		for k, e := range v {
			out[redact.Scrub(k).String()] = scrubValue(e)
		}
		return out
	}
	return v
}

// Drops reports whether a notice that is ignored tells of a failure, which then leads to nothing.
func Drops(n hotfix.Notice) bool {
	return n.Ignored != nil && (n.Event == "kernel.plugin_error" || runEvents[n.Event] != nil) && n.Ignored.Rule != RuleConclusion && n.Ignored.Rule != RuleToldOnce
}

// Then says in a word what a notice is for: "triage", "command" or "ignore".
func Then(n hotfix.Notice) string {
	switch {
	case n.Failure != nil:
		return "triage"
	case n.Command != nil:
		return "command"
	}
	return "ignore"
}
