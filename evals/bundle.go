package evals

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// addBundle makes a repository on the forge out of a git bundle: its HEAD, with all history, becomes main.
func addBundle(ctx context.Context, forge *forgetest.Forge, repo hotfix.Repo, bundle string) error {
	dir, err := os.MkdirTemp("", "hotfix-bundle-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := forge.AddRepo(repo, map[string]string{"README.md": "\n"}); err != nil {
		return err
	}
	if _, err := runGit(ctx, dir, "clone", "--quiet", "--bare", bundle, "repo.git"); err != nil {
		return err
	}
	url := strings.Replace(forge.URL(), "://", "://x-access-token:"+forge.Token().Reveal()+"@", 1) + "/" + repo.String() + ".git"
	_, err = runGit(ctx, filepath.Join(dir, "repo.git"), "push", "--quiet", "--force", url, "HEAD:refs/heads/main")
	return err
}

// runGit runs git with nothing of this machine's configuration.
func runGit(ctx context.Context, dir string, args ...string) (string, error) {
	cmd := exec.CommandContext(ctx, "git", args...)
	cmd.Dir = dir
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + dir, "GIT_CONFIG_NOSYSTEM=1", "GIT_TERMINAL_PROMPT=0",
		"GIT_AUTHOR_NAME=evals", "GIT_AUTHOR_EMAIL=evals@localhost", "GIT_COMMITTER_NAME=evals", "GIT_COMMITTER_EMAIL=evals@localhost"}
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	if err := cmd.Run(); err != nil {
		return "", fmt.Errorf("git %s: %w: %s", args[0], err, strings.TrimSpace(errs.String()))
	}
	return out.String(), nil
}
