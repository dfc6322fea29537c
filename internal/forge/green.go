package forge

import (
	"context"
	"fmt"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Green returns the commits whose workflow runs all passed, newest run first; branch "" looks at every branch.
func (c *Client) Green(ctx context.Context, repo hotfix.Repo, branch string) (commits []string, err error) {
	err = c.on(ctx, repo, func(s *session) error {
		page, _, err := s.gh.Actions.ListRepositoryWorkflowRuns(ctx, repo.Owner, repo.Name, &github.ListWorkflowRunsOptions{Branch: branch,
			Status: "completed", ListOptions: github.ListOptions{PerPage: perPage}})
		if err != nil {
			return explain(err)
		}
		passed := map[string]bool{}
		var order []string
		for _, r := range page.WorkflowRuns {
			sha := r.GetHeadSHA()
			good, seen := passed[sha]
			switch r.GetConclusion() {
			case "success":
				good = good || !seen
			case "skipped", "neutral", "cancelled":
				continue
			default:
				good = false
			}
			if !seen {
				order = append(order, sha)
			}
			passed[sha] = good
		}
		for _, sha := range order {
			if passed[sha] {
				commits = append(commits, sha)
			}
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("list workflow runs of %s: %w", repo, err)
	}
	return commits, nil
}
