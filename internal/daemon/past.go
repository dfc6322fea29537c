package daemon

import (
	"context"
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A Past is what the daemon asks of GitHub about code that people have worked on since.
type Past interface {
	PullState(ctx context.Context, repo hotfix.Repo, number int) (hotfix.Pull, error)
	// Contains says whether a version has commit among its ancestors.
	Contains(ctx context.Context, repo hotfix.Repo, version, commit string) (hotfix.Answer, error)
	// Reverted returns the commit on the default branch that takes a merged fix back, nil if there is none.
	Reverted(ctx context.Context, repo hotfix.Repo, fix hotfix.Merge) (*hotfix.Revert, error)
	// Said is what was said about a failure elsewhere than in its event.
	Said(ctx context.Context, f hotfix.Failure) ([]redact.Text, error)
}

// hear adds to a failure that does not say what failed what was said about it elsewhere. It is asked for only where
// the daemon may write, and a GitHub that does not answer is waited for: the failure would get another fingerprint.
func (d *Daemon) hear(ctx context.Context, f *hotfix.Failure, n hotfix.Notice, s Settings) error {
	if !triage.Opaque(*f) || !s.Narrow(d.cfg.Policy).Allows(f.Plugin.Repo) {
		return nil
	}
	said, err := d.cfg.Connect(n.Token).Said(ctx, *f)
	if err != nil {
		return fmt.Errorf("notice %s does not say what failed: %w", n.ID, err)
	}
	if excerpt := triage.Excerpt(said, remarksMax); excerpt != "" {
		f.Remarks = []redact.Text{redact.Scrub(excerpt)}
	}
	if logs, ok := d.cfg.Connect(n.Token).(RunLogs); ok && f.Run != nil && f.Run.ID != 0 && len(said) > 0 {
		run := *f.Run
		run.Spot, err = logs.FailedAt(ctx, f.Plugin.Repo, run.ID, triage.Shows(said))
		f.Run = &run
	}
	return err
}

// RunLogs is a forge that knows where in its logs a run failed. line is what shows it; "" for none.
type RunLogs interface {
	FailedAt(ctx context.Context, repo hotfix.Repo, run int64, line string) (hotfix.Spot, error)
}

// remarksMax bounds what is kept of remarks, in bytes.
const remarksMax = 6000

// Rules of failures that only count.
const (
	ruleStaleVersion = "version-without-fix"
	ruleUnknown      = "version-unknown"
	ruleLate         = "late-news"
)

// fixed finds out whether the version that failed has the fix that was merged. GitHub is asked only when it matters.
func (d *Daemon) fixed(ctx context.Context, c hotfix.Case, n hotfix.Notice) (hotfix.Answer, error) {
	f := n.Failure
	if c.Fix == nil || c.Fix.Commit == "" || !c.State.Settled() {
		return hotfix.Unknown, nil
	}
	version := f.Plugin.Ref
	if f.Run != nil && f.Run.SHA != "" {
		version = f.Run.SHA
	}
	answer, err := d.cfg.Connect(n.Token).Contains(ctx, f.Plugin.Repo, version, c.Fix.Commit)
	if err != nil {
		return hotfix.Unknown, fmt.Errorf("find out whether case %s failed with its fix: %w", c.Fingerprint, err)
	}
	return answer, nil
}

// countedOnly says why the latest failure of c leads to nothing.
func countedOnly(c *hotfix.Case) hotfix.Reason {
	switch {
	case c.Fix == nil || c.Fix.Stale+c.Fix.Unsure == 0:
		return hotfix.Reason{Rule: ruleLate, Because: "The news of this failure came late: it happened before the issue was closed."}
	case c.Fix.Unsure > 0:
		return hotfix.Reason{Rule: ruleUnknown, Because: fmt.Sprintf(
			"A fix was merged with #%d, and it is not known whether the version that failed has it; one more such failure reopens the issue.", c.Fix.PR)}
	}
	return hotfix.Reason{Rule: ruleStaleVersion, Because: fmt.Sprintf(
		"The version that failed does not have the fix that was merged with #%d; the failure is counted.", c.Fix.PR)}
}
