package forge

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Contains says whether a version (a commit, branch or tag) has commit among its ancestors. It is unknown for what is
// no version of the repository, and for a branch with a history of its own: built files are kept on such branches.
func (c *Client) Contains(ctx context.Context, repo hotfix.Repo, version, commit string) (answer hotfix.Answer, err error) {
	if version == "" || commit == "" || strings.Contains(version, "://") {
		return hotfix.Unknown, nil
	}
	err = c.on(ctx, repo, func(s *session) error {
		cmp, _, err := s.gh.Repositories.CompareCommits(ctx, repo.Owner, repo.Name, commit, version, &github.ListOptions{PerPage: 1})
		switch err = explain(err); {
		case errors.Is(err, ErrGone):
			_, _, err = s.gh.Repositories.Get(ctx, repo.Owner, repo.Name)
			return hidden(explain(err))
		case err != nil:
			return err
		case cmp.GetStatus() == "ahead", cmp.GetStatus() == "identical":
			answer = hotfix.Yes
		case cmp.GetStatus() == "behind", cmp.GetStatus() == "diverged" && isCommit(version):
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
