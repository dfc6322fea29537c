package triage

import (
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// An Abstention is why there is no pull request for a case, and what would change that.
type Abstention struct {
	Gate    string // the rule
	Because string
	Score   string // how sure that is, as far as it is a matter of degree
	Would   string // what evidence would change it
	Command string // that a maintainer can write then, "" if none helps
}

// Abstained lists what speaks against a pull request for c now: the rules that kept an attempt from being made, or
// else what the latest attempt ended with. It is empty while an attempt is wanted or under way, or a draft is there.
func Abstained(c hotfix.Case) []Abstention {
	if c.Running() != nil || c.Ask != nil || c.State == hotfix.Fixing || c.State.Settled() {
		return nil
	}
	if c.Decision.Action < hotfix.Fix {
		var out []Abstention
		for _, r := range c.Decision.Reasons {
			out = append(out, abstention(r, c.Decision.Risk.String()))
		}
		return out
	}
	n := len(c.Attempts)
	if n == 0 {
		return nil
	}
	o := c.Attempts[n-1].Outcome
	switch o.Ending {
	case hotfix.Refused:
		var out []Abstention
		for _, r := range o.Refusals {
			out = append(out, abstention(r, sureness(o)))
		}
		return out
	case hotfix.NoFix, hotfix.OverBudget, hotfix.Broken, hotfix.Halted, hotfix.Expired:
		return []Abstention{abstention(hotfix.Reason{Rule: string(o.Ending), Because: endings[o.Ending]}, sureness(o))}
	}
	return nil
}

// sureness is how sure an outcome is: the probability of a wrong fix where a patch was assessed.
func sureness(o hotfix.Outcome) string {
	if o.Risk == nil {
		return "-"
	}
	return fmt.Sprintf("%s, wrong with %.0f%%", o.Risk.Tier, o.Risk.Wrong*100)
}

var endings = map[hotfix.Ending]string{
	hotfix.NoFix:      "The attempt ended without a patch.",
	hotfix.OverBudget: "The attempt's budget ran out.",
	hotfix.Broken:     "The daemon itself could not go on.",
	hotfix.Halted:     "A maintainer stopped the attempt.",
	hotfix.Expired:    "The credentials that came with the failure ran out.",
}

func abstention(r hotfix.Reason, score string) Abstention {
	a := Abstention{Gate: r.Rule, Because: r.Because, Score: score, Would: "A maintainer who sees it otherwise.", Command: "/hotfix retry"}
	if w, ok := wouldChange[r.Rule]; ok {
		a.Would, a.Command = w.evidence, w.command
	}
	return a
}

// wouldChange says by rule what evidence would change its mind, and the command for it.
var wouldChange = map[string]struct{ evidence, command string }{
	"own-repository":          {"None: the daemon does not change itself.", ""},
	"kernel":                  {"None: changes to the kernel are left to people.", ""},
	"fixes-off":               {"A setting that lists mode pr, or an operator's model and sandbox.", ""},
	"attempt-under-way":       {"The end of the attempt that is under way.", "/hotfix status"},
	"proposal-open":           {"The open draft, closed.", "/hotfix retry"},
	"daily-limit":             {"The next day, or a higher riskPolicy.maxAutofixPerDay.", "/hotfix retry"},
	"too-many-open":           {"One of the open drafts, merged or closed.", "/hotfix retry"},
	"quiet-hours":             {"The end of the quiet hours.", "/hotfix retry"},
	"spread":                  {"The same failure while the others work again.", "/hotfix retry"},
	"transient":               {"The same failure after its cause should have passed.", "/hotfix retry"},
	"not-code":                {"A reason to look for it in the code, as a hint.", "/hotfix retry HINT"},
	"pull-request":            {"The same failure on the default branch.", "/hotfix retry"},
	"too-soon":                {"A failure at another version, or time.", "/hotfix retry"},
	"too-many-attempts":       {"A hint at what the attempts overlooked.", "/hotfix retry HINT"},
	"no-logs":                 {"A failed run whose log can be read.", "/hotfix retry"},
	"issue-closed":            {"The issue, opened again.", "/hotfix retry"},
	"rival-fix":               {"The other pull request, closed.", "/hotfix retry"},
	"base-moved":              {"An attempt on the code as it is now.", "/hotfix retry"},
	"repository-rules":        {"A rule of the repository that allows such proposals.", ""},
	"unproven":                {"A test that fails on the old code for the reported reason and passes with the fix.", "/hotfix retry HINT"},
	"reported-reason":         {"A test that fails on the old code as was reported.", "/hotfix retry HINT"},
	"reason-unknown":          {"A failure that says which error it was.", "/hotfix retry"},
	"environment-unusable":    {"Two runs of the untouched tests that end alike; name tests that cannot under riskPolicy.flakyTests.", "/hotfix retry"},
	"suite-incomplete":        {"A run of all tests that ends by itself.", "/hotfix retry"},
	"regression":              {"A fix with which the named tests still pass.", "/hotfix retry HINT"},
	"protected":               {"A fix that leaves these files alone, or a person's own change.", "/hotfix retry HINT"},
	"too-large":               {"A smaller fix.", "/hotfix retry HINT"},
	"risk-high":               {"A smaller change, or a test that runs all of it.", "/hotfix retry HINT"},
	"risk-special-case":       {"A fix that also holds for input that the test does not use.", "/hotfix retry HINT"},
	"risk-swallow":            {"A fix that removes the cause instead of catching the error.", "/hotfix retry HINT"},
	"risk-uncovered":          {"A test that runs the lines that the fix adds.", "/hotfix retry HINT"},
	string(hotfix.NoFix):      {"A hint at the cause, or a failure that says more.", "/hotfix retry HINT"},
	string(hotfix.OverBudget): {"A hint at the cause, or a larger budget.", "/hotfix retry HINT"},
	string(hotfix.Broken):     {"A repaired daemon: the operator's log says more.", "/hotfix retry"},
	string(hotfix.Halted):     {"A maintainer who wants it after all.", "/hotfix retry"},
	string(hotfix.Expired):    {"The next failure, or a comment: both bring fresh credentials.", "/hotfix retry"},
}
