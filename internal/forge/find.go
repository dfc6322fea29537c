package forge

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// FindIssue returns an issue of ours as the forge has it, with all of its body. With a number, it is that issue, if
// we wrote it; else the lowest-numbered issue of ours with want.Marker, or one of want.Also, as a line. If there is
// none, the number is 0. Nothing is written.
func (c *Client) FindIssue(ctx context.Context, want Issue) (found Issue, err error) {
	err = c.on(ctx, want.Repo, func(s *session) error {
		who, err := c.identify(ctx, s)
		if err != nil {
			return err
		}
		found = Issue{Repo: want.Repo}
		if want.Number != 0 {
			i, err := c.get(ctx, s, want.Repo, want.Number)
			if err == nil && !i.IsPullRequest() && who.ours(i.GetUser()) {
				found = whole(want, i)
			}
			if errors.Is(err, ErrGone) || errors.Is(err, ErrMoved) {
				err = nil
			}
			return err
		}
		k := keeper{c: c, s: s, who: who, want: want}
		list, err := k.find(ctx)
		if err == nil && len(list) > 0 {
			found = whole(want, list[0])
			for _, twin := range list[1:] {
				if twin.GetState() == "open" {
					found.Twins = append(found.Twins, redact.Scrub(twin.GetBody()))
				}
			}
		}
		return err
	})
	if err != nil {
		return Issue{}, fmt.Errorf("find issue in %s: %w", want.Repo, err)
	}
	return found, nil
}

func whole(want Issue, i *github.Issue) Issue {
	got := seen(want, i)
	got.Body = redact.Scrub(i.GetBody())
	return got
}

// has reports whether a body carries a marker of the wanted issue, or whether any will do.
func (k *keeper) has(body string) bool {
	if k.all || hasLine(body, k.want.Marker) {
		return true
	}
	for _, m := range k.want.Also {
		if hasLine(body, m) {
			return true
		}
	}
	return false
}

// Ours lists the issues in repo that we may have written and that changed since then, with all of their bodies.
func (c *Client) Ours(ctx context.Context, repo hotfix.Repo, since time.Time) (list []Issue, err error) {
	err = c.on(ctx, repo, func(s *session) error {
		who, err := c.identify(ctx, s)
		if err != nil {
			return err
		}
		k := keeper{c: c, s: s, who: who, want: Issue{Repo: repo}, all: true}
		found, err := k.list(ctx, &github.IssueListByRepoOptions{State: "all", Sort: "updated", Direction: "desc", Since: since}, listMax)
		list = nil
		for _, i := range found {
			list = append(list, whole(k.want, i))
		}
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list our issues in %s: %w", repo, err)
	}
	return list, nil
}
