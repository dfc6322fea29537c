package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// Remarks returns what people said about a pull request, oldest first: comments, comments on lines, reviews. What we
// or other programs wrote is left out.
func (c *Client) Remarks(ctx context.Context, repo hotfix.Repo, number int) (out []hotfix.Remark, err error) {
	err = c.on(ctx, repo, func(s *session) error {
		who, err := c.identify(ctx, s)
		if err != nil {
			return err
		}
		out, err = remarks(ctx, s, repo, number)
		out = slices.DeleteFunc(out, func(r hotfix.Remark) bool {
			return r.Body.Empty() || strings.HasSuffix(r.By, "[bot]") || who.login != "" && strings.EqualFold(r.By, who.login)
		})
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("read what was said about %s#%d: %w", repo, number, err)
	}
	slices.SortStableFunc(out, func(a, b hotfix.Remark) int { return a.At.Compare(b.At) })
	return out, nil
}

func remarks(ctx context.Context, s *session, repo hotfix.Repo, number int) ([]hotfix.Remark, error) {
	page := github.ListOptions{PerPage: perPage}
	comments, _, err := s.gh.Issues.ListComments(ctx, repo.Owner, repo.Name, number, &github.IssueListCommentsOptions{ListOptions: page})
	if err != nil {
		return nil, explain(err)
	}
	var out []hotfix.Remark
	for _, c := range comments {
		out = append(out, hotfix.Remark{ID: fmt.Sprintf("comment:%d", c.GetID()), By: c.GetUser().GetLogin(), Body: redact.Scrub(c.GetBody()), At: c.GetCreatedAt().Time})
	}
	lines, _, err := s.gh.PullRequests.ListComments(ctx, repo.Owner, repo.Name, number, &github.PullRequestListCommentsOptions{ListOptions: page})
	if err != nil {
		return nil, explain(err)
	}
	for _, c := range lines {
		out = append(out, hotfix.Remark{ID: fmt.Sprintf("line:%d", c.GetID()), By: c.GetUser().GetLogin(), Body: redact.Scrub(c.GetBody()), At: c.GetCreatedAt().Time,
			Path: c.GetPath(), Line: c.GetLine()})
	}
	reviews, _, err := s.gh.PullRequests.ListReviews(ctx, repo.Owner, repo.Name, number, &page)
	if err != nil {
		return nil, explain(err)
	}
	for _, r := range reviews {
		out = append(out, hotfix.Remark{ID: fmt.Sprintf("review:%d", r.GetID()), By: r.GetUser().GetLogin(), Body: redact.Scrub(r.GetBody()), At: r.GetSubmittedAt().Time})
	}
	return out, nil
}

// Failing returns the checks of a commit that failed. done is false while some are still running.
func (c *Client) Failing(ctx context.Context, repo hotfix.Repo, sha string) (out []hotfix.Check, done bool, err error) {
	err = c.on(ctx, repo, func(s *session) error {
		found, _, err := s.gh.Checks.ListCheckRunsForRef(ctx, repo.Owner, repo.Name, sha, &github.ListCheckRunsOptions{ListOptions: github.ListOptions{PerPage: perPage}})
		if err != nil {
			return explain(err)
		}
		out, done = nil, true
		for _, r := range found.CheckRuns {
			switch r.GetConclusion() {
			case "failure", "timed_out", "startup_failure":
				out = append(out, hotfix.Check{Name: r.GetName(), Conclusion: r.GetConclusion(), Summary: redact.Scrub(r.GetOutput().GetTitle() + "\n" + r.GetOutput().GetSummary())})
			}
			done = done && r.GetStatus() == "completed"
		}
		return nil
	})
	if err != nil {
		return nil, false, fmt.Errorf("read the checks of %s at %.12s: %w", repo, sha, err)
	}
	return out, done, nil
}

// Answer replies to a remark: in its thread if it is on a line, else as a comment. Doing it twice is doing it once.
func (c *Client) Answer(ctx context.Context, repo hotfix.Repo, number int, to string, body redact.Text) error {
	id, ok := strings.CutPrefix(to, "line:")
	if !ok {
		return c.CommentOnce(ctx, repo, number, "answer:"+keyed(to), body)
	}
	n, err := strconv.ParseInt(id, 10, 64)
	if err != nil {
		return fmt.Errorf("answer %q on %s#%d: no such remark", to, repo, number)
	}
	err = c.on(ctx, repo, func(s *session) error {
		who, err := c.identify(ctx, s)
		if err != nil {
			return err
		}
		lines, _, err := s.gh.PullRequests.ListComments(ctx, repo.Owner, repo.Name, number, &github.PullRequestListCommentsOptions{ListOptions: github.ListOptions{PerPage: perPage}})
		if err != nil {
			return explain(err)
		}
		for _, l := range lines {
			if l.GetInReplyTo() == n && who.ours(l.GetUser()) {
				return nil
			}
		}
		_, _, err = s.gh.PullRequests.CreateCommentInReplyTo(ctx, repo.Owner, repo.Name, number, body.String(), n)
		return explain(err)
	})
	if err != nil {
		return fmt.Errorf("answer %s on %s#%d: %w", to, repo, number, err)
	}
	return nil
}

var unkeyed = regexp.MustCompile(`[^A-Za-z0-9._:/@-]+`)

// keyed makes a name fit for a comment's key.
func keyed(s string) string {
	s = unkeyed.ReplaceAllString(s, "-")
	return s[:min(len(s), 120)]
}

// Changed returns the files that the default branch changed since base.
func (c *Client) Changed(ctx context.Context, repo hotfix.Repo, base string) (files []string, err error) {
	err = c.on(ctx, repo, func(s *session) error {
		r, _, err := s.gh.Repositories.Get(ctx, repo.Owner, repo.Name)
		if err != nil {
			return explain(err)
		}
		found, _, err := s.gh.Repositories.CompareCommits(ctx, repo.Owner, repo.Name, base, r.GetDefaultBranch(), &github.ListOptions{PerPage: perPage})
		if err != nil {
			return explain(err)
		}
		files = nil
		for _, f := range found.Files {
			files = append(files, f.GetFilename())
			if f.GetPreviousFilename() != "" {
				files = append(files, f.GetPreviousFilename())
			}
		}
		return nil
	})
	var no *Refused
	if errors.As(err, &no) && no.Status == http.StatusNotFound {
		return nil, nil // the versions have no common past that GitHub knows
	}
	if err != nil {
		return nil, fmt.Errorf("compare %s with %.12s: %w", repo, base, err)
	}
	return files, nil
}

// Rivals returns the open pull requests of others that name an issue; ours has the branch.
func (c *Client) Rivals(ctx context.Context, repo hotfix.Repo, issue int, branch string) (out []int, err error) {
	names := regexp.MustCompile(fmt.Sprintf(`(?i)\b(?:close[sd]?|fix(?:e[sd])?|resolve[sd]?):?\s+(?:%s)?#%d\b`, regexp.QuoteMeta(repo.String()), issue))
	err = c.on(ctx, repo, func(s *session) error {
		list, _, err := s.gh.PullRequests.List(ctx, repo.Owner, repo.Name, &github.PullRequestListOptions{State: "open", ListOptions: github.ListOptions{PerPage: perPage}})
		if err != nil {
			return explain(err)
		}
		out = nil
		for _, pr := range list {
			if pr.GetHead().GetRef() != branch && names.MatchString(pr.GetTitle()+"\n"+pr.GetBody()) {
				out = append(out, pr.GetNumber())
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for other fixes of %s#%d: %w", repo, issue, err)
	}
	return out, nil
}
