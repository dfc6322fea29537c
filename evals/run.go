package evals

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// Options say how fixtures are run.
type Options struct {
	Model  agent.Model // nil replays the fixture's transcript
	Price  func(agent.Tokens) float64
	Box    sandbox.Box
	Update bool         // rewrite the golden texts that the fixture has
	Shell  bool         // with Model, run the shell loop too
	Live   bool         // texts are the model's own, so they are not compared
	Verify bool         // gather the evidence of every draft anew
	Log    *slog.Logger // nil is silent
}

// A Result is what came of one fixture.
type Result struct {
	Name     string   `json:"name"`
	Try      int      `json:"try,omitempty"` // which of several live runs, from 1
	Fixture  string   `json:"fixture"`       // digest of the fixture
	Kind     string   `json:"kind,omitempty"`
	Passed   bool     `json:"passed"`
	Problems []string `json:"problems,omitempty"`
	Stale    string   `json:"stale,omitempty"` // why the transcript must be recorded again
	Wanted   []string `json:"wanted"`          // one outcome a case
	Outcomes []string `json:"outcomes"`
	Digest   string   `json:"digest"` // of every decision and text: equal digests, equal behaviour

	Resolved  bool     `json:"resolved"`         // there is a draft, and the judge's tests pass on it
	WrongPRs  int      `json:"wrong_prs"`        // pull requests that should not be, or that the judge's tests refuse
	Twins     int      `json:"duplicate_issues"` // issues beyond those that are wanted
	Issues    int      `json:"issues"`
	Want      int      `json:"want_issues"`
	Prototype int      `json:"prototype_issues"`          // what the issue-only prototype would have opened
	Leaks     int      `json:"leaks"`                     // places where a planted secret, or the daemon's credential, came out
	LeakedIn  []string `json:"leaked_in,omitempty"`       // these places
	Outside   []string `json:"outside_effects,omitempty"` // writes and calls that no step of the story makes

	Steps   int           `json:"steps"`
	Tokens  int           `json:"tokens"`
	Cost    float64       `json:"cost,omitempty"` // dollars
	Took    time.Duration `json:"took"`
	Testing time.Duration `json:"testing"` // of it, in the sandbox

	Shell *Contest `json:"shell,omitempty"` // what the shell loop came to

	Page Page `json:"page"`
}

// Title is the name, with the try if it is not the first.
func (r *Result) Title() string {
	if r.Try > 1 {
		return fmt.Sprintf("%s (%d)", r.Name, r.Try)
	}
	return r.Name
}

// A Page is what the report shows of a case.
type Page struct {
	Prose  string            `json:"prose"`
	Cases  []CasePage        `json:"cases"`
	Texts  map[string]string `json:"texts,omitempty"` // issue.md, pr.md, patch.diff
	Judged string            `json:"judged,omitempty"`
}

// A CasePage is one case and the transcripts of its attempts.
type CasePage struct {
	Repo     string           `json:"repo"`
	Decision hotfix.Decision  `json:"decision"`
	Count    int              `json:"count"`
	State    hotfix.State     `json:"state"`
	Attempts []hotfix.Attempt `json:"attempts,omitempty"`
	Runs     []agent.Run      `json:"runs,omitempty"`
}

// Run plays one fixture: the kernel's signed requests go in over HTTP, and what is on the forge afterwards is compared
// with what the fixture wants. An error means that the stage failed, not the daemon.
func Run(ctx context.Context, f *Fixture, o Options) (_ *Result, err error) {
	began := time.Now()
	defer func() {
		if err != nil {
			err = fmt.Errorf("%s: %w", f.Name, err)
		}
	}()
	r := &Result{Name: f.Name, Fixture: f.Digest(), Kind: f.World.Kind, Page: Page{Prose: f.Prose, Texts: map[string]string{}}}
	for _, w := range f.wanted {
		r.Wanted = append(r.Wanted, w.Outcome)
	}
	model := o.Model
	if model == nil {
		var stale *Stale
		if model, err = Replay(f.Model); errors.As(err, &stale) {
			r.Stale = stale.Error()
			r.problem("%s", r.Stale)
			return r, nil
		}
		if err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "hotfix-eval-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	w := &watcher{model: model, box: o.Box, log: o.Log, counts: f.World.Counts}
	p := &player{f: f, now: &clock{}, watch: w}
	p.now.at.Store(f.start().UnixNano())
	if p.stage, err = p.newStage(ctx, dir, o); err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, p.stage.Close()) }()
	if err := p.perform(ctx); err != nil {
		return nil, err
	}
	if err := r.judge(ctx, p, o, dir); err != nil {
		return nil, err
	}
	if r.Stale = w.stale(); r.Stale != "" {
		r.problem("%s", r.Stale)
	}
	r.Took, r.Testing = time.Since(began), w.testing()
	r.Passed = len(r.Problems) == 0
	switch {
	case o.Model == nil && len(f.Shell) > 0:
		r.Shell, err = RunShell(ctx, f, nil, o.Box)
	case o.Model != nil && o.Shell:
		r.Shell, err = RunShell(ctx, f, o.Model, o.Box)
	}
	return r, err
}

// newStage is the fixture's world.
func (p *player) newStage(ctx context.Context, dir string, o Options) (*Stage, error) {
	w := p.f.World
	cfg := StageConfig{Dir: dir, Allow: []hotfix.Repo{p.f.Repo}, Model: p.watch, Box: p.watch, NoFix: w.NoFix, MaxSteps: 40, Now: p.now.now, Log: p.watch.logger()}
	if w.Steps > 0 {
		cfg.MaxSteps = w.Steps
	}
	if w.NoFix != "" {
		cfg.Model = nil
	}
	if w.Allow != nil {
		cfg.Allow = nil
	}
	for _, name := range w.Allow {
		repo, err := hotfix.ParseRepo(name)
		if err != nil {
			return nil, fmt.Errorf("world.json: %w", err)
		}
		cfg.Allow = append(cfg.Allow, repo)
	}
	var bad error
	cfg.Tune = func(d *daemon.Config) {
		d.Price = o.Price
		bad = w.tune(d)
	}
	s, err := NewStage(ctx, cfg)
	if err == nil {
		s.Forge.Now = p.now.now // before anybody has asked it for the time
	}
	if err == nil && bad != nil {
		err = errors.Join(fmt.Errorf("world.json: %w", bad), s.Close())
	}
	return s, err
}

// tune applies what a world says of the operator's settings.
func (w World) tune(d *daemon.Config) error {
	if w.PerDay > 0 {
		d.Policy.MaxFixesPerDay = w.PerDay
	}
	switch w.MaxRisk {
	case "", "low":
	case "medium":
		d.Policy.MaxRisk = hotfix.MediumRisk
	default:
		return fmt.Errorf("maxRisk is %q, want low or medium", w.MaxRisk)
	}
	if b := w.Breaker; b != nil {
		d.Breaker = daemon.Breaker{PerHour: b.PerHour, PerDay: b.PerDay, Overall: b.Overall}
	}
	if w.Fallback != "" {
		repo, err := hotfix.ParseRepo(w.Fallback)
		if err != nil {
			return err
		}
		d.Sources.Fallback = repo
	}
	for url, name := range w.Sources {
		repo, err := hotfix.ParseRepo(name)
		if err != nil {
			return err
		}
		if d.Sources.Map == nil {
			d.Sources.Map = map[string]hotfix.Repo{}
		}
		d.Sources.Map[strings.ToLower(url)] = repo
	}
	return nil
}

// perform sets the world up and plays the story in it.
func (p *player) perform(ctx context.Context) error {
	trap, err := newTrap()
	if err != nil {
		return err
	}
	defer trap.close()
	p.trap = trap
	p.fill = filler{seed: p.f.Name, at: p.now.now(), trap: trap.url, commits: map[string]string{}, made: map[string]string{}}
	p.expire = secret("github-server-token", draw(p.f.Name, "expired"))
	if err := p.setUp(ctx); err != nil {
		return err
	}
	p.stage.Forge.ResetCalls()
	return p.play(ctx)
}

func (r *Result) problem(format string, args ...any) {
	r.Problems = append(r.Problems, fmt.Sprintf(format, args...))
}
