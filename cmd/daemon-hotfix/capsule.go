package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A capsuleCmd exports the latest failure of a case.
type capsuleCmd struct {
	storeFlags `embed:""`

	Case string `arg:"" help:"The case: owner/name#12, or enough of its fingerprint." placeholder:"CASE"`
	Out  string `help:"File to write; standard output by default." short:"o" placeholder:"FILE"`
}

// Help is the long text of `capsule --help`.
func (*capsuleCmd) Help() string {
	return `A capsule is the redacted failure with an excerpt of its logs, the commit and the command that show it. It holds no
credential, and its id is a digest of its content, so that a changed one is refused.

Examples:
  daemon-hotfix capsule acme/greeter#12 -o greeter-12.json
  daemon-hotfix capsule v1-58ed81 | less`
}

// Run writes the capsule.
func (c *capsuleCmd) Run(ctx context.Context, std streams) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	found, err := findCase(ctx, s, c.Case)
	if err != nil {
		return err
	}
	n, err := s.Notice(ctx, found.Via)
	if err != nil && !errors.Is(err, store.ErrNotFound) { // an old delivery has been forgotten; the case has the rest
		return err
	}
	made := capsule.Of(found, n)
	if c.Out == "" {
		return capsule.Write(std.Out, made)
	}
	if err := writeFile(c.Out, func(w io.Writer) error { return capsule.Write(w, made) }); err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.Err, "%s: %s\n", c.Out, made.ID)
	return err
}

// writeFile writes a file that must not exist yet.
func writeFile(path string, write func(io.Writer) error) error {
	f, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return fmt.Errorf("write %s: %w", path, err)
	}
	return errors.Join(write(f), f.Close())
}

// findCase returns the case that name means: an issue as owner/name#12, or the beginning of one fingerprint.
func findCase(ctx context.Context, s *store.SQL, name string) (hotfix.Case, error) {
	if at, number, ok := strings.Cut(name, "#"); ok {
		repo, err := hotfix.ParseRepo(at)
		n, numErr := strconv.Atoi(number)
		if err != nil || numErr != nil {
			return hotfix.Case{}, fmt.Errorf("%q is not an issue: write owner/name#12", name)
		}
		fp, err := s.Find(ctx, repo, n)
		if errors.Is(err, store.ErrNotFound) {
			return hotfix.Case{}, fmt.Errorf("the store has no case with the issue %s", name)
		}
		if err != nil {
			return hotfix.Case{}, err
		}
		return s.Case(ctx, fp)
	}
	var found []hotfix.Case
	for after := hotfix.Fingerprint(""); ; {
		page, err := s.Cases(ctx, store.CaseFilter{After: after, Limit: 500})
		if err != nil {
			return hotfix.Case{}, err
		}
		for _, c := range page {
			if strings.HasPrefix(string(c.Fingerprint), name) || strings.HasPrefix(c.Fingerprint.Short(), name) {
				found = append(found, c)
			}
		}
		if len(page) < 500 {
			break
		}
		after = page[len(page)-1].Fingerprint
	}
	switch len(found) {
	case 0:
		return hotfix.Case{}, fmt.Errorf("the store has no case whose fingerprint begins with %q", name)
	case 1:
		return found[0], nil
	}
	return hotfix.Case{}, fmt.Errorf("%d cases begin with %q: write more of it", len(found), name)
}
