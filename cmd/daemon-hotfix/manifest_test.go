package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"regexp"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestManifestFileIsCurrent(t *testing.T) {
	t.Parallel()
	var out, errs bytes.Buffer
	require.Equal(t, 0, run(context.Background(), []string{"manifest"}, streams{Out: &out, Err: &errs}), errs.String())
	file, err := os.ReadFile("../../manifest.json")
	require.NoError(t, err)
	require.Equal(t, out.String(), string(file), "run: make manifest")
}

// The rules of the kernel: src/types/plugin-configuration and its reading of commands.
func TestManifestSuitsTheKernel(t *testing.T) {
	t.Parallel()
	file, err := os.ReadFile("../../manifest.json")
	require.NoError(t, err)
	var m struct {
		Name        string   `json:"name"`
		ShortName   string   `json:"short_name"`
		Description string   `json:"description"`
		Listeners   []string `json:"ubiquity:listeners"`
		Commands    map[string]struct {
			Description string `json:"description"`
			Example     string `json:"ubiquity:example"`
			Parameters  struct {
				Properties map[string]any `json:"properties"`
			} `json:"parameters"`
		} `json:"commands"`
		SkipBotEvents *bool `json:"skipBotEvents"`
	}
	require.NoError(t, json.Unmarshal(file, &m))
	require.NotEmpty(t, m.Name)
	require.NotEmpty(t, m.Description)
	require.Regexp(t, `^[\w.-]+/[\w.-]+@\S+$`, m.ShortName)
	require.Contains(t, m.Listeners, "kernel.plugin_error")
	require.NotContains(t, m.Listeners, "issue_comment.created", "commands would arrive twice")
	require.NotNil(t, m.SkipBotEvents)
	require.False(t, *m.SkipBotEvents)
	for name, c := range m.Commands {
		require.Regexp(t, regexp.MustCompile(`^[A-Za-z-_]+$`), name)
		require.NotEmpty(t, c.Description)
		require.NotEmpty(t, c.Example)
		require.Len(t, c.Parameters.Properties, 1, "with one property the kernel passes the text on")
	}
}
