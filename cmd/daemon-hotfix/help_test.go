package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// anExample is one command of a help text's examples: what stands before it sets variables or is another program, what
// follows is a comment, or for the shell.
var anExample = regexp.MustCompile(`(?:^|[|] |&& |<\()daemon-hotfix( .*?)?(?: {3,}.*| [|&<>].*|\).*)?$`)

// aFile is an argument that names a file of the reader's.
var aFile = regexp.MustCompile(`^[\w-]+\.\w+$`)

// examples are the commands of this program that a help text shows.
func examples(t *testing.T, name, help string) (out [][]string) {
	t.Helper()
	_, list, found := strings.Cut(help, "Examples:\n")
	require.True(t, found, "%s --help shows no example", name)
	list, _, _ = strings.Cut(list, "\n\n")
	for line := range strings.Lines(list) {
		line = regexp.MustCompile(`^([A-Z_]+=\S* )*`).ReplaceAllString(strings.TrimSpace(line), "")
		for _, part := range strings.Split(line, " | ") {
			if m := anExample.FindStringSubmatch(part); m != nil {
				out = append(out, words(m[1]))
			}
		}
	}
	require.NotEmpty(t, out, name)
	return out
}

// Each command shows how it is used, and what it shows is understood.
func TestEveryCommandHasExamples(t *testing.T) {
	t.Chdir(t.TempDir()) // the examples name files
	for _, leaf := range newParser(t.Context(), streams{}).Model.Leaves(true) {
		for _, args := range examples(t, leaf.FullPath(), leaf.Detail) {
			for _, a := range args {
				if aFile.MatchString(a) {
					require.NoError(t, os.WriteFile(a, []byte("{}"), 0o600))
				}
			}
			_, err := newParser(t.Context(), streams{}).Parse(args)
			if err != nil {
				require.ErrorContains(t, err, "no such file", "daemon-hotfix %s", strings.Join(args, " "))
			}
		}
	}
}
