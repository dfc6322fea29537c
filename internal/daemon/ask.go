package daemon

import (
	"context"
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Forbidden is the error of a command whose author may not give it.
type Forbidden struct{ By, Has, Needs string }

func (f *Forbidden) Error() string {
	return fmt.Sprintf("%s has the permission %q and this takes %q", f.By, f.Has, f.Needs)
}

// Forbidden reports that the author may not.
func (f *Forbidden) Forbidden() bool { return true }

// Permission is what login may do in the repository of this case, as the forge says now.
func (d *Daemon) Permission(ctx context.Context, fp hotfix.Fingerprint, login string) (string, error) {
	c, err := d.cfg.Store.Case(ctx, fp)
	if err != nil {
		return "", fmt.Errorf("load case %s: %w", fp, err)
	}
	forge, _, err := d.forge(ctx, c)
	if err != nil {
		return "", err
	}
	has, err := forge.Permission(ctx, c.Repo, login)
	if err != nil {
		return "", fmt.Errorf("look up what %s may do in %s: %w", login, c.Repo, err)
	}
	return has, nil
}

// Ask carries out a command that was given elsewhere than in a comment, with the same check, record and answer, and
// says in a sentence what came of it.
func (d *Daemon) Ask(ctx context.Context, fp hotfix.Fingerprint, cmd hotfix.Command) (string, error) {
	c, err := d.cfg.Store.Case(ctx, fp)
	if err != nil {
		return "", fmt.Errorf("load case %s: %w", fp, err)
	}
	a := &asking{Command: cmd, verb: findVerb(cmd.Verb)}
	if a.forge, a.n, err = d.forge(ctx, c); err != nil {
		return "", err
	}
	if a.has, err = a.forge.Permission(ctx, c.Repo, cmd.By); err != nil {
		return "", fmt.Errorf("look up what %s may do in %s: %w", cmd.By, c.Repo, err)
	}
	switch {
	case !enough(a.has, a.verb.needs):
		return "", &Forbidden{cmd.By, a.has, a.verb.needs}
	case a.verb.run == nil:
		return "There is no such command.", nil
	}
	a.n.ID = c.Via // also when that notice was forgotten
	if _, err := d.carryOut(ctx, fp, a); err != nil {
		return "", err
	}
	return a.says(), nil
}

// says is what came of a command, for whoever does not read the answer in the issue.
func (a *asking) says() string {
	switch a.line.Answer {
	case "retry":
		return "An attempt at a fix is queued."
	case "retry-refused":
		if reasons := a.c.Decision.Reasons; len(reasons) > 0 {
			return "No attempt is made. " + reasons[0].Because
		}
		return "No attempt is made."
	case "stop":
		return "The attempt ends after its current step; no more are made unless somebody asks."
	case "ignore":
		return "Ignored: failures are counted and nothing else."
	case "unignore":
		return "Taken up again."
	case "snooze":
		return "Quiet " + snoozed(a.c.Snooze) + "."
	case "dup":
		return "Failures are counted on the other problem."
	case "undup":
		return "Failures are counted here again."
	}
	return a.wrong
}
