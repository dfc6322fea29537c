package dashboard

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A runsView is a list of attempts.
type runsView struct {
	Ending string             `json:"ending,omitempty"`
	Runs   []store.AttemptRow `json:"runs"`
	From   int                `json:"from"`
	Next   string             `json:"next,omitempty"`
	Before string             `json:"before,omitempty"`
	Filter filter             `json:"-"`
}

func (d *Dashboard) runs(r *http.Request) (any, error) {
	v := &runsView{Ending: r.FormValue("ending"), From: max(number1(r.FormValue("from")), 1)}
	v.Filter = filter{Name: "ending", Label: "Ended", Value: v.Ending, Options: []option{{"", "all runs"}, {"running", "under way"},
		{"draft-opened", "draft opened"}, {"no-fix", "no fix found"}, {"refused", "refused"}, {"over-budget", "over budget"}, {"broken", "broken"}, {"halted", "stopped"}, {"expired", "credentials ran out"}}}
	q := store.AttemptQuery{Offset: v.From - 1, Limit: rowsShown}
	if v.Ending == "running" {
		q.Running = true
	} else {
		q.Ending = hotfix.Ending(v.Ending)
	}
	var err error
	v.Runs, err = who(r).sees.AttemptRows(r.Context(), q)
	v.Next, v.Before = turn(r, v.From, len(v.Runs) == rowsShown)
	return v, err
}

// A runView is one attempt: what the model said and did, and what came of it.
type runView struct {
	ID      string             `json:"id"`
	Case    hotfix.Fingerprint `json:"case"`
	Title   string             `json:"title"`
	Repo    hotfix.Repo        `json:"repo"`
	Issue   int                `json:"issue"`
	Number  int                `json:"number"` // of the attempt
	Attempt hotfix.Attempt     `json:"attempt"`
	Run     *agent.Run         `json:"run,omitempty"` // nil before the first step, and when it was forgotten
	Used    agent.Tokens       `json:"used"`
	Cost    float64            `json:"cost"`
	Took    time.Duration      `json:"took"`
	Live    bool               `json:"live"`
	Fate    string             `json:"fate,omitempty"` // of its draft
	Steps   []stepView         `json:"-"`
	Diff    []diffFile         `json:"-"`
}

// A stepView is one step as the page prints it.
type stepView struct {
	N      int
	Step   agent.Step
	Calls  []callView
	Open   bool // its calls are being made
	Silent bool // the model said nothing besides its calls
}

type callView struct {
	agent.Call
	Args    string // indented
	Waiting bool   // no answer yet
}

// caseOf is the case that a run's name tells.
func caseOf(run string) hotfix.Fingerprint {
	return hotfix.Fingerprint(run[:max(strings.LastIndexByte(run, '-'), 0)])
}

func (d *Dashboard) oneRun(r *http.Request) (any, error) {
	ctx, id := r.Context(), r.PathValue("run")
	fp := caseOf(id)
	c, err := d.caseFor(r, fp)
	if errors.Is(err, store.ErrNotFound) {
		return nil, missing("The daemon knows no run " + id + ".")
	}
	if err != nil {
		return nil, err
	}
	v := &runView{ID: id, Case: fp, Title: triage.Title(c.Latest), Repo: c.Repo, Issue: c.Issue}
	for i, a := range c.Attempts {
		if a.RunID == id {
			v.Attempt, v.Number = a, i+1
		}
	}
	v.Run, err = d.cfg.Store.Run(ctx, id)
	switch {
	case errors.Is(err, store.ErrNotFound) && v.Number == 0:
		return nil, missing("The daemon knows no run " + id + ".")
	case errors.Is(err, store.ErrNotFound):
		v.Run = nil
	case err != nil:
		return nil, err
	default:
		v.Used, v.Cost, v.Took = v.Run.Used(), v.Run.Cost(), v.Run.Took
		v.Steps = steps(v.Run)
	}
	if pr := v.Attempt.Outcome.PR; pr != 0 {
		v.Fate = fateOf(c, pr)
	}
	v.Live = v.Number > 0 && v.Attempt.Outcome.Ending == ""
	if p := v.Attempt.Outcome.Patch; p != nil {
		v.Diff = diff(p.Diff)
	}
	return v, nil
}

// steps are a run's steps as the page prints them.
func steps(run *agent.Run) []stepView {
	out := make([]stepView, len(run.Steps))
	for i, s := range run.Steps {
		v := stepView{N: i + 1, Step: s, Silent: strings.TrimSpace(s.Reply) == ""}
		for _, c := range s.Calls {
			call := callView{Call: c, Args: indented(c.Args), Waiting: run.Stop == "" && i == len(run.Steps)-1 && c.Result == "" && c.Err == "" && c.Fault == "" && c.Took == 0}
			v.Open = v.Open || call.Waiting
			v.Calls = append(v.Calls, call)
		}
		out[i] = v
	}
	return out
}

// indented is a call's arguments for people: texts with line breaks are shown as such.
func indented(raw json.RawMessage) string {
	var fields map[string]any
	if json.Unmarshal(raw, &fields) == nil && len(fields) == 0 {
		return ""
	}
	var b bytes.Buffer
	if json.Indent(&b, raw, "", "  ") != nil {
		return string(raw)
	}
	return strings.ReplaceAll(strings.ReplaceAll(b.String(), `\n`, "\n"), `\t`, "  ")
}

// A diffFile is one file of a patch.
type diffFile struct {
	Name           string
	Added, Removed int
	Lines          []diffLine
}

type diffLine struct{ Kind, Text string } // "add", "del", "hunk" or ""

// diff reads a unified diff for printing.
func diff(text string) []diffFile {
	var out []diffFile
	for line := range strings.Lines(text) {
		line = strings.TrimSuffix(line, "\n")
		if name, ok := strings.CutPrefix(line, "diff --git a/"); ok {
			name, _, _ = strings.Cut(name, " b/")
			out = append(out, diffFile{Name: name})
			continue
		}
		if len(out) == 0 {
			continue
		}
		f := &out[len(out)-1]
		switch {
		case strings.HasPrefix(line, "@@"):
			f.Lines = append(f.Lines, diffLine{"hunk", line})
		case len(f.Lines) == 0: // the file's header
		case strings.HasPrefix(line, "+"):
			f.Added++
			f.Lines = append(f.Lines, diffLine{"add", line})
		case strings.HasPrefix(line, "-"):
			f.Removed++
			f.Lines = append(f.Lines, diffLine{"del", line})
		default:
			f.Lines = append(f.Lines, diffLine{"", line})
		}
	}
	return out
}

// A draftsView is the list of draft pull requests and what became of them.
type draftsView struct {
	Drafts []draftRow `json:"drafts"`
	From   int        `json:"from"`
	Next   string     `json:"next,omitempty"`
	Before string     `json:"before,omitempty"`
}

// A draftRow is a draft pull request and what became of it.
type draftRow struct {
	store.AttemptRow
	Fate string `json:"fate"` // "open", "merged", "edited" (merged with commits of others), "rejected", "outdated" or "reverted"
}

func (d *Dashboard) drafts(r *http.Request) (any, error) {
	v := &draftsView{From: max(number1(r.FormValue("from")), 1)}
	rows, err := who(r).sees.AttemptRows(r.Context(), store.AttemptQuery{Drafts: true, Offset: v.From - 1, Limit: rowsShown})
	if err != nil {
		return nil, err
	}
	v.Next, v.Before = turn(r, v.From, len(rows) == rowsShown)
	for _, row := range rows {
		c, err := d.cfg.Store.Case(r.Context(), row.Fingerprint)
		if err != nil {
			return nil, err
		}
		v.Drafts = append(v.Drafts, draftRow{row, fateOf(c, row.PR)})
	}
	return v, nil
}

// fateOf is what became of a pull request of ours.
func fateOf(c hotfix.Case, pr int) string {
	for _, a := range c.Attempts {
		if a.Outcome.PR == pr && a.Outcome.Fate != "" {
			return a.Outcome.Fate
		}
	}
	return "open"
}

// fateIs is a fate in words.
func fateIs(fate string) string {
	switch fate {
	case "edited":
		return "merged with changes"
	case "rejected":
		return "closed unmerged"
	case "outdated":
		return "closed, no longer fit"
	case "reverted":
		return "merged, then reverted"
	}
	return fate
}
