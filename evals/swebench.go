package evals

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"time"
)

// An Instance is one line of a SWE-bench style dataset. The lines of Multi-SWE-bench are read as well.
type Instance struct {
	ID         string `json:"instance_id"`
	Repo       string `json:"repo"` // "owner/name", or the name alone with Org
	Commit     string `json:"base_commit"`
	Patch      string `json:"patch"`
	TestPatch  string `json:"test_patch"`
	Problem    string `json:"problem_statement"`
	FailToPass names  `json:"FAIL_TO_PASS"`
	PassToPass names  `json:"PASS_TO_PASS"`
	Created    string `json:"created_at"`

	// Multi-SWE-bench
	Org  string `json:"org"`
	Base struct {
		SHA string `json:"sha"`
	} `json:"base"`
	FixPatch string `json:"fix_patch"`
	Issues   []struct {
		Title string `json:"title"`
		Body  string `json:"body"`
	} `json:"resolved_issues"`
	Fixed  map[string]any `json:"f2p_tests"`
	Passed map[string]any `json:"p2p_tests"`
}

// names is a list of tests. Some datasets write it as JSON in a string.
type names []string

// UnmarshalJSON reads a list, or a string that holds one.
func (n *names) UnmarshalJSON(text []byte) error {
	var inner string
	if json.Unmarshal(text, &inner) == nil {
		text = []byte(inner)
	}
	if len(bytes.TrimSpace(text)) == 0 {
		return nil
	}
	if json.Unmarshal(text, (*[]string)(n)) != nil {
		return fmt.Errorf("%.60q is neither a list of tests nor a string that holds one", text)
	}
	return nil
}

// complete makes an instance of either format the same.
func (i *Instance) complete() error {
	if i.Org != "" {
		i.Repo, i.Commit, i.Patch = i.Org+"/"+i.Repo, i.Base.SHA, i.FixPatch
		for _, issue := range i.Issues {
			i.Problem += issue.Title + "\n" + issue.Body + "\n"
		}
		for name := range i.Fixed {
			i.FailToPass = append(i.FailToPass, name)
		}
		for name := range i.Passed {
			i.PassToPass = append(i.PassToPass, name)
		}
	}
	switch {
	case i.ID == "" || i.Repo == "" || i.Commit == "":
		return errors.New("instance_id, repo and base_commit are required")
	case !regexp.MustCompile(`^[\w.-]+$`).MatchString(i.ID):
		return fmt.Errorf("instance_id %q is no file name", i.ID)
	case strings.TrimSpace(i.Problem) == "":
		return errors.New("problem_statement is empty")
	case strings.TrimSpace(i.TestPatch) == "" || len(i.FailToPass) == 0:
		return errors.New("without test_patch and FAIL_TO_PASS nothing can be judged")
	}
	return nil
}

// ReadInstances reads JSON lines. Every line that cannot be read is named, with the reason.
func ReadInstances(r io.Reader) ([]Instance, error) {
	return readLines(r, func(i *Instance) error { return i.complete() })
}

// readLines reads JSON lines of a kind. check says what is wrong with one, and may complete it.
func readLines[T any](r io.Reader, check func(*T) error) ([]T, error) {
	var out []T
	var bad error
	in := bufio.NewReader(r)
	for line := 1; ; line++ {
		text, err := in.ReadBytes('\n')
		if len(bytes.TrimSpace(text)) > 0 {
			var one T
			wrong := json.Unmarshal(text, &one)
			if wrong == nil {
				wrong = check(&one)
			}
			if wrong != nil {
				bad = errors.Join(bad, fmt.Errorf("line %d: %w", line, wrong))
			}
			out = append(out, one)
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, err
		}
	}
	if bad != nil {
		return nil, bad
	}
	return out, nil
}

// Import makes a folder fixture of an instance. Its repository comes from a mirror on this machine: mirrors/owner/name,
// owner__name or name, bare or not, with .git or without. The history ends at the base commit, so that the fix that
// came later is not in it, and the judge's tests are the files of the test patch.
func Import(ctx context.Context, i Instance, mirrors, into string) (string, error) {
	mirror, err := findMirror(mirrors, i.Repo)
	if err != nil {
		return "", err
	}
	dir := filepath.Join(into, i.ID)
	if _, err := os.Stat(dir); err == nil {
		return "", fmt.Errorf("%s exists already", dir)
	}
	scratch, err := os.MkdirTemp("", "hotfix-import-")
	if err != nil {
		return "", err
	}
	defer os.RemoveAll(scratch)
	judge, err := testFiles(ctx, i, mirror, scratch)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return "", err
	}
	if err := bundle(ctx, i.Commit, scratch, filepath.Join(dir, "repo.bundle")); err != nil {
		return "", err
	}
	parts := map[string]string{"README.md": prose(i), "event.json": problemEvent(i), "want/outcome": "fix draft-opened\n",
		"want/fail-to-pass": strings.Join(i.FailToPass, "\n") + "\n", "want/pass-to-pass": strings.Join(i.PassToPass, "\n") + "\n"}
	for name, text := range judge {
		parts["judge/"+name] = text
	}
	for name, text := range parts {
		file := filepath.Join(dir, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	return dir, nil
}

func prose(i Instance) string {
	return fmt.Sprintf("%s, imported: %s at %s.\n\nThe right answer makes the tests pass that the dataset lists. What the dataset's own fix is stays out of the fixture.\n", i.ID, i.Repo, i.Commit)
}

// findMirror finds a local copy of a repository.
func findMirror(mirrors, repo string) (string, error) {
	_, name, _ := strings.Cut(repo, "/")
	for _, at := range []string{repo, strings.ReplaceAll(repo, "/", "__"), name} {
		for _, end := range []string{"", ".git"} {
			path := filepath.Join(mirrors, filepath.FromSlash(at)) + end
			if in, err := os.Stat(path); err == nil && in.IsDir() {
				return filepath.Abs(path)
			}
		}
	}
	return "", fmt.Errorf("there is no mirror of %s in %s: clone it to %s", repo, mirrors, filepath.Join(mirrors, strings.ReplaceAll(repo, "/", "__")))
}

// testFiles checks the base commit out in scratch/tree, puts the test patch on it, and returns the files it makes.
func testFiles(ctx context.Context, i Instance, mirror, scratch string) (map[string]string, error) {
	tree := filepath.Join(scratch, "tree")
	for _, args := range [][]string{{"clone", "--quiet", "--no-checkout", "--shared", mirror, tree}, {"-C", tree, "checkout", "--quiet", "--detach", i.Commit}} {
		if _, err := runGit(ctx, scratch, args...); err != nil {
			return nil, err
		}
	}
	patch := filepath.Join(scratch, "test.patch")
	if err := os.WriteFile(patch, []byte(strings.TrimRight(i.TestPatch, "\n")+"\n"), 0o644); err != nil {
		return nil, err
	}
	if _, err := runGit(ctx, tree, "apply", "--index", patch); err != nil {
		return nil, fmt.Errorf("%s: the test patch does not apply: %w", i.ID, err)
	}
	changed, err := runGit(ctx, tree, "diff", "--cached", "--name-only", "--diff-filter=d", "-z")
	if err != nil {
		return nil, err
	}
	out := map[string]string{}
	for _, name := range strings.Split(strings.TrimRight(changed, "\x00"), "\x00") {
		text, err := os.ReadFile(filepath.Join(tree, filepath.FromSlash(name)))
		if err != nil {
			return nil, err
		}
		out[name] = string(text)
	}
	return out, nil
}

// bundle writes the history up to commit, and nothing that came after it.
func bundle(ctx context.Context, commit, scratch, file string) error {
	tree := filepath.Join(scratch, "tree")
	if _, err := runGit(ctx, tree, "update-ref", "refs/heads/base", commit); err != nil {
		return err
	}
	for _, args := range [][]string{{"symbolic-ref", "HEAD", "refs/heads/base"}, {"bundle", "create", "--quiet", file, "HEAD", "refs/heads/base"}} {
		if _, err := runGit(ctx, tree, args...); err != nil {
			return err
		}
	}
	return nil
}

// problemEvent tells of the problem as the kernel would: its first line is the message, the rest the log.
func problemEvent(i Instance) string {
	owner, name, _ := strings.Cut(i.Repo, "/")
	lines := strings.Split(strings.TrimSpace(i.Problem), "\n")
	at, err := time.Parse(time.RFC3339, i.Created)
	if err != nil {
		at = defaultStart
	}
	return text(map[string]any{
		"event": "kernel.plugin_error", "timestamp": at.UTC().Format(time.RFC3339), "stateId": i.ID, "environment": "benchmark",
		"trigger":    map[string]any{"githubEvent": "issues.opened", "repo": i.Repo, "actor": "dataset"},
		"plugin":     map[string]any{"type": "workflow", "id": i.Repo + ":benchmark.yml@main", "owner": owner, "repo": name, "ref": "main"},
		"error":      map[string]any{"message": lines[0], "category": "workflow"},
		"logTrail":   map[string]any{"lines": lines},
		"repository": map[string]any{"owner": map[string]any{"login": owner}, "name": name, "full_name": i.Repo},
	})
}
