package main

import (
	"encoding/json"
	"fmt"
	"os"
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
