package daemon

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A Ledger remembers which case a name stands for, and counts new issues and what led to no case.
type Ledger interface {
	// Own gives names to a case unless one belongs to another, and returns whose they are.
	Own(ctx context.Context, fp hotfix.Fingerprint, names ...string) (hotfix.Fingerprint, error)
	Owner(ctx context.Context, name string) (hotfix.Fingerprint, error)
	// Opened counts the issues decided upon since then, in repo or, if it is zero, in all.
	Opened(ctx context.Context, repo hotfix.Repo, since time.Time) (int, error)
	SaveDrop(ctx context.Context, d store.Drop) error
	// Due has look see every case that the time may mean something to at now; see Daemon.Due.
	Due(ctx context.Context, now time.Time, look func(hotfix.Case)) error
}

// dupMax bounds how long a chain of duplicates is followed.
const dupMax = 8

// Rules of the daemon's own, beside those of package triage.
const (
	ruleOwnIssue = "own-issue"
	ruleDup      = "duplicate-of"
	ruleSnoozed  = "snoozed"
	ruleStopped  = "stopped"
)

// pullName is a draft pull request of ours in the ledger.
func pullName(repo hotfix.Repo, number int) string {
	return fmt.Sprintf("pull:%s#%d", strings.ToLower(repo.String()), number)
}

// sameRun finds the case of a failed run. GitHub tells of one failure in three events whose texts differ; they share
// the names of the run. The first event opens the case, and the others' fingerprints become other names of it.
func (d *Daemon) sameRun(ctx context.Context, n hotfix.Notice) (hotfix.Fingerprint, error) {
	fp := triage.Fingerprint(*n.Failure)
	if n.Failure.Plugin.Kind != "ci" {
		return fp, nil
	}
	alias := "alias:" + string(fp)
	of, err := d.cfg.Ledger.Owner(ctx, alias)
	if errors.Is(err, store.ErrNotFound) {
		of, err = fp, nil
	}
	names := runNames(n)
	if err != nil || len(names) == 0 {
		return of, err
	}
	owner, err := d.cfg.Ledger.Own(ctx, of, names...)
	// A suite that nobody could look into names no check, so that its words fit every failure of the repository.
	if err == nil && owner != fp && n.Failure.Run.Name != "" {
		_, err = d.cfg.Ledger.Own(ctx, owner, alias)
	}
	return owner, err
}

// runNames are the names of a notice that tell which run it is about.
func runNames(n hotfix.Notice) (names []string) {
	for _, name := range n.Also {
		if strings.HasPrefix(name, "run:") || strings.HasPrefix(name, "suite:") {
			names = append(names, name)
		}
	}
	return names
}

// Suites is a forge that knows what a check suite is about.
type Suites interface {
	// SuiteRun is the workflow run of a suite, or, without a number, a check in it that failed. It has no name if there is neither.
	SuiteRun(ctx context.Context, repo hotfix.Repo, suite int64) (run hotfix.WorkflowRun, title redact.Text, err error)
}

// lookInto finds out which run a suite's event is about, which does not say so itself, unless another event of the same
// run came first. Otherwise a suite that comes first would be a problem of its own.
func (d *Daemon) lookInto(ctx context.Context, f *hotfix.Failure, n hotfix.Notice, s Settings) error {
	if f.Plugin.Kind != "ci" || f.Run == nil || f.Run.Name != "" || !s.Narrow(d.cfg.Policy).Allows(f.Plugin.Repo) {
		return nil
	}
	var suite int64
	for _, name := range runNames(n) {
		if _, err := d.cfg.Ledger.Owner(ctx, name); !errors.Is(err, store.ErrNotFound) {
			return err
		}
		if id, ok := strings.CutPrefix(name, "suite:"); ok {
			id, _, _ = strings.Cut(id, ":")
			suite, _ = strconv.ParseInt(id, 10, 64) // we wrote it
		}
	}
	forge, ok := d.cfg.Connect(n.Token).(Suites)
	if !ok || suite == 0 {
		return nil
	}
	run, title, err := forge.SuiteRun(ctx, f.Plugin.Repo, suite)
	if err != nil || run.Name == "" {
		return err
	}
	run.SHA, run.Branch = f.Run.SHA, f.Run.Branch
	what := hotfix.RunOfWorkflow
	if run.ID == 0 {
		what = hotfix.RunOfCheck
	}
	f.Run, f.Message = &run, redact.Scrub(run.Message(what, title.String()))
	return nil
}

// richer reports whether f tells more of the same run than old does.
func richer(f, old hotfix.Failure) bool {
	return f.Run != nil && old.Run != nil && f.Run.SHA == old.Run.SHA && old.Run.ID == 0 && f.Run.ID != 0
}

// hold says why nothing more is done about c for now, besides what the policy says. A person who asks is not held.
func (d *Daemon) hold(ctx context.Context, c *hotfix.Case, n hotfix.Notice) (*hotfix.Reason, error) {
	if c.Outage {
		return outageReason(), nil
	}
	if c.DupOf != "" {
		return &hotfix.Reason{Rule: ruleDup, Because: "A maintainer marked this as a duplicate; its failures count on the other issue."}, nil
	}
	if why := d.snoozing(c, n); why != nil {
		return why, nil
	}
	if f := n.Failure; f != nil && f.Trigger.Number != 0 {
		_, err := d.caseOf(ctx, f.Trigger.Repo, f.Trigger.Number)
		if err == nil {
			return &hotfix.Reason{Rule: ruleOwnIssue, Because: fmt.Sprintf(
				"The plugin failed on number %d of %s, which the daemon keeps itself. Writing about it could make it fail again.", f.Trigger.Number, f.Trigger.Repo)}, nil
		}
		if !errors.Is(err, store.ErrNotFound) {
			return nil, err
		}
	}
	if joined, err := d.joinOutage(ctx, c, n); joined || err != nil {
		return outageReason(), err
	}
	if why := d.unconfirmed(c, n); why != nil {
		return why, nil
	}
	return d.breaker(ctx, c, n)
}

// snoozing says that c is to be counted in silence. A snooze that is over is taken off.
func (d *Daemon) snoozing(c *hotfix.Case, n hotfix.Notice) *hotfix.Reason {
	s := c.Snooze
	switch {
	case s == nil:
		return nil
	case !s.Until.IsZero() && d.cfg.Now().Before(s.Until), s.Count > 0 && c.Count <= s.Count,
		s.Version != "" && (n.Failure == nil || !reached(n.Failure.Plugin.Ref, s.Version)):
		return &hotfix.Reason{Rule: ruleSnoozed, Because: fmt.Sprintf("%s asked for silence %s.", s.By, snoozed(s))}
	}
	c.Snooze = nil
	c.Take(hotfix.Occasion{On: hotfix.Woke, By: hotfix.ByDaemon, At: d.cfg.Now(), Because: "The time to be quiet is over."})
	return nil
}

// snoozed is how long a snooze lasts, in words.
func snoozed(s *hotfix.Snooze) string {
	switch {
	case s == nil:
		return "until further notice"
	case !s.Until.IsZero():
		return "until " + s.Until.UTC().Format("2006-01-02 15:04 UTC")
	case s.Count > 0:
		return fmt.Sprintf("until it has been seen more than %d times", s.Count)
	}
	return "until it fails at " + s.Version
}
