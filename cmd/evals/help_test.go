package main

import (
	"os"
	"path/filepath"
	"regexp"
	"testing"

	"github.com/alecthomas/kong"
	"github.com/stretchr/testify/require"
)

// Each command shows how it is used.
func TestEveryCommandHasExamples(t *testing.T) {
	t.Parallel()
	k, err := kong.New(new(cli))
	require.NoError(t, err)
	for _, leaf := range k.Model.Leaves(true) {
		require.Contains(t, leaf.Detail, "Examples:\n  evals "+leaf.Name, "evals %s --help", leaf.Name)
	}
}

// The pages name flags of this program that there are.
func TestPagesNameFlagsThatAre(t *testing.T) {
	t.Parallel()
	k, err := kong.New(new(cli))
	require.NoError(t, err)
	known := map[string]bool{}
	for _, leaf := range k.Model.Leaves(true) {
		for _, f := range leaf.Flags {
			known[leaf.Name+" --"+f.Name] = true
		}
	}
	files, err := filepath.Glob("../../docs/*.md")
	require.NoError(t, err)
	seen := 0
	for _, file := range append(files, "../../README.md", "../../CONTRIBUTING.md") {
		page, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, m := range regexp.MustCompile("cmd/evals\\s+(\\w+)([^`\n]*)").FindAllStringSubmatch(string(page), -1) {
			for _, flag := range regexp.MustCompile(` --[a-z][a-z-]*`).FindAllString(m[2], -1) {
				seen++
				require.True(t, known[m[1]+flag], "%s: %s has no%s", file, m[1], flag)
			}
		}
	}
	require.Greater(t, seen, 10)
}
