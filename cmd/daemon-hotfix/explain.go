package main

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// An explainCmd decides about one failure and does nothing else.
type explainCmd struct {
	File  string   `arg:"" help:"What failed: an event as the kernel or GitHub sends it, or plain text. - is standard input."`
	Allow []string `help:"Repositories that the daemon may write to, as for serve. Default: every one." placeholder:"REPO"`
	Asked bool     `help:"Decide as for a maintainer's /hotfix retry."`
	Seen  int      `help:"How often this was seen before." default:"0"`
	JSON  bool     `help:"Print one JSON object."`
}

// Help is the long text of `explain --help`.
func (*explainCmd) Help() string {
	return `Says what the daemon would do with a failure, and why: which problem it belongs to, where in the code it points, how far
the daemon would go, and what speaks against more. No model is asked, nothing is stored, sent or changed.

Examples:
  daemon-hotfix explain event.json
  echo "TypeError: x is not a function" | daemon-hotfix explain - --json`
}

// An explanation is what explain prints.
type explanation struct {
	Title       string          `json:"title"`
	Fingerprint string          `json:"fingerprint"`
	Repo        string          `json:"repo,omitempty"`
	Plugin      string          `json:"plugin,omitempty"`
	Ref         string          `json:"ref,omitempty"`
	Class       hotfix.Class    `json:"class"`
	Template    string          `json:"template"`
	Places      []string        `json:"places"` // in the plugin's own code, likeliest first
	Action      string          `json:"action"` // ignore, report or fix
	Risk        string          `json:"risk"`
	Reasons     []hotfix.Reason `json:"reasons"`
}

// Run decides and prints.
func (c *explainCmd) Run(_ context.Context, std streams) error {
	now := time.Now()
	f, err := (&fixCmd{Signal: c.File}).signal(std, now)
	if err != nil {
		return err
	}
	allow, err := repos(c.Allow)
	if err != nil {
		return err
	}
	if len(c.Allow) == 0 && !f.Plugin.Repo.IsZero() {
		allow = append(allow, f.Plugin.Repo)
	}
	e := explain(f, allow, c.Asked, c.Seen)
	if c.JSON {
		enc := json.NewEncoder(std.Out)
		enc.SetEscapeHTML(false)
		return enc.Encode(e)
	}
	fmt.Fprint(std.Out, plainText(e.String()))
	return nil
}

// explain decides about a failure as if it came in now.
func explain(f hotfix.Failure, allow []hotfix.Repo, asked bool, seen int) explanation {
	change := hotfix.Opened
	if asked {
		change = hotfix.Asked
	} else if seen > 0 {
		change = hotfix.Repeated
	}
	fp := triage.Fingerprint(f)
	policy := triage.Policy{Allow: allow, MaxFixesPerDay: 3, MaxAttempts: 3, MaxFiles: 8, MaxLines: 300}
	d := policy.Decide(hotfix.Case{Fingerprint: fp, Repo: f.Plugin.Repo, State: hotfix.New, Count: seen + 1, First: f.At, Last: f.At, Latest: f}, change)
	e := explanation{Title: triage.Title(f), Fingerprint: string(fp), Repo: f.Plugin.Repo.String(), Plugin: f.Plugin.ID, Ref: f.Plugin.Ref,
		Class: triage.Classify(f), Template: triage.Template(f), Places: []string{}, Action: d.Action.String(), Risk: d.Risk.String(), Reasons: d.Reasons}
	for _, at := range triage.Frames(f) {
		place := at.File
		if at.Line > 0 {
			place = fmt.Sprintf("%s:%d", at.File, at.Line)
		}
		e.Places = append(e.Places, place)
	}
	return e
}

func (e explanation) String() string {
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "%-12s %s\n", name, value)
		}
	}
	row("failure", e.Title)
	row("problem", e.Fingerprint)
	row("template", e.Template)
	row("kind", string(e.Class))
	row("plugin", e.Plugin)
	row("repository", e.Repo)
	row("version", e.Ref)
	row("places", strings.Join(e.Places, ", "))
	row("decision", e.Action+", risk "+e.Risk)
	for _, r := range e.Reasons {
		fmt.Fprintf(&b, "  - %s (%s)\n", r.Because, r.Rule)
	}
	b.WriteString("Nothing was stored, sent or changed.\n")
	return b.String()
}
