package daemon

import (
	"context"
	"fmt"
	"os"
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// refForm is what may follow /hotfix test: a name that git takes for no option and no range.
var refForm = regexp.MustCompile(`^[0-9A-Za-z_][0-9A-Za-z._/+-]{0,199}$`)

// test asks for the tests of a ref. They run where attempts run, which has more time than a command.
func test(_ context.Context, d *Daemon, a *asking) (string, error) {
	ref := strings.TrimSpace(a.Args.String())
	switch {
	case d.cfg.Box == nil:
		a.wrong = "This daemon has no sandbox, so it runs no tests."
	case !refForm.MatchString(ref) || strings.Contains(ref, ".."):
		a.wrong = "It needs the name of a branch or tag, or a commit."
	case a.c.Denied != "":
		a.wrong = "The plugin's repository is out of reach."
	}
	if a.wrong != "" {
		return "wrong", nil
	}
	a.c.Trial = &hotfix.Trial{Comment: a.ID, By: a.By, Ref: ref, Issue: a.Issue}
	a.next = []hotfix.Next{hotfix.NextFix}
	return "test", nil
}

// try runs the tests that a person asked for, if any, and answers with the result.
func (d *Daemon) try(ctx context.Context, fp hotfix.Fingerprint) error {
	c, err := d.cfg.Store.Case(ctx, fp)
	if err != nil {
		return fmt.Errorf("load case %s: %w", fp, err)
	}
	if c.Trial == nil || d.cfg.Box == nil {
		return nil
	}
	forge, n, err := d.forge(ctx, c)
	if err != nil {
		return err
	}
	t := *c.Trial
	a := &asking{n: n, forge: forge, verb: findVerb("test"), c: &c, Command: hotfix.Command{ID: t.Comment + "-result", Verb: "test",
		Args: redact.Scrub(t.Ref), Repo: c.Repo, Issue: t.Issue, By: t.By}}
	if a.ran, err = d.testsOf(ctx, forge, c, n, t.Ref); err != nil {
		return fmt.Errorf("run the tests of %s at %s: %w", c.Repo, t.Ref, err)
	}
	if err := d.answer(ctx, a, "tested"); err != nil {
		return err
	}
	c, unlock, err := d.locked(ctx, fp)
	if err != nil {
		return err
	}
	defer unlock()
	if c.Trial == nil || c.Trial.Comment != t.Comment {
		return nil // another was asked for meanwhile
	}
	c.Trial = nil
	if err := d.cfg.Store.SaveCase(ctx, c); err != nil {
		return fmt.Errorf("save case %s: %w", fp, err)
	}
	return nil
}

// A ran is how the tests of a ref ended, or why they did not run.
type ran struct {
	Ref, Commit string
	Run         *hotfix.TestRun
	Failed      []string // names of tests
	Not         string   // a sentence
}

// failedMax bounds how many failed tests an answer names.
const failedMax = 20

// testsOf checks ref out and runs all of its tests in the box, as the settings of n say. Only the box's own failure is
// an error.
func (d *Daemon) testsOf(ctx context.Context, forge Forge, c hotfix.Case, n hotfix.Notice, ref string) (*ran, error) {
	out := &ran{Ref: ref}
	dir, err := os.MkdirTemp(d.cfg.Scratch, "hotfix-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	plugin := c.Latest.Plugin
	plugin.Repo, plugin.Ref = c.Repo, ref
	tree, err := forge.Clone(ctx, plugin, dir)
	if err != nil {
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		out.Not = "It could not be checked out: " + innermost(err) + "."
		return out, nil
	}
	if tree.Note != "" { // for an attempt the nearest thing will do, but not here
		out.Not = tree.Note
		return out, nil
	}
	out.Commit = tree.Base
	settings, _ := ParseSettings(n.Settings)
	tree.Commands = sandbox.Commands(settings.Commands)
	tc := tree.Toolchain()
	if tc == nil {
		out.Not = "It is not known how the tests of this repository are run."
		return out, nil
	}
	run, err := sandbox.Test(ctx, d.cfg.Box, tree, tc, "")
	if err != nil {
		return nil, err
	}
	out.Run = &run
	for _, t := range run.Tests {
		if t.Status == "fail" && len(out.Failed) < failedMax {
			out.Failed = append(out.Failed, t.Name)
		}
	}
	return out, nil
}
