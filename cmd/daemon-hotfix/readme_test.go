package main

import (
	"encoding/json"
	"fmt"
	"os"
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
