package main

import (
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
