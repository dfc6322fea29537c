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

// FailedAt returns where a run failed: its first failed job, the step of it, and the line of the step's log that reads line. What is not known, or
// not certain, is 0.
//
// GitHub does not document the last number of an address like /job/J#step:S:L. Its runner does: it counts the lines that it writes to a step's log from 1,
// marks of groups included, and sends the count with each annotation ("logFileLineNumber" in actions/runner, ExecutionContext.Write and PagingLogger),
// from which GitHub makes the links of annotations (actions/runner#1744, actions/toolkit#1506). The numbers that the page shows leave out the marks that end a
// group, the address counts them (actions/runner#2806).
func (c *Client) FailedAt(ctx context.Context, repo hotfix.Repo, run int64, line string) (at hotfix.Spot, err error) {
	err = c.on(ctx, repo, func(s *session) error {
		jobs, err := failedJobs(ctx, s, repo, run)
		if err != nil || len(jobs) == 0 {
			return err
		}
		at.Job = jobs[0].GetID()
		n := slices.IndexFunc(jobs[0].Steps, func(st *github.TaskStep) bool { return slices.Contains(failures, st.GetConclusion()) })
		if n < 0 {
			return nil
		}
		at.Step = jobs[0].Steps[n].GetNumber()
		if line == "" {
			return nil
		}
		raw, err := c.jobLog(ctx, s, repo, at.Job)
		if err == nil {
			at.Line = lineIn(stepLog(raw, jobs[0].Steps, n), line)
		}
		return err
	})
	if errors.Is(err, ErrGone) || errors.Is(err, ErrForbidden) {
		return at, nil
	}
	if err != nil {
		return hotfix.Spot{}, fmt.Errorf("look where run %d in %s failed: %w", run, repo, err)
	}
	return at, nil
}
