package forge

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// ErrNotArmed means that GitHub would not take charge of a merge. The pull request is a draft again.
var ErrNotArmed = errors.New("auto-merge was not armed")

// AutoMerge marks a draft as ready and has GitHub merge it when its required checks have passed. Nothing is ever merged
// by us: a repository in which nothing is required, so that GitHub would merge at once, is refused by GitHub itself.
func (c *Client) AutoMerge(ctx context.Context, repo hotfix.Repo, number int) error {
	err := c.on(ctx, repo, func(s *session) error {
		pr, _, err := s.gh.PullRequests.Get(ctx, repo.Owner, repo.Name, number)
		if err != nil {
			return explain(err)
		}
		method, err := mergeMethod(ctx, s, repo)
		if err != nil {
			return err
		}
		id := map[string]any{"id": pr.GetNodeID()}
		if pr.GetDraft() {
			if err := c.mutate(ctx, s, `mutation($id: ID!) { markPullRequestReadyForReview(input: {pullRequestId: $id}) { clientMutationId } }`, id); err != nil {
				return err
			}
		}
		arm := `mutation($id: ID!) { enablePullRequestAutoMerge(input: {pullRequestId: $id, mergeMethod: ` + method + `}) { clientMutationId } }`
		if err := c.mutate(ctx, s, arm, id); err != nil {
			back := c.mutate(ctx, s, `mutation($id: ID!) { convertPullRequestToDraft(input: {pullRequestId: $id}) { clientMutationId } }`, id)
			return errors.Join(fmt.Errorf("%w: %w", ErrNotArmed, err), back)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("arm auto-merge of %s#%d: %w", repo, number, err)
	}
	return nil
}

// mergeMethod is one that the repository allows.
func mergeMethod(ctx context.Context, s *session, repo hotfix.Repo) (string, error) {
	r, _, err := s.gh.Repositories.Get(ctx, repo.Owner, repo.Name)
	switch {
	case err != nil:
		return "", explain(err)
	case r.GetAllowSquashMerge():
		return "SQUASH", nil
	case r.AllowRebaseMerge != nil && r.GetAllowRebaseMerge() && !r.GetAllowMergeCommit():
		return "REBASE", nil
	}
	return "MERGE", nil
}

// mutate makes one GraphQL call that changes something.
func (c *shared) mutate(ctx context.Context, s *session, query string, variables map[string]any) error {
	at := *c.api
	at.Path = strings.TrimSuffix(strings.TrimSuffix(at.Path, "/"), "/v3") + "/graphql"
	req, err := s.gh.NewRequest(http.MethodPost, at.String(), map[string]any{"query": query, "variables": variables})
	if err != nil {
		return err
	}
	var out struct {
		Errors []struct{ Message string }
	}
	if _, err := s.gh.Do(ctx, req, &out); err != nil {
		return explain(err)
	}
	if len(out.Errors) > 0 {
		return errors.New(redact.Scrub(out.Errors[0].Message).String())
	}
	return nil
}

// UpdateDraft pushes what changed in tree as a further commit on the branch of a pull request of ours, or as a merge with
// p.Onto, and makes its body say so. It never forces. head is the commit that the branch must still be at. It returns the new one.
func (c *Client) UpdateDraft(ctx context.Context, tree *sandbox.Tree, p hotfix.Proposal, number int, head string) (hash string, err error) {
	err = c.on(ctx, p.Repo, func(s *session) error {
		if c.cfg.ReadOnly {
			return ErrReadOnly
		}
		d := draft{c: c, s: s, p: p}
		there, err := d.tip(ctx)
		if err != nil {
			return err
		}
		if there.GetSHA() != head {
			return fmt.Errorf("%w: its tip is %.12s", ErrBranchTaken, there.GetSHA())
		}
		by, err := d.author(ctx, nil)
		if err != nil {
			return err
		}
		auth, err := s.auth(ctx)
		if err != nil {
			return err
		}
		if p.Onto != "" { // the tree was made from there and does not know the branch
			if err := tree.Fetch(ctx, c.gitURL(p.Repo), auth, p.Branch); err != nil {
				return gitError(err)
			}
		}
		if hash, err = tree.CommitOn(by, d.message(by), head, p.Onto); err != nil {
			return err
		}
		if err := tree.Push(ctx, c.gitURL(p.Repo), auth, p.Branch, hash); err != nil {
			return gitError(err)
		}
		body := p.Body.String()
		_, _, err = s.gh.PullRequests.Edit(ctx, p.Repo.Owner, p.Repo.Name, number, &github.PullRequest{Body: &body})
		return explain(err)
	})
	if err != nil {
		return "", fmt.Errorf("update %s#%d: %w", p.Repo, number, err)
	}
	return hash, nil
}
