package forge

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// failures are the conclusions that mean failure.
var failures = []string{"failure", "timed_out", "startup_failure"}

// SuiteRun returns the workflow run that a check suite stands for, or, of another system than Actions, the first of its
// checks that failed, with its title. What may not be read, or is not there, has no name.
func (c *Client) SuiteRun(ctx context.Context, repo hotfix.Repo, suite int64) (run hotfix.WorkflowRun, title redact.Text, err error) {
	err = c.on(ctx, repo, func(s *session) error {
		runs, _, err := s.gh.Actions.ListRepositoryWorkflowRuns(ctx, repo.Owner, repo.Name, &github.ListWorkflowRunsOptions{CheckSuiteID: suite})
		if err != nil {
			return explain(err)
		}
		for _, r := range runs.WorkflowRuns {
			if slices.Contains(failures, r.GetConclusion()) {
				run = hotfix.WorkflowRun{ID: r.GetID(), Name: clipped(r.GetName()), Conclusion: r.GetConclusion(), URL: r.GetHTMLURL()}
				return nil
			}
		}
		checks, _, err := s.gh.Checks.ListCheckRunsCheckSuite(ctx, repo.Owner, repo.Name, suite, &github.ListCheckRunsOptions{ListOptions: github.ListOptions{PerPage: perPage}})
		if err != nil {
			return explain(err)
		}
		for _, k := range checks.CheckRuns {
			if slices.Contains(failures, k.GetConclusion()) {
				run = hotfix.WorkflowRun{Name: clipped(k.GetName()), Conclusion: k.GetConclusion(), URL: k.GetHTMLURL()}
				title = redact.Scrub(k.GetOutput().GetTitle())
				return nil
			}
		}
		return nil
	})
	if errors.Is(err, ErrGone) || errors.Is(err, ErrForbidden) {
		return hotfix.WorkflowRun{}, redact.Text{}, nil
	}
	if err != nil {
		return run, title, fmt.Errorf("look into check suite %d of %s: %w", suite, repo, err)
	}
	return run, title, nil
}

// clipped is a name without secrets.
func clipped(s string) string { return clip(redact.Scrub(oneLine(s)).String(), 200) }
