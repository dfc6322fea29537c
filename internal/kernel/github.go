package kernel

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// GitHubMax bounds a webhook of GitHub in bytes, which is GitHub's own bound.
const GitHubMax = 25 << 20

// A Hook is how GitHub's own webhooks are taken in, without the kernel.
type Hook struct {
	Secret   redact.Secret   // of the webhook; without one nothing is accepted
	Settings json.RawMessage // what an installation would write in its configuration; there is none on plain GitHub
}

// OpenGitHub verifies and decodes a webhook that GitHub itself sent. Its error is a *Refusal.
//
// GitHub's signature covers the body and neither the delivery id nor the event's name, so that a body that was
// captured could be sent again under another id. Such a notice keeps a name made of its body.
func OpenGitHub(header http.Header, body []byte, hook Hook, opts Options) (*Delivery, error) {
	opts = opts.withDefaults()
	if err := CheckContentType(header.Get("Content-Type")); err != nil {
		return nil, err
	}
	if len(body) > GitHubMax {
		return nil, refuse(StageLimit, "the request has more than %d bytes", GitHubMax)
	}
	if hook.Secret.Empty() || !signedBy(hook.Secret, header.Get("X-Hub-Signature-256"), body) {
		return nil, refuse(StageSignature, "the signature does not match; is the webhook's secret the one that the daemon has?")
	}
	payload, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	id, event := header.Get("X-GitHub-Delivery"), header.Get("X-GitHub-Event")
	if !plainID.MatchString(id) || !eventName.MatchString(event) {
		return nil, refuse(StageSchema, "X-GitHub-Delivery or X-GitHub-Event is missing or not a plain name")
	}
	if action := payload.str("action"); action != "" {
		event += "." + action
	}
	sum := sha256.Sum256(body)
	d := &Delivery{StateID: "github:" + id, Event: event, Settings: hook.Settings, payload: payload, opts: opts, body: hex.EncodeToString(sum[:16])}
	if d.Settings == nil {
		d.Settings = json.RawMessage("{}")
	}
	d.command = d.spoken()
	return d, nil
}

var eventName = regexp.MustCompile(`^[a-z_]{1,60}$`)

// signedBy checks GitHub's HMAC of body.
func signedBy(secret redact.Secret, header string, body []byte) bool {
	given, ok := strings.CutPrefix(header, "sha256=")
	code, err := hex.DecodeString(given)
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	mac.Write(body)
	return ok && err == nil && hmac.Equal(code, mac.Sum(nil))
}

// spoken finds the command in a new comment, as the kernel would have; nil if there is none.
func (d *Delivery) spoken() *command {
	if d.Event != "issue_comment.created" && d.Event != "pull_request_review_comment.created" {
		return nil
	}
	line, ok := commandLine(d.payload.object("comment").str("body"))
	if !ok {
		return nil
	}
	params, err := json.Marshal(map[string]string{"action": line})
	if err != nil {
		panic(err) // a string
	}
	return &command{name: CommandName, params: params}
}

var (
	spokenForm = regexp.MustCompile(`^/` + CommandName + `(?:[ \t]+(.*))?$`)
	fenceForm  = regexp.MustCompile("^ {0,3}(`{3,}|~{3,})(.*)$")
	hiddenForm = regexp.MustCompile(`(?s)<!--.*?(?:-->|$)`)
)

// commandLine is what follows /hotfix where that begins a line. Quotations, code blocks and what does not show are
// not the author's words.
func commandLine(body string) (rest string, ok bool) {
	body = hiddenForm.ReplaceAllString(strings.ReplaceAll(body, "\r\n", "\n"), "\x00")
	fence := ""
	for line := range strings.SplitSeq(body, "\n") {
		m := fenceForm.FindStringSubmatch(line)
		switch {
		case fence != "":
			if m != nil && strings.HasPrefix(m[1], fence) && strings.TrimSpace(m[2]) == "" {
				fence = ""
			}
		case m != nil:
			fence = m[1]
		default:
			if m := spokenForm.FindStringSubmatch(strings.TrimRight(line, " \t")); m != nil {
				return strings.TrimSpace(m[1]), true
			}
		}
	}
	return "", false
}

// again is the name of a webhook's body, for one that is sent again under another id.
func (d *Delivery) again() []string {
	if d.body == "" {
		return nil
	}
	return []string{fmt.Sprintf("body:%s", d.body)}
}
