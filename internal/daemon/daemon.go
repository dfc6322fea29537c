// Package daemon is the story: what happens between a delivery and its reply.
// Read Triage, Report and Fix, in this order.
package daemon

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A Forge is what the daemon needs of GitHub.
type Forge interface {
	Past
	// SaveIssue makes the one issue with i.Marker exist and match i, and returns it as found.
	SaveIssue(ctx context.Context, i hotfix.Issue) (hotfix.Issue, error)
	// CommentOnce posts body unless a comment with this key is already there.
	CommentOnce(ctx context.Context, repo hotfix.Repo, issue int, key string, body redact.Text) error
	SetState(ctx context.Context, repo hotfix.Repo, issue int, state, reason string) error
	// FindIssue looks SaveIssue's issue up, or the one with i.Number, without writing. Its number is 0 if there is none.
	FindIssue(ctx context.Context, i hotfix.Issue) (hotfix.Issue, error)
	// Permission is "admin", "maintain", "write", "triage", "read" or "none".
	Permission(ctx context.Context, repo hotfix.Repo, login string) (string, error)
	// OpenDraft publishes what changed in t as a draft pull request and returns its number.
	OpenDraft(ctx context.Context, t *sandbox.Tree, p hotfix.Proposal) (int, error)
	Logs(ctx context.Context, f hotfix.Failure) (redact.Text, error)
	Clone(ctx context.Context, p hotfix.Plugin, dir string) (*sandbox.Tree, error)
}

// A Store is where notices, cases and runs are kept.
type Store interface {
	Notice(ctx context.Context, id string) (hotfix.Notice, error)
	Case(ctx context.Context, fp hotfix.Fingerprint) (hotfix.Case, error)
	Find(ctx context.Context, repo hotfix.Repo, issue int) (hotfix.Fingerprint, error)
	// SaveCase keeps c and, in the same transaction, what still has to be done for it.
	SaveCase(ctx context.Context, c hotfix.Case, next ...hotfix.Next) error
	Cases(ctx context.Context, f store.CaseFilter) ([]hotfix.Case, error)
	SaveRun(ctx context.Context, id string, run *agent.Run) error
	Run(ctx context.Context, id string) (*agent.Run, error)
	// Lock makes the caller the only writer of a case, over all processes, until unlock.
	Lock(ctx context.Context, fp hotfix.Fingerprint) (unlock func(), err error)
}

// A Config is everything a Daemon needs. Model and Box may be nil: the daemon then keeps issues and fixes nothing.
type Config struct {
	Policy  triage.Policy
	Store   Store
	Ledger  Ledger  // default: Store, if it is one
	Sources Sources // where the source of plugins lives
	Breaker Breaker
	Version string                          // of the daemon, for comments
	Connect func(token redact.Secret) Forge // token is the delivery's own and may be empty
	Model   agent.Model
	// ModelFor, if it is set, replaces Model: whom to ask on behalf of the delivery that an attempt is about.
	ModelFor   func(hotfix.Notice) (agent.Model, error)
	Box        sandbox.Box
	NoCommands bool   // the model may not run commands of its own in the box
	ModelName  string // as settings name it
	NoFix      string // why Model or Box is nil, in words for a maintainer
	Budget     agent.Budget
	Shadow     bool // nothing is written: Connect's forges only pretend, see Shadow
	// Opinion is whom to ask what it thinks of a proven patch, on behalf of the delivery that it is about. It can raise the
	// risk and never lower it. nil asks nobody.
	Opinion func(hotfix.Notice) (agent.Model, error)
	Price   func(agent.Tokens) float64  // of the model, in dollars; nil if it is not known
	Key     []byte                      // signs the markers in issues
	Server  string                      // where people read the forge, "https://github.com" by default
	Settle  time.Duration               // with Recall: how long after writing an issue it is looked at again, for runs that overlap; 0 never
	Recall  bool                        // Store ends with the process: cases are read from their issues
	Tool    func(agent.Tool) agent.Tool // stands between the agent and each of its tools, to watch; nil: nothing does
	Scratch string                      // where trees are checked out; the system's place for temporary files by default
	Watch   func(Event)
	Hooks   []Hook        // hear of what should not wait until somebody looks
	Status  []hotfix.Repo // have one issue each that says how the problems of their owner stand
	Now     func() time.Time
	Log     *slog.Logger
}

// An Event is something that just happened to a case, for whoever watches.
type Event struct {
	Fingerprint hotfix.Fingerprint
	Case        *hotfix.Case // after it was saved
	Step        *agent.Step  // a step of the agent that has ended
	Note        string       // progress inside a step
}

// A Daemon turns notices into issues and draft pull requests.
type Daemon struct {
	cfg       Config
	manifests *manifests
}

// New returns a daemon, or says what is missing.
func New(cfg Config) (*Daemon, error) {
	switch {
	case cfg.Store == nil || cfg.Connect == nil:
		return nil, errors.New("daemon: Store and Connect are required")
	case len(cfg.Key) < 32:
		return nil, errors.New("daemon: Key must have at least 32 bytes, or markers could be forged")
	case (!cfg.canAsk() || cfg.Box == nil) && cfg.NoFix == "":
		return nil, errors.New("daemon: without Model and Box, NoFix must say why")
	}
	if cfg.Ledger == nil {
		ledger, ok := cfg.Store.(Ledger)
		if !ok {
			return nil, errors.New("daemon: Ledger is required")
		}
		cfg.Ledger = ledger
	}
	if cfg.Version == "" {
		cfg.Version = "dev"
	}
	if cfg.Server == "" {
		cfg.Server = "https://github.com"
	}
	if cfg.Watch == nil {
		cfg.Watch = func(Event) {}
	}
	if cfg.Tool == nil {
		cfg.Tool = func(t agent.Tool) agent.Tool { return t }
	}
	if cfg.Now == nil {
		cfg.Now = time.Now
	}
	if cfg.Log == nil {
		cfg.Log = slog.New(slog.DiscardHandler)
	}
	if !cfg.canAsk() || cfg.Box == nil {
		cfg.Policy.NoFix = cfg.NoFix
	}
	return &Daemon{cfg: cfg, manifests: newManifests(cfg.Sources.Private, cfg.Now)}, nil
}

// canAsk reports whether there is a model to ask.
func (c *Config) canAsk() bool { return c.Model != nil || c.ModelFor != nil }

// byPolicy is who asks for an attempt when no person did.
const byPolicy = "policy"

// Handle does everything one notice asks for, then returns. A queue calls Triage, Report and Fix one by one instead.
func (d *Daemon) Handle(ctx context.Context, n hotfix.Notice) error {
	fp, next, err := d.triage(ctx, n)
	if err != nil || len(next) == 0 {
		return err
	}
	if slices.Contains(next, hotfix.NextFix) {
		if err := d.Fix(ctx, fp); err != nil {
			return err
		}
	}
	return d.Report(ctx, fp)
}

// Triage takes in the notice with this id. What remains to be done is saved with the case.
func (d *Daemon) Triage(ctx context.Context, id string) error {
	n, err := d.cfg.Store.Notice(ctx, id)
	if err != nil {
		return fmt.Errorf("load notice %s: %w", id, err)
	}
	_, _, err = d.triage(ctx, n)
	return err
}

func (d *Daemon) triage(ctx context.Context, n hotfix.Notice) (hotfix.Fingerprint, []hotfix.Next, error) {
	switch {
	case n.Ignored != nil:
		d.cfg.Log.InfoContext(ctx, "notice ignored", "notice", n.ID, "event", n.Event, "rule", n.Ignored.Rule, "because", n.Ignored.Because)
		return "", nil, nil
	case n.Failure != nil:
		return d.failed(ctx, n)
	case n.Command != nil:
		return d.asked(ctx, n)
	}
	return "", nil, fmt.Errorf("notice %s says nothing", n.ID)
}

// failed finds out whose bug a failure is, counts it and decides how far to go.
func (d *Daemon) failed(ctx context.Context, n hotfix.Notice) (hotfix.Fingerprint, []hotfix.Next, error) {
	n, fp, err := d.recognise(ctx, n)
	if err != nil || fp == "" {
		return "", nil, err
	}
	return d.countIn(ctx, fp, n)
}

// recognise finds out whose bug a failure is and which case it belongs to, "" if to none.
func (d *Daemon) recognise(ctx context.Context, n hotfix.Notice) (hotfix.Notice, hotfix.Fingerprint, error) {
	settings, _ := ParseSettings(n.Settings)
	f, not := d.locate(ctx, *n.Failure, settings)
	if not != nil {
		d.cfg.Log.InfoContext(ctx, "notice ignored", "notice", n.ID, "event", n.Event, "rule", not.Rule, "because", not.Because)
		return n, "", d.cfg.Ledger.SaveDrop(ctx, store.DropOf(n, f.Plugin.Repo, *not))
	}
	n.Failure = &f
	if err := d.lookInto(ctx, &f, n, settings); err != nil {
		return n, "", err
	}
	if err := d.hear(ctx, &f, n, settings); err != nil {
		return n, "", err
	}
	fp, err := d.sameRun(ctx, n)
	return n, fp, err
}

// countIn counts a failure in its case, and in those that this one is a duplicate of.
func (d *Daemon) countIn(ctx context.Context, fp hotfix.Fingerprint, n hotfix.Notice) (hotfix.Fingerprint, []hotfix.Next, error) {
	for range dupMax {
		next, of, err := d.count(ctx, fp, n)
		if err != nil || of == "" {
			return fp, next, err
		}
		fp = of
	}
	return fp, nil, fmt.Errorf("case %s is a duplicate of a duplicate and so on, more than %d deep", fp, dupMax)
}

// locked loads a case while nobody else may write it. unlock lets go of it.
func (d *Daemon) locked(ctx context.Context, fp hotfix.Fingerprint) (c hotfix.Case, unlock func(), err error) {
	if unlock, err = d.cfg.Store.Lock(ctx, fp); err != nil {
		return c, nil, fmt.Errorf("lock case %s: %w", fp, err)
	}
	if c, err = d.cfg.Store.Case(ctx, fp); err != nil {
		unlock()
		return c, nil, fmt.Errorf("load case %s: %w", fp, err)
	}
	return c, unlock, nil
}

// count takes a failure into one case. of is the case to count it in instead: the one that this
// one is a duplicate of, or that an older version knows it by.
func (d *Daemon) count(ctx context.Context, fp hotfix.Fingerprint, n hotfix.Notice) (next []hotfix.Next, of hotfix.Fingerprint, err error) {
	unlock, err := d.cfg.Store.Lock(ctx, fp)
	if err != nil {
		return nil, "", fmt.Errorf("lock case %s: %w", fp, err)
	}
	defer unlock()
	c, err := d.cfg.Store.Case(ctx, fp)
	if errors.Is(err, store.ErrNotFound) {
		if of, err := d.before(ctx, *n.Failure); of != "" || err != nil {
			return nil, of, err
		}
		c, err = d.fresh(ctx, fp, n)
	}
	if err != nil {
		return nil, "", fmt.Errorf("load case %s: %w", fp, err)
	}
	if of := splitOff(c, *n.Failure); of != "" {
		return nil, of, nil
	}
	old := c.Latest
	change, err := d.observe(ctx, &c, n)
	if err != nil {
		return nil, "", err
	}
	if change != hotfix.Duplicate {
		next, err = d.decide(ctx, &c, change, n)
		return next, c.DupOf, err
	}
	d.cfg.Log.InfoContext(ctx, "duplicate delivery", "notice", n.ID, "case", fp)
	if richer(*n.Failure, old) {
		c.Latest = *n.Failure
		if err := d.cfg.Store.SaveCase(ctx, c, hotfix.NextReport); err != nil {
			return nil, "", fmt.Errorf("save case %s: %w", fp, err)
		}
		next = []hotfix.Next{hotfix.NextReport}
	}
	return next, c.DupOf, nil
}

// decide judges the case and saves it with what follows.
func (d *Daemon) decide(ctx context.Context, c *hotfix.Case, change hotfix.Change, n hotfix.Notice) ([]hotfix.Next, error) {
	if c.Opened.IsZero() { // those who may open an issue count one after the other
		unlock, err := d.cfg.Store.Lock(ctx, "breaker")
		if err != nil {
			return nil, fmt.Errorf("lock breaker: %w", err)
		}
		defer unlock()
	}
	next, err := d.judge(ctx, c, change, n)
	if err != nil {
		return nil, err
	}
	c.Counts = []string{n.ID}
	return next, d.saveCounted(ctx, *c, next)
}

// judge asks the policy, and whoever else may hold the daemon back, and says what follows.
func (d *Daemon) judge(ctx context.Context, c *hotfix.Case, change hotfix.Change, n hotfix.Notice) ([]hotfix.Next, error) {
	policy, err := d.policy(ctx, c.Repo, n)
	if err != nil {
		return nil, err
	}
	return d.judgeBy(ctx, policy, c, change, n)
}

// judgeBy is judge by a policy that is known.
func (d *Daemon) judgeBy(ctx context.Context, policy triage.Policy, c *hotfix.Case, change hotfix.Change, n hotfix.Notice) ([]hotfix.Next, error) {
	c.Decision = d.within(policy, c).Decide(*c, change)
	c.Via = n.ID
	if change == hotfix.Counted {
		c.Decision = hotfix.Decision{Reasons: []hotfix.Reason{countedOnly(c)}}
	}
	if c.Decision.Action > hotfix.Ignore && change != hotfix.Asked {
		why, err := d.hold(ctx, c, n)
		if err != nil {
			return nil, fmt.Errorf("judge case %s: %w", c.Fingerprint, err)
		}
		if why != nil {
			c.Decision = hotfix.Decision{Risk: c.Decision.Risk, Reasons: []hotfix.Reason{*why}}
		} else if c.Stopped != "" && c.Decision.Action == hotfix.Fix {
			c.Decision.Action = hotfix.Report
			c.Decision.Reasons = []hotfix.Reason{{Rule: ruleStopped, Because: c.Stopped + " stopped attempts at this problem; one is made when somebody asks."}}
		}
	}
	switch {
	case c.Decision.Action < hotfix.Fix:
		c.Ask = nil
	case c.Ask == nil:
		c.Ask = &hotfix.Ask{By: byPolicy}
	}
	var next []hotfix.Next
	if f := n.Failure; f != nil && change == hotfix.Repeated {
		if _, yes := c.Louder(f.When()); yes {
			c.Loud = f.When()
			next = append(next, hotfix.NextReport)
		}
	}
	if c.Decision.Action >= hotfix.Report {
		next = append(next, hotfix.NextReport)
	}
	if c.Decision.Action >= hotfix.Fix {
		next = append(next, hotfix.NextFix)
	}
	return next, nil
}

// policy is the operator's, narrowed by the installation's settings, with what was spent in repo today.
func (d *Daemon) policy(ctx context.Context, repo hotfix.Repo, n hotfix.Notice) (triage.Policy, error) {
	settings, warnings := ParseSettings(n.Settings)
	for _, w := range warnings {
		d.cfg.Log.WarnContext(ctx, "setting not understood", "notice", n.ID, "problem", w)
	}
	p := settings.Narrow(d.cfg.Policy)
	if m := settings.Model; m != "" && m != d.cfg.ModelName && p.NoFix == "" {
		p.NoFix = "the installation's settings allow another model only"
	}
	if p.NoFix != "" {
		return p, nil // no attempt, so none is counted
	}
	p.At = d.cfg.Now()
	since := p.At.Add(-24 * time.Hour)
	fixing, err := d.cfg.Store.Cases(ctx, store.CaseFilter{Repo: repo, State: hotfix.Fixing, Limit: 1000})
	if err != nil {
		return p, fmt.Errorf("count open attempts in %s: %w", repo, err)
	}
	tried, err := d.cfg.Store.Cases(ctx, store.CaseFilter{Repo: repo, Tried: since, Limit: 1000})
	if err != nil {
		return p, fmt.Errorf("count attempts in %s: %w", repo, err)
	}
	if p.Together, err = d.together(ctx, repo, n.Failure); err != nil {
		return p, err
	}
	p.Open = len(fixing)
	for _, c := range tried {
		for _, a := range c.Attempts {
			if a.Started.After(since) && a.Pull == 0 {
				p.FixesToday++
			}
		}
	}
	return p, nil
}

// forge connects with the credential that came with the latest notice about the case, if it is still good.
func (d *Daemon) forge(ctx context.Context, c hotfix.Case) (Forge, hotfix.Notice, error) {
	n, err := d.cfg.Store.Notice(ctx, c.Via)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return nil, n, fmt.Errorf("load notice %s: %w", c.Via, err)
	}
	return d.cfg.Connect(n.Token), n, nil
}
