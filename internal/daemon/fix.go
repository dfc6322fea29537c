package daemon

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/tools"
)

// Fix makes one attempt at a case: issue first, then agent, proof and draft, then the issue again.
// An attempt that a crash cut short is taken up under its own name.
func (d *Daemon) Fix(ctx context.Context, fp hotfix.Fingerprint) error {
	// Attempts take minutes. They exclude each other, but not the failures that arrive meanwhile.
	done, err := d.cfg.Store.Lock(ctx, fp+"/fix")
	if err != nil {
		return fmt.Errorf("lock attempts of case %s: %w", fp, err)
	}
	defer done()
	if err := d.try(ctx, fp); err != nil {
		return err
	}
	w, err := d.begin(ctx, fp)
	if err != nil || w == nil {
		return err
	}
	defer os.RemoveAll(w.dir)
	outcome, run, err := d.attempt(ctx, w)
	if errors.Is(err, errHalted) {
		outcome, err = hotfix.Outcome{Ending: hotfix.Halted}, nil
	}
	if ctx.Err() != nil {
		return context.Cause(ctx) // shutting down: the attempt stays under way and is taken up again
	}
	if interrupted(err) {
		return fmt.Errorf("attempt %s: %w", w.id, err)
	}
	var lapsed interface{ Expired() bool }
	if errors.As(err, &lapsed) && lapsed.Expired() {
		d.cfg.Log.Warn("attempt ended", "case", fp, "run", w.id, "err", err)
		outcome, err = hotfix.Outcome{Ending: hotfix.Expired}, nil
	}
	var not withdrawn
	if errors.As(err, &not) {
		outcome, err = hotfix.Outcome{Ending: hotfix.Refused, Patch: w.bench.Patch, Evidence: w.bench.Evidence, Refusals: []hotfix.Reason{not.Reason}, Risk: w.risk}, nil
	}
	if err != nil {
		d.cfg.Log.ErrorContext(ctx, "attempt broke", "case", fp, "run", w.id, "err", err)
		outcome = hotfix.Outcome{Ending: hotfix.Broken, Says: redact.Scrub(because(err))}
	}
	if err := d.reply(ctx, w, outcome); err != nil {
		d.cfg.Log.ErrorContext(ctx, "remarks not answered", "case", fp, "run", w.id, "err", err)
	}
	return d.end(ctx, w, outcome, run)
}

// interrupted reports whether an attempt met a store that is away or a forge that wants no calls for now. It stays
// under way and is taken up again, since that says nothing about the problem.
func interrupted(err error) bool {
	var later interface{ RetryAt() time.Time }
	return errors.Is(err, store.ErrFull) || errors.As(err, &later)
}

// errHalted ends an attempt that a person stopped.
var errHalted = errors.New("a person stopped the attempt")

// A work is one attempt in progress.
type work struct {
	id    string
	c     hotfix.Case // as it was when the attempt began
	n     hotfix.Notice
	forge Forge
	dir   string
	hint  string
	log   redact.Text // of the run that failed, if it was read
	bench *tools.Bench
	risk  *hotfix.Assessment // of the patch that was vetted last; nil before

	pull      hotfix.Pull               // the pull request that a further round is about
	head      string                    // the commit at the tip of its branch
	onto      string                    // the commit that its branch is merged with; empty if it is only added to
	explained string                    // by the model, of what was published
	opinions  map[string]hotfix.Opinion // of the second model, by diff
}

// begin records the attempt before it starts. It returns nil when there is nothing to attempt.
func (d *Daemon) begin(ctx context.Context, fp hotfix.Fingerprint) (*work, error) {
	c, unlock, err := d.locked(ctx, fp)
	if err != nil {
		return nil, err
	}
	defer unlock()
	if c.Running() == nil && c.Ask == nil {
		return nil, nil // it was made already, or decided otherwise since
	}
	forge, n, err := d.forge(ctx, c)
	if err != nil {
		return nil, err
	}
	at, log := c.Running(), redact.Text{}
	if at == nil {
		var wanted bool
		if wanted, log, err = d.stillWanted(ctx, forge, &c, n); !wanted || err != nil {
			return nil, err
		}
		at = &hotfix.Attempt{RunID: fmt.Sprintf("%s-%d", fp, len(c.Attempts)+1), By: c.Ask.By, Hint: c.Ask.Hint.String(), Started: d.cfg.Now(),
			Pull: c.Ask.Pull, Answers: c.Ask.Answers}
		c.Attempts, c.Ask = append(c.Attempts, *at), nil
	}
	if err := d.cfg.Store.SaveCase(ctx, c); err != nil {
		return nil, fmt.Errorf("save case %s: %w", fp, err)
	}
	if err := d.report(ctx, forge, &c, n); err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp(d.cfg.Scratch, "hotfix-")
	if err != nil {
		return nil, fmt.Errorf("make a place for the tree: %w", err)
	}
	return &work{id: at.RunID, hint: at.Hint, c: c, n: n, forge: forge, dir: dir, log: log}, nil
}

// attempt lets the agent work and says how it ended.
func (d *Daemon) attempt(ctx context.Context, w *work) (hotfix.Outcome, *agent.Run, error) {
	w.bench = d.bench(w)
	if carries(w.c.Running()) {
		o, err := d.carry(ctx, w)
		return o, nil, err
	}
	task, err := d.task(ctx, w)
	if err != nil {
		return hotfix.Outcome{}, nil, err
	}
	if not := w.forbidden(); not != nil {
		return hotfix.Outcome{Ending: hotfix.Refused, Refusals: []hotfix.Reason{*not}}, nil, nil
	}
	// What an earlier process did of this attempt is not paid for again.
	former, err := d.cfg.Store.Run(ctx, w.id)
	if errors.Is(err, store.ErrNotFound) {
		former, err = &agent.Run{Task: task}, nil
	}
	if err != nil {
		return hotfix.Outcome{}, nil, fmt.Errorf("load run %s: %w", w.id, err)
	}
	m := d.cfg.Model
	if d.cfg.ModelFor != nil {
		if m, err = d.cfg.ModelFor(w.n); err != nil {
			return hotfix.Outcome{}, nil, fmt.Errorf("whom to ask: %w", err)
		}
	}
	ctx, halt := context.WithCancelCause(ctx)
	defer halt(nil)
	settings, _ := ParseSettings(w.n.Settings)
	a := agent.Agent{Model: m, Tools: d.tools(w.bench), Budget: tools.Bounded(settings.Budget.within(d.cfg.Budget)), Price: d.cfg.Price, Now: d.cfg.Now,
		Keep: func(ctx context.Context, run agent.Run) error { // also when the time is up just now
			return d.cfg.Store.SaveRun(context.WithoutCancel(ctx), w.id, &run)
		},
		Watch: func(s agent.Step) {
			d.cfg.Watch(Event{Fingerprint: w.c.Fingerprint, Step: &s})
			if c, err := d.cfg.Store.Case(ctx, w.c.Fingerprint); err == nil && c.Stopped != "" {
				halt(errHalted)
			}
		}}
	run, err := a.Resume(ctx, former)
	if run != nil {
		err = errors.Join(err, d.cfg.Store.SaveRun(context.WithoutCancel(ctx), w.id, run))
	}
	if errors.Is(context.Cause(ctx), errHalted) && w.bench.PR == 0 {
		return hotfix.Outcome{}, run, errHalted
	}
	if err != nil {
		return hotfix.Outcome{}, run, err
	}
	o := outcome(run, w.bench)
	if o.Risk = w.risk; o.PR != 0 {
		o.Head = w.head
	}
	return o, run, nil
}

// end records how the attempt ended. The issue is made to say so by the report that follows.
func (d *Daemon) end(ctx context.Context, w *work, outcome hotfix.Outcome, run *agent.Run) error {
	fp := w.c.Fingerprint
	c, unlock, err := d.locked(ctx, fp)
	if err != nil {
		return err
	}
	defer unlock()
	at := c.Running()
	if at == nil || at.RunID != w.id {
		return fmt.Errorf("case %s lost its attempt %s", fp, w.id)
	}
	at.Ended, at.Outcome = d.cfg.Now(), outcome
	if run != nil {
		at.Steps, at.Tokens, at.Cost = len(run.Steps), run.Tokens(), run.Cost()
	}
	if outcome.Ending == hotfix.DraftOpened {
		c.Take(hotfix.Occasion{On: hotfix.Proposed, By: hotfix.ByDaemon, At: at.Ended, Because: "A fix was proven and proposed.", Evidence: fmt.Sprintf("#%d", outcome.PR)})
	}
	if err := d.cfg.Store.SaveCase(ctx, c, hotfix.NextReport); err != nil {
		return fmt.Errorf("save case %s: %w", fp, err)
	}
	d.cfg.Log.InfoContext(ctx, "attempt ended", "case", fp, "run", w.id, "ending", outcome.Ending, "pr", outcome.PR)
	d.cfg.Watch(Event{Fingerprint: fp, Case: &c})
	return nil
}

// outcome reads off the bench what the run came to. What the model says of itself counts for nothing.
func outcome(run *agent.Run, b *tools.Bench) hotfix.Outcome {
	o := hotfix.Outcome{Ending: hotfix.NoFix, PR: b.PR, Patch: b.Patch, Evidence: b.Evidence, Refusals: b.Refused}
	switch {
	case b.PR != 0:
		o.Ending, o.Refusals = hotfix.DraftOpened, nil
	case run.Stop == agent.OverBudget:
		o.Ending = hotfix.OverBudget
	case len(b.Refused) > 0:
		o.Ending = hotfix.Refused
	}
	o.Says = redact.Scrub(b.GaveUp)
	if n := len(run.Steps); n > 0 && o.Says.Empty() {
		o.Says = redact.Scrub(run.Steps[n-1].Reply)
	}
	return o
}

// because is an error in words for a maintainer: its innermost cause says what to look at.
func because(err error) string {
	return "The attempt ended early: " + err.Error() + "."
}
