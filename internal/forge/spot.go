package forge

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

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

// lineIn returns which of the lines reads so, perhaps after a time of its own, 0 if none does.
func lineIn(lines [][]byte, text string) int64 {
	text = strings.TrimSpace(text)
	for i, l := range lines {
		_, said := stamped(l)
		plain := strings.TrimSpace(escapes.ReplaceAllString(string(said), ""))
		if strings.Contains(text, "[REDACTED") {
			plain = redact.Scrub(plain).String()
		}
		if before, ok := strings.CutSuffix(plain, text); ok && len(before) <= len("2026-01-02T03:04:05.123456789Z ") && !strings.ContainsAny(before, "\"'=") {
			return int64(i + 1)
		}
	}
	return 0
}

// stepLog returns the lines of a job's log that the n-th step wrote, nothing if it is not certain where they begin: a step's first line is
// "##[group]Run ...", in the second in which it started or the next; so is that of a step inside it, or inside the one before it.
func stepLog(raw []byte, steps []*github.TaskStep, n int) [][]byte {
	lines := bytes.Split(bytes.TrimPrefix(raw, []byte("\uFEFF")), []byte("\n"))
	from, to := steps[n].GetStartedAt().Time, steps[n].GetCompletedAt().Time
	if from.IsZero() || to.IsZero() {
		return nil
	}
	var begins, named []int
	end := len(lines)
	for i, l := range lines {
		t, said := stamped(l)
		if t.IsZero() { // a line of the message before
			continue
		}
		if second := t.Truncate(time.Second); second.After(to) {
			end = i
			break
		} else if second.Before(from) || second.After(from.Add(time.Second)) || !bytes.HasPrefix(said, []byte("##[group]Run ")) {
			continue
		}
		begins = append(begins, i)
		if strings.TrimSpace(string(said)) == "##[group]"+steps[n].GetName() {
			named = append(named, i)
		}
	}
	if len(named) == 1 {
		begins = named
	}
	if len(begins) == 0 || len(begins) > 1 && !alone(steps, n) {
		return nil
	}
	first := begins[0]
	if first > 0 && bytes.Contains(lines[first-1], []byte("##[debug]")) { // the log of a run with debugging on begins before
		return nil
	}
	return lines[first:end]
}

// alone reports whether the step before the n-th ended in an earlier second than the n-th started.
func alone(steps []*github.TaskStep, n int) bool {
	for _, before := range slices.Backward(steps[:n]) {
		if before.GetConclusion() != "skipped" {
			return before.GetCompletedAt().Before(steps[n].GetStartedAt().Time)
		}
	}
	return false
}

// stamped parts a line of a log from its time stamp; the time is zero if it has none.
func stamped(line []byte) (time.Time, []byte) {
	stamp, said, ok := bytes.Cut(line, []byte(" "))
	t, err := time.Parse(time.RFC3339Nano, string(stamp))
	if !ok || err != nil {
		return time.Time{}, line
	}
	return t.UTC(), said
}
