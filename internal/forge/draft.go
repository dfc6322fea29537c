package forge

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/go-git/go-git/v5/plumbing/transport"
	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// OpenDraft publishes what changed in tree as a draft pull request and returns its number. It may be called again:
// the same change on the same branch is the same pull request. A branch that holds anything else is ErrBranchTaken
// and stays as it is; a pull request with this very change that people closed is ErrDeclined, with its number.
func (c *Client) OpenDraft(ctx context.Context, tree *sandbox.Tree, p hotfix.Proposal) (number int, err error) {
	err = c.on(ctx, p.Repo, func(s *session) error {
		d := draft{c: c, s: s, tree: tree, p: p}
		number, err = d.open(ctx)
		return err
	})
	if err != nil {
		return number, fmt.Errorf("open draft in %s on %s: %w", p.Repo, p.Branch, err)
	}
	return number, nil
}

// A draft is a proposal on its way out.
type draft struct {
	c    *Client
	s    *session
	tree *sandbox.Tree
	p    hotfix.Proposal
	into string
	hash string // the commit, once it is on the branch
}

func (d *draft) open(ctx context.Context) (int, error) {
	if d.c.cfg.ReadOnly { // git has a connection of its own
		return 0, ErrReadOnly
	}
	if err := d.check(ctx); err != nil {
		return 0, err
	}
	if err := d.push(ctx); err != nil {
		return 0, err
	}
	if n, err := d.find(ctx); n != 0 || err != nil {
		return n, err
	}
	n, err := d.create(ctx)
	if err != nil {
		return 0, err
	}
	d.c.label(ctx, d.s, d.p.Repo, n, d.p.Labels)
	return n, nil
}

// check refuses what must not be published and fills in the target.
func (d *draft) check(ctx context.Context) error {
	if n := utf8.RuneCountInString(d.p.Body.String()); n > bodyMax {
		return fmt.Errorf("%w: %d characters of %d", ErrTooLong, n, bodyMax)
	}
	patch, err := d.tree.Patch(nil)
	if err != nil {
		return err
	}
	if len(patch.Files) == 0 {
		return errors.New("the tree has no changes")
	}
	repo, _, err := d.s.gh.Repositories.Get(ctx, d.p.Repo.Owner, d.p.Repo.Name)
	if err != nil {
		return hidden(explain(err))
	}
	d.into = cmp.Or(d.p.Into, repo.GetDefaultBranch())
	if d.p.Branch == "" || d.p.Branch == d.into || d.p.Branch == repo.GetDefaultBranch() {
		return fmt.Errorf("%q is no branch to push to", d.p.Branch)
	}
	return nil
}

// push puts the commit on the branch, or finds it there. A commit by another process with the same content becomes
// ours by taking over its author and date: then the hashes are equal, and only then.
func (d *draft) push(ctx context.Context) error {
	auth, err := d.s.auth(ctx)
	if err != nil {
		return err
	}
	var pushErr error
	for range 2 { // the second time finds out who was faster
		there, err := d.tip(ctx)
		if err != nil {
			return err
		}
		by, err := d.author(ctx, there)
		if err != nil {
			return err
		}
		if d.hash, err = d.tree.Commit(ctx, by, d.message(by)); err != nil {
			return err
		}
		switch {
		case there.GetSHA() == d.hash:
			return nil
		case there != nil:
			return fmt.Errorf("%w: its tip is %.12s", ErrBranchTaken, there.GetSHA())
		}
		if pushErr = d.tree.Push(ctx, d.c.gitURL(d.p.Repo), auth, d.p.Branch, d.hash); pushErr == nil {
			return nil
		}
		if ctx.Err() != nil {
			return ctx.Err()
		}
	}
	return gitError(pushErr)
}

// tip returns the commit that the branch points at, nil if there is no such branch.
func (d *draft) tip(ctx context.Context) (*github.Commit, error) {
	ref, _, err := d.s.gh.Git.GetRef(ctx, d.p.Repo.Owner, d.p.Repo.Name, "heads/"+d.p.Branch)
	var no *Refused
	if err = explain(err); errors.As(err, &no) && no.Status == http.StatusNotFound {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("read branch: %w", err)
	}
	if ref.GetRef() != "refs/heads/"+d.p.Branch {
		return nil, nil // GitHub once answered with branches that only start so
	}
	c, _, err := d.s.gh.Git.GetCommit(ctx, d.p.Repo.Owner, d.p.Repo.Name, ref.GetObject().GetSHA())
	if err != nil {
		return nil, fmt.Errorf("read tip of branch: %w", explain(err))
	}
	return c, nil
}

func (d *draft) author(ctx context.Context, there *github.Commit) (sandbox.Signature, error) {
	if there != nil {
		a := there.GetAuthor()
		return sandbox.Signature{Name: a.GetName(), Email: a.GetEmail(), When: a.GetDate().UTC()}, nil
	}
	by := sandbox.Signature{Name: d.c.cfg.Author.Name, Email: d.c.cfg.Author.Email, When: d.c.cfg.Now().UTC().Truncate(time.Second)}
	if by.Name != "" && by.Email != "" {
		return by, nil
	}
	who, err := d.c.identify(ctx, d.s)
	if err != nil {
		return by, err
	}
	by.Name = cmp.Or(by.Name, who.login, "daemon-hotfix")
	address := cmp.Or(who.login, "daemon-hotfix")
	if who.id != 0 {
		address = fmt.Sprintf("%d+%s", who.id, address)
	}
	by.Email = cmp.Or(by.Email, address+"@users.noreply.github.com")
	return by, nil
}

var trailer = regexp.MustCompile(`(?m)\n\n(?:[A-Za-z-]+: .+\n?)+$`)

func (d *draft) message(by sandbox.Signature) string {
	m := strings.TrimSpace(redact.Scrub(cmp.Or(d.p.Commit, d.p.Title)).String()) + "\n"
	if !d.c.cfg.SignOff {
		return m
	}
	if at := trailer.FindStringIndex(m); at == nil || at[1] != len(m) {
		m += "\n"
	}
	return m + fmt.Sprintf("Signed-off-by: %s <%s>\n", by.Name, by.Email)
}

// find looks for the pull request of this commit.
func (d *draft) find(ctx context.Context) (int, error) {
	opts := &github.PullRequestListOptions{State: "all", Head: d.p.Repo.Owner + ":" + d.p.Branch, Base: d.into, ListOptions: github.ListOptions{PerPage: perPage}}
	list, _, err := d.s.gh.PullRequests.List(ctx, d.p.Repo.Owner, d.p.Repo.Name, opts)
	if err != nil {
		return 0, fmt.Errorf("list pull requests: %w", explain(err))
	}
	declined := 0
	for _, pr := range list {
		switch same := pr.GetHead().GetSHA() == d.hash; {
		case pr.GetHead().GetRef() != d.p.Branch:
		case pr.GetState() == "open", same && pr.MergedAt != nil:
			return pr.GetNumber(), nil
		case same:
			declined = pr.GetNumber()
		}
	}
	if declined != 0 {
		return declined, fmt.Errorf("pull request #%d: %w", declined, ErrDeclined)
	}
	return 0, nil
}

func (d *draft) create(ctx context.Context) (int, error) {
	title, body := clip(redact.Scrub(oneLine(d.p.Title)).String(), titleMax), d.p.Body.String()
	pr, _, err := d.s.gh.PullRequests.Create(ctx, d.p.Repo.Owner, d.p.Repo.Name, &github.NewPullRequest{Title: &title, Body: &body,
		Head: &d.p.Branch, Base: &d.into, Draft: github.Bool(true), MaintainerCanModify: github.Bool(true)})
	err = explain(err)
	var no *Refused
	switch {
	case err == nil:
		return pr.GetNumber(), nil
	case errors.As(err, &no) && strings.Contains(strings.ToLower(no.Says.String()), "draft pull requests are not supported"):
		return 0, fmt.Errorf("%w: %w", ErrNoDrafts, err)
	case unclear(err), no != nil && strings.Contains(no.Says.String(), "already exists"):
		if n, findErr := d.find(ctx); n != 0 || findErr != nil {
			return n, findErr
		}
	}
	return 0, fmt.Errorf("create pull request: %w", hidden(err))
}

// A Pull is a pull request as the forge has it.
type Pull = hotfix.Pull

// PullState reads a pull request.
func (c *Client) PullState(ctx context.Context, repo hotfix.Repo, number int) (p Pull, err error) {
	err = c.on(ctx, repo, func(s *session) error {
		pr, _, err := s.gh.PullRequests.Get(ctx, repo.Owner, repo.Name, number)
		if err != nil {
			return explain(err)
		}
		p = Pull{Number: pr.GetNumber(), State: pr.GetState(), Draft: pr.GetDraft(), Head: pr.GetHead().GetRef(), Base: pr.GetBase().GetRef(),
			HeadSHA: pr.GetHead().GetSHA(), URL: pr.GetHTMLURL(), Body: redact.Scrub(pr.GetBody()),
			Conflicts: pr.Mergeable != nil && !pr.GetMergeable()}
		if pr.GetMerged() {
			p.State, p.MergeSHA, p.MergedAt, p.MergedBy = "merged", pr.GetMergeCommitSHA(), pr.GetMergedAt().Time, pr.GetMergedBy().GetLogin()
		}
		return nil
	})
	if err != nil {
		return p, fmt.Errorf("read pull request %s#%d: %w", repo, number, err)
	}
	return p, nil
}

func (c *shared) gitURL(repo hotfix.Repo) string { return c.server + "/" + repo.String() + ".git" }

// depth is how much history a clone has: enough to read what changed lately.
const depth = 50

// Clone fetches the source of a plugin at the version that failed; dir is as for sandbox.Clone. A public repository
// needs no credential.
func (c *Client) Clone(ctx context.Context, p hotfix.Plugin, dir string) (tree *sandbox.Tree, err error) {
	if p.Repo.IsZero() {
		return nil, fmt.Errorf("clone: the repository of plugin %s is not known", p.ID)
	}
	src := sandbox.Source{URL: c.gitURL(p.Repo), Ref: p.Ref, CABundle: c.cfg.CABundle, Depth: depth, Mirror: c.cfg.Mirrors}
	err = c.on(ctx, p.Repo, func(s *session) error {
		with := src
		if with.Auth, err = s.auth(ctx); err != nil {
			return err
		}
		tree, err = sandbox.Clone(ctx, with, dir)
		return gitError(err)
	})
	if errors.Is(err, ErrForbidden) {
		var publicErr error
		if tree, publicErr = sandbox.Clone(ctx, src, dir); publicErr == nil {
			return tree, nil
		}
	}
	if err != nil {
		return nil, fmt.Errorf("clone %s: %w", p.Repo, err)
	}
	return tree, nil
}

// gitError turns the errors of git's transport into ours.
func gitError(err error) error {
	if errors.Is(err, transport.ErrAuthenticationRequired) || errors.Is(err, transport.ErrAuthorizationFailed) || errors.Is(err, transport.ErrRepositoryNotFound) {
		return fmt.Errorf("%w: %w", ErrForbidden, err)
	}
	return err
}
