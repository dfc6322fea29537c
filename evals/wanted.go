package evals

import (
	"fmt"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Wanted is what should come of one case, one line of want/outcome:
//
//	fix draft-opened because=no-objection        what was decided, and how the latest attempt ended ("-": there was none)
//	report - because=transient count=20          the rules of the decision in their order; how often it was seen
//	ignore - repo=acme/other issue=none          where the case is; what became of its issue
//	nothing rule=own-failure                     no case: the notice was ignored under this rule
//	nothing refused=signature                    no case: the request was refused at this stage
//
// Cases are in the order of their repositories and of when they were first seen. Further words: state, issue (open,
// closed, closed:not_planned, none), attempts, comments (on the issue), refusals (rules of the latest attempt), and
// risk. What is not said is not compared, but for the issue: a case that is reported has an open one, any other has none.
type Wanted struct {
	Outcome string // "report -", "nothing"
	Facts   map[string]string
}

// facts are the words that a line may hold after the outcome.
var facts = []string{"because", "count", "repo", "issue", "state", "attempts", "comments", "refusals", "risk", "rule", "refused"}

func parseWanted(text string) ([]Wanted, error) {
	var out []Wanted
	for line := range strings.Lines(text) {
		words := strings.Fields(line)
		if len(words) == 0 || strings.HasPrefix(words[0], "#") {
			continue
		}
		w := Wanted{Outcome: words[0], Facts: map[string]string{}}
		rest := words[1:]
		if w.Outcome != "nothing" {
			if len(words) < 2 {
				return nil, fmt.Errorf("%q lacks how the attempt ended, - if there was none", strings.TrimSpace(line))
			}
			w.Outcome, rest = words[0]+" "+words[1], words[2:]
		}
		for _, r := range rest {
			name, value, ok := strings.Cut(r, "=")
			if !ok || !slices.Contains(facts, name) {
				return nil, fmt.Errorf("%q is none of %s", r, strings.Join(facts, ", "))
			}
			w.Facts[name] = value
		}
		if w.Facts["issue"] == "" {
			w.Facts["issue"] = "none"
			if !strings.HasPrefix(w.Outcome, "ignore") && w.Outcome != "nothing" {
				w.Facts["issue"] = "open"
			}
		}
		out = append(out, w)
	}
	return out, nil
}

// draft reports whether a draft pull request is wanted.
func (w Wanted) draft() bool { return strings.HasSuffix(w.Outcome, " "+string(hotfix.DraftOpened)) }

// outcome is what became of a case, as Wanted says it.
func outcome(c hotfix.Case) string {
	ending := "-"
	if n := len(c.Attempts); n > 0 {
		ending = string(c.Attempts[n-1].Outcome.Ending)
	}
	return c.Decision.Action.String() + " " + ending
}

// factsOf is what can be said of a case and its issue.
func factsOf(c hotfix.Case, issue *forgetest.Issue) map[string]string {
	is := map[string]string{
		"because": rules(c.Decision.Reasons), "count": fmt.Sprint(c.Count), "repo": c.Repo.String(), "state": string(c.State),
		"attempts": fmt.Sprint(len(c.Attempts)), "risk": c.Decision.Risk.String(), "issue": "none", "comments": "0",
	}
	if n := len(c.Attempts); n > 0 {
		o := c.Attempts[n-1].Outcome
		is["refusals"] = rules(o.Refusals)
	}
	if issue != nil {
		is["issue"], is["comments"] = issue.State, fmt.Sprint(len(issue.Comments))
		if issue.State == "closed" && issue.StateReason != "" {
			is["issue"] += ":" + issue.StateReason
		}
	}
	return is
}

func rules(reasons []hotfix.Reason) string {
	var out []string
	for _, r := range reasons {
		out = append(out, r.Rule)
	}
	return strings.Join(out, ",")
}

// differs says what is not as it is wanted, "" if all is.
func (w Wanted) differs(outcome string, is map[string]string) string {
	if outcome != w.Outcome {
		return fmt.Sprintf("outcome is %q, want %q", outcome, w.Outcome)
	}
	for _, name := range facts {
		want, said := w.Facts[name]
		if got := is[name]; said && got != want && !(name == "issue" && strings.HasPrefix(got, want+":")) {
			return fmt.Sprintf("%s is %q, want %q", name, got, want)
		}
	}
	return ""
}
