package forge

import (
	"context"
	"errors"
	"fmt"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Actor returns who closed or reopened an issue or pull request last, by its event's name. It is "" if that may not be
// read or GitHub does not say.
func (c *Client) Actor(ctx context.Context, repo hotfix.Repo, number int, event string) (login string, err error) {
	err = c.on(ctx, repo, func(s *session) error {
		opts := &github.ListOptions{PerPage: perPage}
		for {
			page, resp, err := s.gh.Issues.ListIssueEvents(ctx, repo.Owner, repo.Name, number, opts)
			if err != nil {
				return explain(err)
			}
			for _, e := range page {
				if e.GetEvent() == event {
					login = clipped(e.GetActor().GetLogin())
				}
			}
			if resp.NextPage == 0 || opts.Page == resp.LastPage {
				return nil
			}
			opts.Page = resp.LastPage // the oldest come first
		}
	})
	if errors.Is(err, ErrGone) || errors.Is(err, ErrForbidden) || errors.Is(err, ErrMoved) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("look up who %s %s#%d: %w", event, repo, number, err)
	}
	return login, nil
}
