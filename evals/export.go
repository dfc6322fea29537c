package evals

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// An Export says how a fixture is made of a capsule.
type Export struct {
	Capsule capsule.Capsule
	Name    string // of the fixture
	Clone   string // a clone of the plugin's repository on this machine; "" leaves the repository out
	Want    string // the right answer, as in want/outcome: no capsule knows it
	Into    string
}

// Write makes the fixture, a folder, and returns its path. Its event leads to the fingerprint of the capsule, or it is
// not made.
func (x Export) Write(ctx context.Context) (string, error) {
	c := x.Capsule
	if _, err := parseWanted(x.Want); err != nil || x.Want == "" {
		return "", errors.Join(fmt.Errorf("say what the right answer is, for example \"report -\""), err)
	}
	part, event := "event.json", failureEvent(c.Failure)
	story := ""
	if c.Failure.Run != nil {
		part, event, story = "events/workflow_run.json", runEvent(c.Failure), "send workflow_run\n"
	}
	if err := sameProblem(event, story, c.Fingerprint); err != nil {
		return "", err
	}
	dir := filepath.Join(x.Into, x.Name)
	if _, err := os.Stat(dir); err == nil {
		return "", fmt.Errorf("%s exists already", dir)
	}
	parts := map[string]string{
		"README.md": fmt.Sprintf("Made of the capsule %s.\n\nSeen %d times, first %s. Say here why the right answer is right.\n", c.ID, c.Seen.Count, c.Seen.First.UTC().Format("2006-01-02")),
		part:        event, "want/outcome": strings.TrimSpace(x.Want) + "\n",
	}
	if story != "" {
		parts["story"] = story
	}
	if len(c.Settings) > 0 {
		parts["settings.json"] = string(c.Settings) + "\n"
	}
	if x.Clone == "" {
		parts["repo/README.md"] = "# " + c.Repo.Name + "\n"
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
	if x.Clone == "" {
		return dir, nil
	}
	return dir, x.bundle(ctx, filepath.Join(dir, "repo.bundle"))
}

// bundle takes the history up to the commit that failed.
func (x Export) bundle(ctx context.Context, file string) error {
	clone, err := filepath.Abs(x.Clone)
	if err != nil {
		return err
	}
	file, err = filepath.Abs(file)
	if err != nil {
		return err
	}
	scratch, err := os.MkdirTemp("", "hotfix-export-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(scratch)
	tree := filepath.Join(scratch, "tree")
	if _, err := runGit(ctx, scratch, "clone", "--quiet", "--no-checkout", "--shared", clone, tree); err != nil {
		return err
	}
	return bundle(ctx, cmp.Or(x.Capsule.Base, "HEAD"), scratch, file)
}

// failureEvent is the payload by which the kernel tells of f.
func failureEvent(f hotfix.Failure) string {
	plugin := map[string]any{"type": f.Plugin.Kind, "id": f.Plugin.ID, "ref": cmp.Or(f.Plugin.URL, f.Plugin.Ref)}
	if !f.Plugin.Repo.IsZero() {
		plugin["owner"], plugin["repo"] = f.Plugin.Repo.Owner, f.Plugin.Repo.Name
	}
	if f.Plugin.URL != "" && f.Plugin.Ref != "" {
		plugin["settings"] = map[string]any{"with": map[string]any{"sourceRef": f.Plugin.Ref}}
	}
	var status any
	if f.Status != 0 {
		status = f.Status
	}
	from := f.Trigger.Repo
	out, _ := json.MarshalIndent(map[string]any{ // texts and numbers
		"event": "kernel.plugin_error", "timestamp": f.At.UTC().Format(time.RFC3339), "stateId": f.ID, "environment": f.Environment,
		"trigger": map[string]any{"githubEvent": f.Trigger.Event, "deliveryId": f.Trigger.Delivery, "repo": from.String(), "issueOrPr": f.Trigger.Number, "actor": f.Trigger.Actor},
		"plugin":  plugin, "error": map[string]any{"message": f.Message, "stack": f.Stack, "status": status, "category": f.Category},
		"context": map[string]any{"retryCount": 0, "requestId": f.RequestID}, "logTrail": map[string]any{"requestId": f.RequestID, "lines": f.Logs},
		"repository": map[string]any{"owner": map[string]any{"login": from.Owner}, "name": from.Name, "full_name": from.String()},
	}, "", "  ")
	return string(out) + "\n"
}

// runEvent is the payload by which GitHub tells of a failed run.
func runEvent(f hotfix.Failure) string {
	r, repo := f.Run, f.Plugin.Repo
	pulls := []any{}
	if f.Trigger.Number != 0 {
		pulls = append(pulls, map[string]any{"number": f.Trigger.Number})
	}
	out, _ := json.MarshalIndent(map[string]any{ // texts and numbers
		"action": "completed", "sender": map[string]any{"login": f.Trigger.Actor, "type": "User"},
		"repository": map[string]any{"owner": map[string]any{"login": repo.Owner}, "name": repo.Name, "full_name": repo.String()},
		"workflow_run": map[string]any{"id": r.ID, "name": r.Name, "event": f.Trigger.Event, "conclusion": r.Conclusion, "head_sha": r.SHA, "head_branch": r.Branch,
			"html_url": r.URL, "updated_at": f.At.UTC().Format(time.RFC3339), "pull_requests": pulls, "actor": map[string]any{"login": f.Trigger.Actor}},
	}, "", "  ")
	return string(out) + "\n"
}

// sameProblem opens an event as the daemon does and compares fingerprints.
func sameProblem(event, story string, want hotfix.Fingerprint) error {
	fields := kerneltest.Fields{Payload: json.RawMessage(event)}
	if story != "" {
		fields.Event = "workflow_run.completed"
	}
	d, err := kernel.Open(kerneltest.Sign(key(), fields), kernel.Options{Key: &key().PublicKey})
	if err != nil {
		return err
	}
	n, err := d.Notice()
	switch {
	case err != nil:
		return err
	case n.Failure == nil:
		return fmt.Errorf("the event that was made of the capsule says no failure")
	}
	if got := triage.Fingerprint(*n.Failure); got != want {
		return fmt.Errorf("the event that was made of the capsule is another problem (%s) than the capsule's (%s)", got, want)
	}
	return nil
}
