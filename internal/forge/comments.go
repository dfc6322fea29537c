package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"unicode/utf8"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// Comment writes a comment on an issue or pull request, each time it is called.
func (c *Client) Comment(ctx context.Context, repo hotfix.Repo, issue int, body redact.Text) error {
	err := c.on(ctx, repo, func(s *session) error { return c.post(ctx, s, repo, issue, body.String()) })
	if err != nil {
		return fmt.Errorf("comment on %s#%d: %w", repo, issue, err)
	}
	return nil
}

var keyForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9._:/@-]{0,199}$`)

// CommentOnce writes a comment unless we wrote one with this key already. Two calls at the same moment may both write.
func (c *Client) CommentOnce(ctx context.Context, repo hotfix.Repo, issue int, key string, body redact.Text) error {
	err := c.on(ctx, repo, func(s *session) error { return c.commentOnce(ctx, s, repo, issue, key, body) })
	if err != nil {
		return fmt.Errorf("comment on %s#%d: %w", repo, issue, err)
	}
	return nil
}

func (c *Client) commentOnce(ctx context.Context, s *session, repo hotfix.Repo, issue int, key string, body redact.Text) error {
	if !keyForm.MatchString(key) {
		return fmt.Errorf("%q is no key for a comment", key)
	}
	line := "<!-- daemon-hotfix:comment " + key + " -->"
	who, err := c.identify(ctx, s)
	if err != nil {
		return err
	}
	opts := &github.IssueListCommentsOptions{ListOptions: github.ListOptions{PerPage: perPage}}
	for range listMax {
		page, resp, err := s.gh.Issues.ListComments(ctx, repo.Owner, repo.Name, issue, opts)
		if err != nil {
			return fmt.Errorf("list comments: %w", explain(err))
		}
		for _, found := range page {
			if hasLine(found.GetBody(), line) && who.ours(found.GetUser()) {
				return nil
			}
		}
		if resp.NextPage == 0 {
			return c.post(ctx, s, repo, issue, body.String()+"\n\n"+line)
		}
		opts.Page = resp.NextPage
	}
	return fmt.Errorf("list comments: more than %d pages", listMax)
}

func (c *Client) post(ctx context.Context, s *session, repo hotfix.Repo, issue int, body string) error {
	if n := utf8.RuneCountInString(body); n > bodyMax {
		return fmt.Errorf("%w: %d characters of %d", ErrTooLong, n, bodyMax)
	}
	_, _, err := s.gh.Issues.CreateComment(ctx, repo.Owner, repo.Name, issue, &github.IssueComment{Body: &body})
	return explain(err)
}

var loginForm = regexp.MustCompile(`^[A-Za-z0-9][A-Za-z0-9_-]{0,99}(\[bot\])?$`)

// Permission returns what login may do in repo now: "admin", "maintain", "write", "triage", "read" or "none". What
// cannot be found out is an error, never a permission.
func (c *Client) Permission(ctx context.Context, repo hotfix.Repo, login string) (level string, err error) {
	if !loginForm.MatchString(login) {
		return "", fmt.Errorf("permission in %s: %q is no login", repo, login)
	}
	err = c.on(ctx, repo, func(s *session) error {
		found, _, err := s.gh.Repositories.GetPermissionLevel(ctx, repo.Owner, repo.Name, login)
		err = explain(err)
		var no *Refused
		if errors.As(err, &no) && no.Status == http.StatusNotFound { // no such user, or no such repository for us
			level = "none"
			_, _, err = s.gh.Repositories.Get(ctx, repo.Owner, repo.Name)
			return hidden(explain(err))
		}
		if err != nil {
			return err
		}
		level = found.GetPermission() // custom roles are folded into these
		if role := found.GetRoleName(); level == "write" && role == "maintain" || level == "read" && role == "triage" {
			level = role
		}
		return nil
	})
	if err != nil {
		return "", fmt.Errorf("permission of %s in %s: %w", login, repo, err)
	}
	return level, nil
}

// CanWrite reports whether login may write to repo now. What cannot be found out is an error, never a yes.
func (c *Client) CanWrite(ctx context.Context, repo hotfix.Repo, login string) (bool, error) {
	level, err := c.Permission(ctx, repo, login)
	return err == nil && (level == "admin" || level == "write" || level == "maintain"), err
}

// label adds labels to an issue or pull request. They are a courtesy: what goes wrong is logged.
func (c *Client) label(ctx context.Context, s *session, repo hotfix.Repo, n int, labels []string) {
	if len(labels) == 0 {
		return
	}
	if _, _, err := s.gh.Issues.AddLabelsToIssue(ctx, repo.Owner, repo.Name, n, labels); err != nil {
		c.cfg.Log.Warn("labels not added", "repo", repo.String(), "number", n, "labels", labels, "err", explain(err))
	}
}
