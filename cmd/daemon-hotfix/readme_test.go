package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The README's table of settings says what the schema says, which is generated from the Go struct.
func TestReadmeListsTheSettings(t *testing.T) {
	t.Parallel()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	file, err := os.ReadFile("../../manifest.json")
	require.NoError(t, err)
	type schema struct {
		Type        string            `json:"type"`
		Description string            `json:"description"`
		Default     json.RawMessage   `json:"default"`
		Properties  map[string]schema `json:"properties"`
	}
	var m struct {
		Configuration schema `json:"configuration"`
	}
	require.NoError(t, json.Unmarshal(file, &m))
	var walk func(prefix string, s schema)
	walk = func(prefix string, s schema) {
		for name, p := range s.Properties {
			if p.Type == "object" {
				walk(prefix+name+".", p)
				continue
			}
			require.Regexp(t, `^[A-Z].*\.$`, p.Description, "%s%s: a whole sentence", prefix, name)
			byDefault := ""
			if p.Default != nil {
				byDefault = "`" + string(p.Default) + "`"
			}
			require.Contains(t, string(readme), fmt.Sprintf("| `%s%s` | %s | %s | %s |\n", prefix, name, p.Type, byDefault, p.Description))
		}
	}
	require.NotEmpty(t, m.Configuration.Properties)
	walk("", m.Configuration)
}

// readmeCommands are the lines of the README that a reader types.
func readmeCommands(t *testing.T) []string {
	t.Helper()
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	var lines []string
	for _, block := range regexp.MustCompile("(?s)```sh\n(.*?)```").FindAllStringSubmatch(string(readme), -1) {
		for line := range strings.Lines(block[1]) {
			lines = append(lines, strings.TrimSpace(line))
		}
	}
	require.Greater(t, len(lines), 8)
	return lines
}

// Each command of the README is run, as far as it ends by itself: what serves is asked to stop at once, what asks GitHub or a
// model stays at home, and make says what it would do.
func TestReadmeCommandsRun(t *testing.T) {
	t.Parallel()
	for _, line := range readmeCommands(t) {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			words := strings.Fields(strings.ReplaceAll(line, `"npm test"`, "npm-test"))
			switch {
			case words[0] == "make":
				out, err := exec.Command("make", "-C", "../..", "-n", words[1]).CombinedOutput()
				require.NoError(t, err, "%s", out)
			case strings.HasSuffix(words[0], "daemon-hotfix"):
				runReadme(t, words[1:])
			default:
				require.Equal(t, []string{"go", "run", "./cmd/evals"}, words[:3])
				c := exec.Command("go", append(words[1:], "--help")...)
				c.Dir = "../.."
				out, err := c.CombinedOutput()
				require.NoError(t, err, "%s", out)
				require.Contains(t, string(out), "Usage: evals "+words[3])
			}
		})
	}
}

// runReadme runs one command of this program in a place of its own.
func runReadme(t *testing.T, args []string) {
	t.Helper()
	ctx, cancel := context.WithCancel(context.Background())
	defer cancel()
	want := 0
	switch args[0] {
	case "serve":
		args = append(args, "--listen", "127.0.0.1:0", "--data", t.TempDir(), "--no-fix", "--dashboard", "none")
		cancel()
		want = 1 // interrupted before it began
	case "doctor":
		args = append(args, "--offline", "--data", filepath.Join(t.TempDir(), "data"))
	case "init":
		args = append(args, "--dir", t.TempDir())
	case "fix":
		args = append(args, "--help") // what it does is tested with a model that answers
	}
	var out, errs bytes.Buffer
	status := run(ctx, args, streams{In: strings.NewReader(""), Out: &out, Err: &errs})
	require.LessOrEqual(t, status, want, "%s%s", out.String(), errs.String())
}

// What the README points to is there.
func TestReadmeLinks(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"README.md", "CONTRIBUTING.md", "SECURITY.md"} {
		text, err := os.ReadFile("../../" + name)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`\]\(([^)#:]+)\)`).FindAllStringSubmatch(string(text), -1) {
			require.FileExists(t, "../../"+m[1], "%s points to it", name)
		}
	}
}
