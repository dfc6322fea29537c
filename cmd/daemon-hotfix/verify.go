package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/local"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A verifyCmd gathers the evidence of a pull request anew.
type verifyCmd struct {
	What        string `arg:"" help:"A pull request (owner/name#12, or its address), or a file with its evidence; - is standard input." placeholder:"EVIDENCE|PR"`
	Repo        string `help:"Where to clone the repository from, an address or a path. Default: the one that the evidence names." placeholder:"URL"`
	JSON        bool   `help:"Print both proofs as JSON."`
	githubFlags `embed:""`
	Sandbox     boxFlags `embed:"" prefix:"sandbox-"`
}

// Help returns the long help.
func (*verifyCmd) Help() string {
	return "The evidence stands in the body of the pull request. The patch is taken from its branch, or from the evidence itself, and everything is run " +
		"again on clean checkouts: the added tests on the old code, with the patch and with only the fix taken back, and all tests before and after. " +
		"The exit status is 0 if all of it comes out as claimed, 1 if not, and 2 if it could not be tried.\n\n" +
		"Examples:\n  daemon-hotfix verify acme/greet#12"
}

// Run verifies.
func (c *verifyCmd) Run(ctx context.Context, std streams) error {
	v, err := c.verify(ctx, std)
	if err != nil {
		fmt.Fprintf(std.Err, "daemon-hotfix: verify: %v\n", err)
		return exit(2)
	}
	if c.JSON {
		enc := json.NewEncoder(std.Out)
		enc.SetIndent("", "  ")
		err = enc.Encode(v)
	} else {
		err = printVerification(std.Out, v)
	}
	if err == nil && !v.Agrees {
		return exit(1)
	}
	return err
}

func (c *verifyCmd) verify(ctx context.Context, std streams) (local.Verification, error) {
	box, err := c.Sandbox.open()
	if err != nil {
		return local.Verification{}, err
	}
	claimed, branch, err := c.claim(ctx, std)
	if err != nil {
		return local.Verification{}, err
	}
	dir, err := os.MkdirTemp("", "hotfix-verify-")
	if err != nil {
		return local.Verification{}, err
	}
	defer os.RemoveAll(dir)
	tree, err := c.tree(ctx, claimed, branch, filepath.Join(dir, "tree"))
	if err != nil {
		return local.Verification{}, err
	}
	return local.Verify(ctx, box, tree, claimed, func(what string) { fmt.Fprintln(std.Err, what) })
}

var pullAddress = regexp.MustCompile(`^(?:https?://[^/]+/)?([\w.-]+/[\w.-]+)(?:#|/pull/)(\d+)/?$`)

// claim reads the evidence, and says on which branch the patch is; "" if the evidence itself has it.
func (c *verifyCmd) claim(ctx context.Context, std streams) (hotfix.Proof, string, error) {
	m := pullAddress.FindStringSubmatch(c.What)
	if m == nil {
		text, err := readFile(c.What, std.In)
		if err != nil {
			return hotfix.Proof{}, "", err
		}
		p, err := hotfix.ParseProof(text)
		if err == nil && p.Diff == "" {
			err = errors.New("the patch is too long to stand in the evidence; name the pull request instead")
		}
		return p, "", err
	}
	repo, err := hotfix.ParseRepo(m[1])
	if err != nil {
		return hotfix.Proof{}, "", err
	}
	client, err := c.client(slog.New(slog.DiscardHandler))
	if err != nil {
		return hotfix.Proof{}, "", err
	}
	number, _ := strconv.Atoi(m[2])
	pull, err := client.PullState(ctx, repo, number)
	if err != nil {
		return hotfix.Proof{}, "", err
	}
	p, err := hotfix.ParseProof(pull.Body.String())
	return p, pull.Head, err
}

func readFile(name string, in io.Reader) (string, error) {
	if name == "-" {
		data, err := io.ReadAll(io.LimitReader(in, 1<<20))
		return string(data), err
	}
	data, err := os.ReadFile(name)
	return string(data), err
}

// tree is the repository at the commit that the evidence starts from, with the patch in it.
func (c *verifyCmd) tree(ctx context.Context, p hotfix.Proof, branch, dir string) (*sandbox.Tree, error) {
	url := c.Repo
	if url == "" {
		url = strings.TrimRight(c.ServerURL, "/") + "/" + p.Repo + ".git"
	}
	ref := branch
	if ref == "" {
		ref = p.Base
	}
	t, err := sandbox.Clone(ctx, sandbox.Source{URL: url, Ref: ref}, dir)
	if err != nil {
		return nil, err
	}
	if branch == "" {
		return t, t.Apply(p.Diff)
	}
	return t, t.Rebase(p.Base)
}

// printVerification says what came of it.
func printVerification(out io.Writer, v local.Verification) error {
	row := func(what string, claimed, again any) {
		fmt.Fprintf(out, "%-42s claimed %-28v now %v\n", what, claimed, again)
	}
	row("the added tests, old code", runsOf(v.Claimed.Before), runsOf(v.Again.Before))
	row("the added tests, with the patch", runsOf(v.Claimed.After), runsOf(v.Again.After))
	row("the added tests, the fix taken back", runsOf(v.Claimed.Unfixed), runsOf(v.Again.Unfixed))
	row("all tests, old code", suiteOf(v.Claimed.BaseSuite), suiteOf(v.Again.BaseSuite))
	row("all tests, with the patch", suiteOf(v.Claimed.Suite), suiteOf(v.Again.Suite))
	for _, g := range v.Gaps {
		fmt.Fprintf(out, "missing now: %s (%s)\n", g.Because, g.Rule)
	}
	if v.Agrees {
		_, err := fmt.Fprintln(out, "\nThe evidence holds: everything came out as claimed.")
		return err
	}
	why := v.Differs
	if why == "" {
		why = "the proof is incomplete"
	}
	_, err := fmt.Fprintf(out, "\nThe evidence does not hold: %s.\n", why)
	return err
}

func runsOf(runs []hotfix.Tally) string {
	passed := 0
	for _, r := range runs {
		if r.Passed {
			passed++
		}
	}
	return fmt.Sprintf("%d of %d passed", passed, len(runs))
}

func suiteOf(t *hotfix.Tally) string {
	if t == nil {
		return "not run"
	}
	return fmt.Sprintf("%d passed, %d failed", t.Pass, t.Fail)
}
