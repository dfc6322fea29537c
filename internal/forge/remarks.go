package forge

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

const (
	remarkBefore = 10 * time.Minute // the plugin says what went wrong before it answers
	remarkAfter  = time.Minute
	remarkMax    = 4000 // bytes
	sdkMark      = "<!-- UbiquityOS - "
)

// Said returns what was said about a failure elsewhere than in its event: the log of its run, and the comments
// that the SDK of a plugin wrote, as a bot, where the failure was triggered, shortly before. What may not be read is
// not there.
func (c *Client) Said(ctx context.Context, f hotfix.Failure) (found []redact.Text, err error) {
	if f.Run != nil && f.Run.ID != 0 {
		log, err := c.Logs(ctx, f)
		if err == nil {
			return []redact.Text{log}, nil
		}
		if !errors.Is(err, ErrNoLogs) {
			return nil, err
		}
		return nil, nil
	}
	if f.Trigger.Number == 0 || f.Trigger.Repo.IsZero() {
		return nil, nil
	}
	err = c.on(ctx, f.Trigger.Repo, func(s *session) error {
		since, until := f.When().Add(-remarkBefore), f.When().Add(remarkAfter)
		opts := &github.IssueListCommentsOptions{Since: &since, ListOptions: github.ListOptions{PerPage: perPage}}
		page, _, err := s.gh.Issues.ListComments(ctx, f.Trigger.Repo.Owner, f.Trigger.Repo.Name, f.Trigger.Number, opts)
		if err != nil {
			return explain(err)
		}
		for _, comment := range page {
			body := comment.GetBody()
			if comment.GetUser().GetType() == "Bot" && strings.Contains(body, sdkMark) && contains(body, "[!CAUTION]", "[!WARNING]") &&
				!comment.GetCreatedAt().Before(since) && comment.GetCreatedAt().Before(until) {
				found = append(found, redact.Cut(redact.Scrub(body), remarkMax))
			}
		}
		return nil
	})
	if errors.Is(err, ErrGone) || errors.Is(err, ErrForbidden) {
		return nil, nil
	}
	if err != nil {
		return nil, fmt.Errorf("look for what was said about a failure in %s#%d: %w", f.Trigger.Repo, f.Trigger.Number, err)
	}
	return found, nil
}

func contains(s string, any ...string) bool {
	for _, a := range any {
		if strings.Contains(s, a) {
			return true
		}
	}
	return false
}
