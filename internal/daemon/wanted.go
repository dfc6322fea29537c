package daemon

import (
	"context"
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// ruleNoLogs holds back attempts at what only a log could explain.
const ruleNoLogs = "no-logs"

// stillWanted looks again right before an attempt: many may have been decided at once, and a person may have
// closed the issue since. log is that of the run that failed, where it had to be read.
func (d *Daemon) stillWanted(ctx context.Context, forge Forge, c *hotfix.Case, n hotfix.Notice) (wanted bool, log redact.Text, err error) {
	change := hotfix.Asked
	if c.Ask.By == byPolicy {
		change = hotfix.Opened
		// The issue exists before any model is asked.
		if err := d.report(ctx, forge, c, n); err != nil {
			return false, log, err
		}
	}
	policy, err := d.policy(ctx, c.Repo, n)
	if err != nil {
		return false, log, err
	}
	judged := *c
	if c.Ask.Pull != 0 { // the draft is there and counted already
		judged.State, change, policy.Open, policy.FixesToday = hotfix.Ongoing, hotfix.Asked, 0, 0
	}
	now := d.within(policy, c).Decide(judged, change)
	if now.Action == hotfix.Fix && change == hotfix.Opened {
		var why *hotfix.Reason
		if log, why, err = d.readLog(ctx, forge, c.Latest); err != nil {
			return false, log, err
		}
		if why != nil {
			now = hotfix.Decision{Action: hotfix.Report, Risk: now.Risk, Reasons: []hotfix.Reason{*why}}
		}
	}
	if now.Action == hotfix.Fix {
		return true, log, nil
	}
	c.Decision, c.Ask = now, nil
	if err := d.cfg.Store.SaveCase(ctx, *c, hotfix.NextReport); err != nil {
		return false, log, fmt.Errorf("save case %s: %w", c.Fingerprint, err)
	}
	return false, log, nil
}

// readLog reads the log of a run that failed before anything is concluded: what came with the event is the beginning of
// it at most. Where it is gone, a fix would be a guess, and none is attempted until a person asks for one.
func (d *Daemon) readLog(ctx context.Context, forge Forge, f hotfix.Failure) (redact.Text, *hotfix.Reason, error) {
	if f.Run == nil || f.Run.ID == 0 {
		return redact.Text{}, nil, nil
	}
	log, err := forge.Logs(ctx, f)
	switch {
	case gone(err) || forbidden(err):
		return redact.Text{}, &hotfix.Reason{Rule: ruleNoLogs, Soft: true, Because: "The log of the run is gone or may not be read; without it a fix would be a guess."}, nil
	case err != nil:
		return redact.Text{}, nil, fmt.Errorf("read the log of run %d: %w", f.Run.ID, err)
	}
	return log, nil, nil
}
