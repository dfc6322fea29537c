package daemon

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// inComment keeps what is written inside an HTML comment from ending it.
var inComment = strings.NewReplacer("<", "&lt;", ">", "&gt;", "--", "&#45;&#45;")

// signature is the hidden end of an answer, in the form of the SDK's comments: other plugins read it, and the kernel
// dispatches a comment with a command's response to nobody.
func (d *Daemon) signature(a *asking) redact.Text {
	meta, err := json.MarshalIndent(struct {
		Caller  string `json:"caller"`
		Kind    string `json:"commentKind"`
		Verb    string `json:"verb"`
		Comment string `json:"comment"`
	}{"hotfix", "command-response", a.verb.name, a.ID}, "", "  ")
	if err != nil {
		panic(err) // four strings
	}
	at := fmt.Sprintf("%s/%s/issues/%d", d.cfg.Server, a.Repo, a.Issue)
	head := fmt.Sprintf("UbiquityOS - hotfix - %s - @%s - %s", d.cfg.Version, a.By, at)
	return redact.Scrub("\n<!-- " + inComment.Replace(line2(head)) + "\n" + inComment.Replace(string(meta)) + "\n-->\n")
}

// line2 is s on one line without characters that do not show.
func line2(s string) string { return strings.Join(strings.Fields(visible(s)), " ") }

// standing is where a case stands, in a few words.
func standing(c hotfix.Case) string {
	switch {
	case c.DupOf != "":
		return "counted on another issue"
	case c.Snooze != nil:
		return "quiet " + snoozed(c.Snooze)
	case c.State == hotfix.Ignored:
		return "ignored"
	case c.State == hotfix.Fixing:
		return "waiting for review of a proposed fix"
	}
	return string(c.State)
}
