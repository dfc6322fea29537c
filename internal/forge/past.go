package forge

import (
	"cmp"
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"regexp"
	"strings"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// Contains says whether a version (a commit, branch or tag) has commit among its ancestors. It is unknown for what is
// no version of the repository, and for a branch with a history of its own: built files are kept on such branches.
func (c *Client) Contains(ctx context.Context, repo hotfix.Repo, version, commit string) (answer hotfix.Answer, err error) {
	if version == "" || commit == "" || strings.Contains(version, "://") {
		return hotfix.Unknown, nil
	}
	err = c.on(ctx, repo, func(s *session) error {
		diff, _, err := s.gh.Repositories.CompareCommits(ctx, repo.Owner, repo.Name, commit, version, &github.ListOptions{PerPage: 1})
		switch err = explain(err); {
		case errors.Is(err, ErrGone):
			_, _, err = s.gh.Repositories.Get(ctx, repo.Owner, repo.Name)
			return hidden(explain(err))
		case err != nil:
			return err
		case diff.GetStatus() == "ahead", diff.GetStatus() == "identical":
			answer = hotfix.Yes
		case diff.GetStatus() == "behind", diff.GetStatus() == "diverged" && isCommit(version):
			answer = hotfix.No
		}
		return nil
	})
	if err != nil {
		return hotfix.Unknown, fmt.Errorf("compare %s with %s in %s: %w", commit, version, repo, err)
	}
	return answer, nil
}

// isCommit reports whether version is a whole or shortened commit id.
func isCommit(version string) bool {
	_, err := hex.DecodeString(version[:len(version)&^1])
	return err == nil && len(version) >= 7 && len(version) <= 40
}

// revertPages bounds how many pages of commits are looked through.
const revertPages = 5

// Reverted looks at the commits on the default branch since fix was merged for one that says that it takes it back: by
// the commit, as git writes it, or by the number of the pull request, as GitHub does.
func (c *Client) Reverted(ctx context.Context, repo hotfix.Repo, fix hotfix.Merge) (found *hotfix.Revert, err error) {
	says := regexp.MustCompile(fmt.Sprintf(`(?im)\breverts commit %s|^reverts \S*#%d\b|/revert-%d-`, regexp.QuoteMeta(fix.Commit), fix.PR, fix.PR))
	err = c.on(ctx, repo, func(s *session) error {
		r, _, err := s.gh.Repositories.Get(ctx, repo.Owner, repo.Name)
		if err != nil {
			return explain(err)
		}
		for page := 1; page != 0 && page <= revertPages && found == nil; {
			diff, resp, err := s.gh.Repositories.CompareCommits(ctx, repo.Owner, repo.Name, fix.Commit, r.GetDefaultBranch(), &github.ListOptions{Page: page, PerPage: perPage})
			if err = explain(err); errors.Is(err, ErrGone) {
				return nil // the history was rewritten, which is no revert
			} else if err != nil {
				return err
			}
			for _, k := range diff.Commits {
				if message := k.GetCommit().GetMessage(); found == nil && says.MatchString(message) {
					author := k.GetCommit().GetAuthor()
					found = &hotfix.Revert{Commit: k.GetSHA(), By: cmp.Or(k.GetAuthor().GetLogin(), author.GetName()), At: author.GetDate().Time, Says: redact.Scrub(message)}
				}
			}
			page = resp.NextPage
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("look for a revert of #%d in %s: %w", fix.PR, repo, err)
	}
	return found, nil
}
