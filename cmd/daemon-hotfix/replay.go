package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A replayCmd shows again what the daemon makes of a failure.
type replayCmd struct {
	storeFlags `embed:""`

	What string `arg:"" help:"A capsule, an event in a file, or in the store a case (owner/name#12, or enough of its fingerprint) or a delivery (its id)." placeholder:"CAPSULE|EVENT|CASE"`
	Repo string `help:"Directory with the repository that the attempts worked on. Default: the copy that serve keeps in its data directory." placeholder:"DIR"`
	JSON bool   `help:"Print one JSON object."`

	ServerURL string `help:"GitHub's pages and git remotes, by which serve's copy of a repository is known." default:"https://github.com" env:"GITHUB_SERVER_URL" name:"server-url"`

	Budget budgetFlags `embed:"" prefix:"budget-"`
}

// Help is the long text of `replay --help`.
func (*replayCmd) Help() string {
	return `Nothing is published, no model is asked and GitHub is not called. Printed is which problem the failure is, and what would be
decided if it were seen for the first time in a repository that is allowed. A delivery whose payload was stored (the setting
storeRawEvents) is decoded anew, and compared with what it was taken for.

Of a case, or of the case that a delivery or a capsule is about, each recorded attempt is played again: the model's replies and the
clock come from the record. The prompt is rendered anew and compared. Where the repository is at hand, each call of a tool is made
again too, commands and proofs in the sandbox; what can only be had from GitHub comes from the record. What differs from run to run
although nothing happened (durations, times, addresses) is not compared. The first step and field with something else is named, and
the exit status is then 4. Give the budget that the daemon had when it recorded.

For a new attempt with a live model: daemon-hotfix fix --signal EVENT --repo DIR.

Examples:
  daemon-hotfix replay greeter-12.json
  daemon-hotfix replay acme/greeter#12 --repo ~/src/greeter`
}

// exitDiverges is the exit status when a recorded run comes to something else.
const exitDiverges = 4

// A replayReport is what --json prints.
type replayReport struct {
	Title       string             `json:"title"`
	Class       hotfix.Class       `json:"class"`
	Fingerprint hotfix.Fingerprint `json:"fingerprint"`
	Recorded    hotfix.Fingerprint `json:"recorded,omitempty"` // what it was when it was recorded, if that is known
	Decision    hotfix.Decision    `json:"decision"`
	Decoded     string             `json:"decoded,omitempty"` // how a stored payload is taken differently today
	Runs        []replayedRun      `json:"runs,omitempty"`
}

// Run shows it.
func (c *replayCmd) Run(ctx context.Context, std streams) error {
	report, err := c.report(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		enc := json.NewEncoder(std.Out)
		enc.SetEscapeHTML(false)
		err = enc.Encode(report)
	} else {
		report.print(std.Out)
	}
	for _, r := range report.Runs {
		if r.Diverges != "" {
			return errors.Join(err, exit(exitDiverges))
		}
	}
	if report.Decoded != "" {
		return errors.Join(err, exit(exitDiverges))
	}
	return err
}

func (c *replayCmd) report(ctx context.Context) (replayReport, error) {
	data, err := os.ReadFile(c.What)
	if errors.Is(err, os.ErrNotExist) {
		return c.stored(ctx)
	}
	if err != nil {
		return replayReport{}, err
	}
	var shape struct {
		Version     int    `json:"version"`
		Fingerprint string `json:"fingerprint"`
	}
	if json.Unmarshal(data, &shape) == nil && shape.Version != 0 && shape.Fingerprint != "" {
		made, err := capsule.Read(bytes.NewReader(data))
		if err != nil {
			return replayReport{}, err
		}
		return c.capsuled(ctx, made)
	}
	f, err := readSignal(data, time.Now())
	if err != nil {
		return replayReport{}, err
	}
	return triaged(f, ""), nil
}

// triaged says what is made of a failure that is seen for the first time.
func triaged(f hotfix.Failure, recorded hotfix.Fingerprint) replayReport {
	r := replayReport{Title: triage.Title(f), Class: triage.Classify(f), Fingerprint: triage.Fingerprint(f), Recorded: recorded}
	fresh := hotfix.Case{Fingerprint: r.Fingerprint, Repo: f.Plugin.Repo}
	change := fresh.Observe(hotfix.Sighting{Failure: f, Names: []string{f.ID}})
	policy := triage.Policy{Allow: []hotfix.Repo{f.Plugin.Repo}, MaxFixesPerDay: 1, MaxAttempts: 1, MaxFiles: 1, MaxLines: 1}
	r.Decision = policy.Decide(fresh, change)
	return r
}

// stored shows a delivery or a case of the store, and plays the attempts.
func (c *replayCmd) stored(ctx context.Context) (replayReport, error) {
	s, err := c.open(ctx)
	if err != nil {
		return replayReport{}, err
	}
	defer s.Close()
	n, err := s.Notice(ctx, c.What)
	if err == nil {
		return c.delivered(ctx, s, n)
	}
	if !errors.Is(err, store.ErrNotFound) {
		return replayReport{}, err
	}
	found, err := findCase(ctx, s, c.What)
	if err != nil {
		return replayReport{}, err
	}
	r := triaged(found.Latest, found.Fingerprint)
	return r, c.play(ctx, s, found, &r)
}

// delivered shows a delivery: its payload, if it was stored, is decoded anew.
func (c *replayCmd) delivered(ctx context.Context, s *store.SQL, n hotfix.Notice) (replayReport, error) {
	if n.Failure == nil {
		return replayReport{}, fmt.Errorf("the delivery %s reports no failure: it is %s", n.ID, kernel.Then(n))
	}
	f, decoded := *n.Failure, ""
	if len(n.Raw) > 0 {
		again, err := kernel.Again(n)
		if err != nil {
			return replayReport{}, err
		}
		if decoded = taken(n, again); again.Failure != nil {
			f = *again.Failure
		}
	}
	r := triaged(f, "")
	r.Decoded = decoded
	found, err := s.Case(ctx, r.Fingerprint)
	if errors.Is(err, store.ErrNotFound) {
		return r, nil // it was counted under another fingerprint, or not at all
	}
	if err != nil {
		return r, err
	}
	r.Recorded = found.Fingerprint
	return r, c.play(ctx, s, found, &r)
}

// taken says what of a delivery is taken differently today, "" if nothing is.
func taken(then, now hotfix.Notice) string {
	if now.Failure == nil {
		return fmt.Sprintf("it was a failure, and is now ignored: %s", now.Ignored.Because)
	}
	var was, is map[string]json.RawMessage
	for of, into := range map[*hotfix.Failure]*map[string]json.RawMessage{then.Failure: &was, now.Failure: &is} {
		raw, err := json.Marshal(of)
		if err == nil {
			err = json.Unmarshal(raw, into)
		}
		if err != nil {
			panic(err) // a struct of texts and times
		}
	}
	for _, field := range slices.Sorted(maps.Keys(was)) {
		if !bytes.Equal(was[field], is[field]) {
			return fmt.Sprintf("its field %s was %.200s, is %.200s", field, was[field], is[field])
		}
	}
	return ""
}

// capsuled shows a capsule, and plays the attempts of its case if there is a store that has it.
func (c *replayCmd) capsuled(ctx context.Context, made capsule.Capsule) (replayReport, error) {
	r := triaged(made.Failure, made.Fingerprint)
	s, err := c.open(ctx)
	if err != nil {
		return r, nil //nolint:nilerr // a capsule is for machines without the store
	}
	defer s.Close()
	found, err := s.Case(ctx, made.Fingerprint)
	if errors.Is(err, store.ErrNotFound) {
		return r, nil
	}
	if err != nil {
		return r, err
	}
	return r, c.play(ctx, s, found, &r)
}

func (r replayReport) print(w io.Writer) {
	fmt.Fprintf(w, "%s\n  kind         %s\n  fingerprint  %s\n", r.Title, r.Class, r.Fingerprint)
	if r.Recorded != "" && r.Recorded != r.Fingerprint {
		fmt.Fprintf(w, "  recorded as  %s\n", r.Recorded)
	}
	fmt.Fprintf(w, "  decision     %s, risk %s\n", r.Decision.Action, r.Decision.Risk)
	for _, why := range r.Decision.Reasons {
		fmt.Fprintf(w, "               %s (%s)\n", why.Because, why.Rule)
	}
	if r.Decoded != "" {
		fmt.Fprintf(w, "the stored payload is taken differently today: %s\n", r.Decoded)
	}
	for _, run := range r.Runs {
		run.print(w)
	}
}
