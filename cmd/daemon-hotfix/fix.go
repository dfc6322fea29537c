package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/local"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/prompts"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// A fixCmd makes one attempt at a failure in a repository at hand.
type fixCmd struct {
	Repo       string        `help:"Directory or https address of the repository." required:"" placeholder:"DIR|URL"`
	Ref        string        `help:"Branch, tag or commit that failed. Default: HEAD of a directory, the default branch of an address."`
	Signal     string        `help:"What failed: an event as the kernel or GitHub sends it, or plain text. - is standard input." xor:"signal" placeholder:"FILE"`
	Test       string        `help:"A command that fails. It is run in the sandbox, and what it prints is the signal." xor:"signal" placeholder:"CMD"`
	Logs       string        `help:"What fetch-logs returns to the model. Default: what --test printed." placeholder:"FILE"`
	Hint       string        `help:"Something to tell the model besides."`
	Out        string        `help:"Where to write the patch. Default: standard output." placeholder:"FILE"`
	Transcript string        `help:"Where to write the whole run as JSON lines, whatever comes of it; see the command transcript." placeholder:"FILE"`
	Evidence   string        `help:"Where to write the test runs that prove the patch, as JSON." placeholder:"FILE"`
	JSON       bool          `help:"Print one JSON object instead of the patch: outcome, reason, patch, evidence, steps, tokens, seconds."`
	Model      string        `help:"The model to ask, as provider:name or name." env:"HOTFIX_MODEL" placeholder:"NAME"`
	Commands   bool          `help:"Let the model run shell commands of its own in the sandbox." default:"true" negatable:""`
	Steps      int           `help:"Most questions to the model." default:"40"`
	Tokens     int           `help:"Most tokens." default:"400000"`
	Wall       time.Duration `help:"Longest time." default:"15m"`
	Money      float64       `help:"Most dollars, where the model's price is known." default:"2"`
	MaxFiles   int           `help:"Most files in the patch." default:"8"`
	MaxLines   int           `help:"Most changed lines in the patch, tests included." default:"300"`
	Sandbox    boxFlags      `embed:"" prefix:"sandbox-"`
}

// Help is the long text of `fix --help`.
func (*fixCmd) Help() string {
	return `Does what the daemon does with a failure, without GitHub: finds the cause, writes a regression test and a fix, and
proves that the test fails without the fix and passes with it. The repository itself is never changed; apply the patch
with git apply. The exit status is 0 with a proven patch, 3 when there is none (given up, refused, over budget; the
reason is printed), 1 when something broke, 130 when it was interrupted.

The model is configured as for serve: OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY, ... and HOTFIX_MODEL.

Examples:
  daemon-hotfix fix --repo . --test "npm test" --out patch.diff && git apply patch.diff
  daemon-hotfix fix --repo https://github.com/acme/estimator --ref v1.2 --signal event.json --logs run.log --json`
}

// A fixReport is what --json prints.
type fixReport struct {
	Outcome  string           `json:"outcome"` // patch, no-fix, refused, over-budget, broken
	Reason   string           `json:"reason"`  // in a word; "" with a patch
	Says     string           `json:"says,omitempty"`
	Refusals []hotfix.Reason  `json:"refusals,omitempty"`
	Base     string           `json:"base,omitempty"` // the commit that the patch applies to
	Title    string           `json:"title,omitempty"`
	Patch    string           `json:"patch"`
	Evidence *hotfix.Evidence `json:"evidence,omitempty"`
	Steps    int              `json:"steps"`
	Tokens   int              `json:"tokens"`
	Dollars  float64          `json:"dollars,omitempty"`
	Seconds  float64          `json:"seconds"`
}

// exitNoFix is the exit status when an attempt ended without a patch.
const exitNoFix = 3

// Run makes the attempt.
func (c *fixCmd) Run(ctx context.Context, std streams) error {
	start := time.Now()
	r, err := c.fix(ctx, std, start)
	report := c.report(r, err)
	report.Seconds = time.Since(start).Round(time.Millisecond).Seconds()
	err = errors.Join(err, c.keep(r))
	if c.JSON {
		enc := json.NewEncoder(std.Out)
		enc.SetEscapeHTML(false)
		err = errors.Join(err, enc.Encode(report))
	}
	switch {
	case ctx.Err() != nil:
		fmt.Fprintln(std.Err, "interrupted: nothing was changed")
		return exit(exitInterrupted)
	case err != nil:
		return redacted(err)
	case report.Outcome == "patch":
		return c.hand(std, r, report)
	}
	fmt.Fprintf(std.Err, "no patch: %s (%s)\n", report.Outcome, report.Reason)
	if report.Says != "" {
		fmt.Fprintln(std.Err, report.Says)
	}
	for _, why := range report.Refusals {
		fmt.Fprintf(std.Err, "- %s (%s)\n", why.Because, why.Rule)
	}
	return exit(exitNoFix)
}

// redacted is an error as it may be shown.
func redacted(err error) error { return errors.New(redact.Scrub(err.Error()).String()) }

// fix gathers what an attempt needs, and makes it.
func (c *fixCmd) fix(ctx context.Context, std streams, now time.Time) (local.Result, error) {
	var none local.Result
	if (c.Signal == "") == (c.Test == "") {
		return none, errors.New("say what failed, either with --signal FILE or with --test CMD")
	}
	models, err := model.Open(func(name string) string {
		if name == "HOTFIX_MODEL" && c.Model != "" {
			return c.Model
		}
		return os.Getenv(name)
	}, nil)
	if err != nil {
		return none, err
	}
	m, err := models.Model()
	if err != nil {
		return none, err
	}
	var f hotfix.Failure
	if c.Signal != "" {
		if f, err = c.signal(std, now); err != nil {
			return none, err
		}
	}
	box, err := c.Sandbox.open()
	if err != nil {
		return none, err
	}
	scratch, err := os.MkdirTemp("", "hotfix-")
	if err != nil {
		return none, fmt.Errorf("make a place for the tree: %w", err)
	}
	defer os.RemoveAll(scratch)
	show := newProgress(std.Err, now)
	at, err := checkOut(ctx, c.Repo, c.ref(f), scratch)
	if err != nil {
		return none, err
	}
	show.say("repository: %s", strings.Join(at.says, "; "))
	attempt := local.Config{Model: m, Box: box, Tree: at.tree, Policy: triage.Policy{MaxFiles: c.MaxFiles, MaxLines: c.MaxLines},
		Budget: agent.Budget{Steps: c.Steps, Tokens: c.Tokens, Wall: c.Wall, Money: c.Money}, Price: models.Price(), Name: nameOf(c.Repo), NoCommands: !c.Commands, Hint: redact.Scrub(c.Hint),
		Call: show.call, Step: show.step, Progress: show.note}
	if c.Test != "" {
		show.say("running %s", c.Test)
		if f, err = failing(ctx, box, at.tree, c.Test, now); err != nil {
			return none, err
		}
		if f.Message.Empty() {
			return local.Result{Outcome: hotfix.Outcome{Ending: hotfix.NoFix, Says: redact.Scrub("The command passes: there is nothing to fix.")}, Reason: "already-fixed"}, nil
		}
	}
	if attempt.Logs, err = c.logs(f); err != nil {
		return none, err
	}
	show.say("failure: %s", triage.Title(f))
	defer show.done()
	return local.Fix(ctx, attempt, f)
}

// nameOf is the last part of --repo.
func nameOf(repo string) string {
	if dir, err := filepath.Abs(repo); err == nil && !strings.Contains(repo, "://") {
		repo = dir
	}
	return strings.TrimSuffix(path.Base(filepath.ToSlash(repo)), ".git")
}

// ref is --ref. For an address, the commit that a failed run of GitHub names will do.
func (c *fixCmd) ref(f hotfix.Failure) string {
	if c.Ref == "" && f.Run != nil && strings.Contains(c.Repo, "://") {
		return f.Run.SHA
	}
	return c.Ref
}

// signal reads --signal.
func (c *fixCmd) signal(std streams, now time.Time) (hotfix.Failure, error) {
	in := std.In
	if c.Signal != "-" {
		file, err := os.Open(c.Signal)
		if err != nil {
			return hotfix.Failure{}, fmt.Errorf("--signal: %w", err)
		}
		defer file.Close()
		in = file
	}
	data, err := io.ReadAll(io.LimitReader(in, maxInspect))
	if err != nil {
		return hotfix.Failure{}, fmt.Errorf("--signal: %w", err)
	}
	f, err := readSignal(data, now)
	if err != nil {
		return f, fmt.Errorf("--signal: %w", err)
	}
	return f, nil
}

// logs is what fetch-logs returns: a file, or what came with the failure; nil if there is nothing.
func (c *fixCmd) logs(f hotfix.Failure) (func(context.Context) (redact.Text, error), error) {
	all := redact.Join(f.Logs, "\n")
	if c.Logs != "" {
		data, err := os.ReadFile(c.Logs)
		if err != nil {
			return nil, fmt.Errorf("--logs: %w", err)
		}
		all = redact.Scrub(strings.ToValidUTF8(string(data), "\uFFFD"))
	}
	if all.Empty() {
		return nil, nil
	}
	return func(context.Context) (redact.Text, error) { return all, nil }, nil
}

// failing runs the command on the untouched tree and makes a failure of what it prints. The message is empty if the
// command passes.
func failing(ctx context.Context, box sandbox.Box, t *sandbox.Tree, command string, now time.Time) (hotfix.Failure, error) {
	run := sandbox.Command{Args: []string{"sh", "-c", command}, Timeout: 5 * time.Minute}
	if tc := t.Toolchain(); tc != nil {
		run.Env, run.Cache = tc.Env, tc.Cache
	}
	r, err := box.Run(ctx, t, run)
	switch {
	case err != nil:
		return hotfix.Failure{}, fmt.Errorf("--test: %w", err)
	case r.Exit == 127 || r.Exit == 126 || r.Cause == sandbox.Setup:
		return hotfix.Failure{}, fmt.Errorf("--test: the command could not be started in the sandbox: %s", r.Output.Tail(400))
	case r.Exit == 0:
		return hotfix.Failure{At: now}, nil
	}
	head := fmt.Sprintf("The command %q ended with exit status %d", command, r.Exit)
	if r.Cause != sandbox.Exited {
		head += ", ended by " + r.Cause
	}
	f := textFailure(head+":\n"+r.Output.String(), now)
	f.ID, f.Category, f.Logs = "test", "test", []redact.Text{redact.Cut(r.Output, 64<<10)}
	return f, nil
}

// report says what came of it.
func (c *fixCmd) report(r local.Result, err error) fixReport {
	o := r.Outcome
	out := fixReport{Outcome: string(o.Ending), Reason: r.Reason, Says: o.Says.String(), Refusals: o.Refusals}
	if r.Run != nil {
		out.Steps, out.Tokens, out.Dollars = len(r.Run.Steps), r.Run.Tokens(), r.Run.Cost()
	}
	if o.Patch != nil {
		out.Evidence = &o.Evidence
	}
	switch {
	case err != nil:
		out.Outcome, out.Reason, out.Says = string(hotfix.Broken), "broken", redact.Scrub(err.Error()).String()
		var api *model.APIError
		if errors.As(err, &api) {
			out.Reason = "model"
		} else if errors.Is(err, context.Canceled) {
			out.Reason = "interrupted"
		}
	case o.Ending == hotfix.DraftOpened:
		out.Outcome, out.Patch, out.Base, out.Title = "patch", o.Patch.Diff, o.Patch.Base, r.Draft.Title
	}
	return out
}

// keep writes the transcript and the evidence, as far as there are any.
func (c *fixCmd) keep(r local.Result) error {
	var err error
	if c.Transcript != "" && r.Run != nil {
		err = writeTranscript(c.Transcript, r)
	}
	if c.Evidence != "" && r.Outcome.Patch != nil {
		err = errors.Join(err, writeJSON(c.Evidence, r.Outcome.Evidence))
	}
	return err
}

func writeTranscript(path string, r local.Result) error {
	prompt, err := prompts.Load("fix")
	if err != nil {
		return err
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	if err != nil {
		return fmt.Errorf("--transcript: %w", err)
	}
	err = agent.Transcript{Prompt: prompt.Hash(), Tools: tools.Hash(tools.All), Run: scrubbed(r.Run)}.Write(f)
	return errors.Join(err, f.Close())
}

// scrubbed is a run without secrets in what the model wrote; what it read was scrubbed before.
func scrubbed(run *agent.Run) *agent.Run {
	out := *run
	out.Steps = slices.Clone(run.Steps)
	for i := range out.Steps {
		s := &out.Steps[i]
		s.Reply = redact.Scrub(s.Reply).String()
		s.Calls = slices.Clone(s.Calls)
		for j := range s.Calls {
			if clean := redact.Scrub(string(s.Calls[j].Args)).String(); json.Valid([]byte(clean)) {
				s.Calls[j].Args = json.RawMessage(clean)
			} else {
				s.Calls[j].Args = json.RawMessage(`"left out: it held a secret"`)
			}
		}
	}
	return &out
}

func writeJSON(path string, v any) error {
	data, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return os.WriteFile(path, append(data, '\n'), 0o600)
}

// hand gives the patch to the user.
func (c *fixCmd) hand(std streams, r local.Result, report fixReport) error {
	fmt.Fprintf(std.Err, "%s\n\n%s\n", r.Draft.Title, strings.TrimSpace(r.Draft.Explanation))
	if risk := strings.TrimSpace(r.Draft.Risk); risk != "" {
		fmt.Fprintf(std.Err, "\nRisk: %s\n", risk)
	}
	e := r.Outcome.Evidence
	fmt.Fprintf(std.Err, "\nproof: the added tests fail on the old code (%s) and pass on the new (%s); all tests: %s\n",
		count(len(e.Before), "run", "runs"), count(len(e.After), "run", "runs"), e.Suite.Command)
	switch {
	case c.Out != "":
		if err := os.WriteFile(c.Out, []byte(report.Patch), 0o644); err != nil {
			return fmt.Errorf("--out: %w", err)
		}
		name, err := filepath.Abs(c.Out)
		if err != nil {
			name = c.Out
		}
		fmt.Fprintf(std.Err, "patch: %s, for commit %s; git apply takes it\n", name, short(report.Base))
	case !c.JSON:
		_, err := io.WriteString(std.Out, report.Patch)
		return err
	}
	return nil
}
