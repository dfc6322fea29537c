package evals

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A Contest is what came of the shell loop, which is here to be compared with and for nothing else: one tool, no triage,
// no proof, no policy. Whatever it leaves changed counts as a pull request.
type Contest struct {
	Opened   bool   `json:"opened"`   // it changed something
	Resolved bool   `json:"resolved"` // and the judge's tests pass on it
	Wrong    bool   `json:"wrong"`    // it changed something that should not be changed, or the judge's tests fail
	Steps    int    `json:"steps"`
	Tokens   int    `json:"tokens"`
	Judged   string `json:"judged,omitempty"`
}

const (
	shellSteps  = 30
	shellOutput = 5000 // characters of an output that the model sees at its start, and as many at its end
	shellDone   = "echo DONE"
	shellSystem = "You repair the software in the current directory. Your one tool runs a shell command there; files stay changed, nothing else does. " +
		"Look at the code, find the cause of the failure, repair it, test it. When you are done, or if nothing should be changed, run `" + shellDone + "`."
)

var shellTool = llms.Tool{Type: "function", Function: &llms.FunctionDefinition{Name: "shell", Description: "Runs a command with sh -c.",
	Parameters: map[string]any{"type": "object", "required": []string{"command"}, "properties": map[string]any{"command": map[string]any{"type": "string"}}}}}

// RunShell lets the shell loop work on a fixture's repository with m, or with the recorded transcript if m is nil.
func RunShell(ctx context.Context, f *Fixture, m agent.Model, box sandbox.Box) (*Contest, error) {
	if m == nil {
		replayed, err := model.Replay(bytes.NewReader(f.Shell), model.Expect{Loose: true}) // test runners print how long they took
		if err != nil {
			return nil, fmt.Errorf("%s: shell.jsonl: %w", f.Name, err)
		}
		m = replayed
	}
	dir, err := os.MkdirTemp("", "hotfix-shell-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	tree, err := f.checkOut(ctx, dir)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", f.Name, err)
	}
	c := &Contest{}
	if err := c.loop(ctx, f, m, box, tree); err != nil {
		return nil, fmt.Errorf("%s: shell loop: %w", f.Name, err)
	}
	return c, c.judge(ctx, f, box, tree)
}

// checkOut checks the fixture's repository out without a forge.
func (f *Fixture) checkOut(ctx context.Context, dir string) (*sandbox.Tree, error) {
	repo, err := f.layOut(ctx, dir)
	if err != nil {
		return nil, err
	}
	return sandbox.Clone(ctx, sandbox.Source{URL: repo}, filepath.Join(dir, "work"))
}

// layOut makes the fixture's repository under dir and returns its path.
func (f *Fixture) layOut(ctx context.Context, dir string) (string, error) {
	repo := filepath.Join(dir, "repo")
	if f.Bundle != "" {
		_, err := runGit(ctx, dir, "clone", "--quiet", f.Bundle, repo)
		return repo, err
	}
	for name, text := range f.Files {
		file := filepath.Join(repo, filepath.FromSlash(name))
		if err := os.MkdirAll(filepath.Dir(file), 0o755); err != nil {
			return "", err
		}
		if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
			return "", err
		}
	}
	for _, args := range [][]string{{"init", "--quiet", "--initial-branch=main"}, {"add", "--all"}, {"commit", "--quiet", "--message", "The repository"}} {
		if _, err := runGit(ctx, repo, args...); err != nil {
			return "", err
		}
	}
	return repo, nil
}

// loop asks, runs, and asks again.
func (c *Contest) loop(ctx context.Context, f *Fixture, m agent.Model, box sandbox.Box, tree *sandbox.Tree) error {
	event, err := (&filler{seed: f.Name, at: defaultStart, n: 1}).fill(f.Events[f.Story[0].Args[0]])
	if err != nil {
		return err
	}
	messages := []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeSystem, shellSystem),
		llms.TextParts(llms.ChatMessageTypeHuman, "This was reported:\n\n"+event)}
	for c.Steps < shellSteps {
		got, err := m.GenerateContent(ctx, messages, llms.WithTools([]llms.Tool{shellTool}), llms.WithTemperature(0))
		if err != nil {
			return err
		}
		c.Steps++
		choice := got.Choices[0]
		used := model.UsageOf(got)
		c.Tokens += used.In + used.Out
		if len(choice.ToolCalls) == 0 {
			return nil
		}
		said := llms.MessageContent{Role: llms.ChatMessageTypeAI, Parts: []llms.ContentPart{llms.TextPart(choice.Content)}}
		var results []llms.MessageContent
		for _, call := range choice.ToolCalls {
			said.Parts = append(said.Parts, call)
			var args struct{ Command string }
			if err := json.Unmarshal([]byte(call.FunctionCall.Arguments), &args); err != nil {
				return errors.Join(errors.New("arguments that are no JSON"), err)
			}
			if strings.TrimSpace(args.Command) == shellDone {
				return nil
			}
			ran, err := box.Run(ctx, tree, sandbox.Command{Args: []string{"sh", "-c", args.Command}, Keep: true, Timeout: time.Minute, Cache: "go"})
			if err != nil {
				return err
			}
			results = append(results, llms.MessageContent{Role: llms.ChatMessageTypeTool, Parts: []llms.ContentPart{llms.ToolCallResponse{
				ToolCallID: call.ID, Name: "shell", Content: fmt.Sprintf("exit %d\n%s", ran.Exit, ends(ran.Output.String()))}}})
		}
		messages = append(append(messages, said), results...)
	}
	return nil
}

// ends is a text without its middle, if it is long.
func ends(s string) string {
	chars := []rune(s)
	if len(chars) <= 2*shellOutput {
		return s
	}
	return string(chars[:shellOutput]) + "\n[...]\n" + string(chars[len(chars)-shellOutput:])
}

// judge looks at what the loop left behind.
func (c *Contest) judge(ctx context.Context, f *Fixture, box sandbox.Box, tree *sandbox.Tree) error {
	tc := tree.Toolchain()
	if tc == nil {
		return fmt.Errorf("%s: no toolchain runs the tests of this repository", f.Name)
	}
	patch, err := tree.Patch(tc)
	if err != nil {
		return err
	}
	if c.Opened = len(patch.Files) > 0; !c.Opened {
		return nil
	}
	for name, text := range f.Judge {
		if err := tree.Write(name, text); err != nil {
			return err
		}
	}
	run, err := sandbox.Test(ctx, box, tree, tc, "")
	if err != nil {
		return err
	}
	c.Judged = f.verdict(run)
	c.Resolved = f.wanted[0].draft() && c.Judged == ""
	c.Wrong = !c.Resolved
	return nil
}
