package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A jobsCmd shows and settles work that the daemon gave up.
type jobsCmd struct {
	List    jobsListCmd    `cmd:"" default:"withargs" help:"List what is parked, and why."`
	Release jobsReleaseCmd `cmd:"" help:"Try parked work again."`
	Drop    jobsDropCmd    `cmd:"" help:"Forget parked work."`
	Dropped jobsDroppedCmd `cmd:"" help:"List failures that led to no case, and why."`
}

// Help is the long text of `jobs --help`.
func (*jobsCmd) Help() string {
	return `Work that failed as often as it may is parked: it waits until somebody decides, or until the same is wanted anew.

Examples:
  daemon-hotfix jobs                      what is parked
  daemon-hotfix jobs --all                and what is waiting or under way
  daemon-hotfix jobs release fix v1-3f2a  try it again; the beginning of a name is enough
  daemon-hotfix jobs drop triage --every  forget all of one kind
  daemon-hotfix jobs dropped              failures that led to no case`
}

// A jobsListCmd lists work.
type jobsListCmd struct {
	storeFlags `embed:""`

	All  bool `help:"Also what is waiting or under way."`
	JSON bool `help:"One line of JSON each." name:"json"`
}

// Help is the long text of `jobs list --help`.
func (*jobsListCmd) Help() string {
	return "Examples:\n  daemon-hotfix jobs list --all --json"
}

// A jobLine is what list prints.
type jobLine struct {
	State    string    `json:"state"` // parked, waiting or running
	Kind     string    `json:"kind"`
	Name     string    `json:"name"`
	Repo     string    `json:"repo,omitempty"`
	Attempts int       `json:"attempts"`         // that failed
	Deaths   int       `json:"deaths,omitempty"` // of the process that was at it
	Since    time.Time `json:"since"`
	Reason   string    `json:"reason,omitempty"`
}

// Run prints the list.
func (c *jobsListCmd) Run(ctx context.Context, std streams) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	wants, err := s.Parked(ctx)
	if err == nil && c.All {
		var more []store.Want
		more, err = s.Wanted(ctx)
		wants = append(wants, more...)
	}
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(std.Out)
		for _, w := range wants {
			if err := out.Encode(lineOf(w)); err != nil {
				return err
			}
		}
		return nil
	}
	if len(wants) == 0 {
		_, err := fmt.Fprintln(std.Out, "nothing is parked")
		return err
	}
	t := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "STATE\tKIND\tNAME\tREPOSITORY\tATTEMPTS\tSINCE\tREASON")
	for _, w := range wants {
		l := lineOf(w)
		fmt.Fprintf(t, "%s\t%s\t%s\t%s\t%d\t%s\t%s\n", l.State, l.Kind, l.Name, cmp.Or(l.Repo, "-"), l.Attempts,
			l.Since.Format("2006-01-02 15:04:05"), cmp.Or(l.Reason, "-"))
	}
	return t.Flush()
}

// lineOf describes w in one line that is safe to print: reasons may quote what came from outside.
func lineOf(w store.Want) jobLine {
	l := jobLine{State: "waiting", Kind: string(w.Kind), Name: w.Name, Repo: w.Lane, Attempts: w.Attempts, Deaths: w.Deaths, Since: w.Asked,
		Reason: plain(redact.Scrub(w.Reason).String())}
	switch {
	case !w.Parked.IsZero():
		l.State, l.Since = "parked", w.Parked
	case w.Worker != "":
		l.State, l.Since = "running", w.Started
	}
	l.Name, l.Repo = plain(l.Name), plain(l.Repo)
	return l
}

// plain makes one line of s without anything that a terminal obeys.
func plain(s string) string {
	return strings.Join(strings.FieldsFunc(s, func(r rune) bool { return r < ' ' || r == 0x7f || r >= 0x80 && r < 0xa0 }), " ")
}

// parkedFlags name parked work.
type parkedFlags struct {
	storeFlags `embed:""`

	Kind  string `arg:"" help:"triage, report or fix." enum:"triage,report,fix"`
	Name  string `arg:"" optional:"" help:"What list calls it, or enough of its beginning." placeholder:"NAME"`
	Every bool   `help:"Everything parked of this kind, instead of one name."`
}

// each calls do for whatever the flags name, and says what was done.
func (f parkedFlags) each(ctx context.Context, std streams, done string, do func(*store.SQL, store.Want) error) error {
	if f.Every == (f.Name != "") {
		return errors.New("say which: a name, or --every")
	}
	s, err := f.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	parked, err := s.Parked(ctx)
	if err != nil {
		return err
	}
	var chosen []store.Want
	for _, w := range parked {
		if string(w.Kind) == f.Kind && strings.HasPrefix(w.Name, f.Name) {
			chosen = append(chosen, w)
		}
		if string(w.Kind) == f.Kind && w.Name == f.Name {
			chosen = []store.Want{w}
			break
		}
	}
	switch {
	case len(chosen) == 0 && f.Name != "":
		return fmt.Errorf("no %s that begins with %q is parked: see daemon-hotfix jobs", f.Kind, f.Name)
	case len(chosen) > 1 && !f.Every:
		return fmt.Errorf("%d parked names begin with %q: write more of it", len(chosen), f.Name)
	}
	for _, w := range chosen {
		if err := do(s, w); err != nil {
			return err
		}
		fmt.Fprintf(std.Out, "%s %s %s\n", done, w.Kind, plain(w.Name))
	}
	return nil
}

// A jobsReleaseCmd tries parked work again.
type jobsReleaseCmd struct {
	parkedFlags `embed:""`
}

// Help is the long text of `jobs release --help`.
func (*jobsReleaseCmd) Help() string {
	return "A running daemon takes it up within seconds, with all its attempts before it.\n\nExamples:\n  daemon-hotfix jobs release report v1-3f2a"
}

// Run releases what the arguments name.
func (c *jobsReleaseCmd) Run(ctx context.Context, std streams) error {
	return c.each(ctx, std, "released", func(s *store.SQL, w store.Want) error { return s.Release(ctx, w.Kind, w.Name) })
}

// A jobsDropCmd forgets parked work.
type jobsDropCmd struct {
	parkedFlags `embed:""`
}

// Help is the long text of `jobs drop --help`.
func (*jobsDropCmd) Help() string {
	return "The case stays. If it fails again, the work is wanted again.\n\nExamples:\n  daemon-hotfix jobs drop fix v1-3f2a"
}

// Run drops what the arguments name.
func (c *jobsDropCmd) Run(ctx context.Context, std streams) error {
	return c.each(ctx, std, "dropped", func(s *store.SQL, w store.Want) error { return s.Drop(ctx, w.Kind, w.Name) })
}
