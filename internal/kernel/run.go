package kernel

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// runEvents are the events that say how a run ended, and how to read them.
var runEvents = map[string]func(object) run{
	"workflow_run.completed": readWorkflowRun,
	"check_run.completed":    readCheckRun,
	"check_suite.completed":  readCheckSuite,
}

// conclusions say what is not a failure and why. Failures are the ones that failures lists.
var conclusions = map[string]string{
	"success":         "The run succeeded.",
	"cancelled":       "A person or a newer run cancelled it.",
	"skipped":         "The run was skipped.",
	"neutral":         "The run ended without a verdict.",
	"stale":           "GitHub gave up waiting for the run.",
	"action_required": "The run waits for a person.",
}

var failures = map[string]bool{"failure": true, "timed_out": true, "startup_failure": true}

// A run is what the three kinds of event have in common.
type run struct {
	what    string
	at      string
	event   string // what started it
	actor   string
	suite   int64
	numbers object // of its first pull request
	output  object // of a check run
	hotfix.WorkflowRun
}

// readRun reads a completed workflow run, check run or check suite.
func (d *Delivery) readRun(n *hotfix.Notice) error {
	r := runEvents[d.Event](d.payload)
	if !failures[r.Conclusion] {
		because, known := conclusions[r.Conclusion]
		if !known {
			because = "Its conclusion is not one that means failure."
		}
		return ignored(RuleConclusion, "%s", because)
	}
	from := d.payload.object("repository")
	repo := parseRepo(from.object("owner").str("login") + "/" + from.str("name"))
	n.About = repo
	switch {
	case repo.IsZero():
		return ignored(RuleMalformed, "The event names no repository.")
	case d.isSelf(repo):
		return ignored(RuleOwnFailure, "The repository of the run is daemon-hotfix itself.")
	case d.opts.Once && (r.what == hotfix.RunOfSuite || r.what == hotfix.RunOfCheck && r.ID != 0):
		return ignored(RuleToldOnce, "Another event tells of the same failure and says more.")
	case ownBranch.MatchString(r.Branch):
		return ignored(RuleOwnBranch, "The run is on a branch that daemon-hotfix proposed.")
	}
	w := r.WorkflowRun
	w.Name, w.SHA, w.Branch, w.URL = clean(w.Name, 200), clean(w.SHA, 64), clean(w.Branch, 200), cleanURL(w.URL)
	f := hotfix.Failure{ID: n.ID, Category: "workflow", Message: text(r.Message(r.what, r.output.str("title")), messageMax), Run: &w, At: d.when(r.at), Heard: d.opts.Now.UTC().Truncate(time.Second),
		Plugin:  hotfix.Plugin{ID: repo.String(), Kind: "ci", Repo: repo, Ref: first(w.SHA, w.Branch)},
		Trigger: hotfix.Trigger{Event: clean(r.event, 100), Repo: repo, Actor: clean(r.actor, 60)}}
	for _, part := range []string{r.output.str("summary"), r.output.str("text")} {
		if part != "" {
			f.Logs = append(f.Logs, text(part, stackMax))
		}
	}
	if number := r.numbers.num("number"); number > 0 && number < 1<<31 {
		f.Trigger.Number = int(number)
	}
	n.Failure, n.Also = &f, alsoRun(repo, r)
	return nil
}

// ownBranch matches "hotfix/" and a fingerprint.
var ownBranch = regexp.MustCompile(`^hotfix/v[0-9]+-[0-9a-f]{32}`)

// alsoRun names the incident, so that workflow_run, check_run and check_suite of one failed run share a name.
func alsoRun(repo hotfix.Repo, r run) []string {
	of := strings.ToLower(repo.String())
	var also []string
	if r.SHA != "" {
		also = append(also, name("commit", r.SHA)+":"+of)
	}
	if r.suite != 0 {
		also = append(also, fmt.Sprintf("suite:%d:%s", r.suite, of))
	}
	if r.ID != 0 {
		also = append(also, fmt.Sprintf("run:%d:%s", r.ID, of))
	}
	return also
}

func readWorkflowRun(p object) run {
	w := p.object("workflow_run")
	return run{what: hotfix.RunOfWorkflow, at: w.str("updated_at"), event: w.str("event"), suite: w.num("check_suite_id"),
		actor: first(w.object("triggering_actor").str("login"), w.object("actor").str("login"), p.object("sender").str("login")), numbers: firstPull(w),
		WorkflowRun: hotfix.WorkflowRun{ID: w.num("id"), Name: first(w.str("name"), p.object("workflow").str("name")), Conclusion: w.str("conclusion"),
			SHA: w.str("head_sha"), Branch: w.str("head_branch"), URL: w.str("html_url")}}
}

var runURL = regexp.MustCompile(`/actions/runs/([0-9]{1,18})(?:/|$)`)

func readCheckRun(p object) run {
	c := p.object("check_run")
	suite := c.object("check_suite")
	r := run{what: hotfix.RunOfCheck, at: c.str("completed_at"), event: "check_run", actor: p.object("sender").str("login"),
		suite: suite.num("id"), numbers: firstPull(c), output: c.object("output"),
		WorkflowRun: hotfix.WorkflowRun{Name: c.str("name"), Conclusion: c.str("conclusion"), SHA: c.str("head_sha"),
			Branch: suite.str("head_branch"), URL: c.str("html_url")}}
	if m := runURL.FindStringSubmatch(c.str("details_url")); m != nil {
		r.ID, _ = strconv.ParseInt(m[1], 10, 64) // at most 18 digits
	}
	return r
}

func readCheckSuite(p object) run {
	c := p.object("check_suite")
	return run{what: hotfix.RunOfSuite, at: c.str("updated_at"), event: "check_suite", actor: p.object("sender").str("login"),
		suite: c.num("id"), numbers: firstPull(c),
		WorkflowRun: hotfix.WorkflowRun{Conclusion: c.str("conclusion"), SHA: c.str("head_sha"), Branch: c.str("head_branch")}}
}

func firstPull(o object) object {
	if pulls := o.list("pull_requests"); len(pulls) > 0 {
		return members(pulls[0])
	}
	return nil
}
