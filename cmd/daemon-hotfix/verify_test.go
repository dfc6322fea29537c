package main

import (
	"bytes"
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/go-git/go-git/v5"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

const (
	ratioBroken = "export function ratio(a, b) { return BigInt(a) / BigInt(b); }\n"
	ratioFixed  = "export function ratio(a, b) { return b === 0 ? 0n : BigInt(a) / BigInt(b); }\n"
	ratioTest   = "import test from 'node:test';\nimport assert from 'node:assert';\nimport { ratio } from '../src/ratio.js';\ntest('by zero', () => assert.equal(ratio(6, 0), 0n));\n"
)

// proven makes a repository and the evidence for a patch of it.
func proven(t *testing.T) (repo string, proof hotfix.Proof) {
	t.Helper()
	repo = t.TempDir()
	r, err := git.PlainInit(repo, false)
	require.NoError(t, err)
	for name, text := range map[string]string{"package.json": `{"type": "module", "scripts": {"test": "node --test"}}`, "src/ratio.js": ratioBroken} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(repo, name)), 0o755))
		require.NoError(t, os.WriteFile(filepath.Join(repo, name), []byte(text), 0o644))
	}
	w, err := r.Worktree()
	require.NoError(t, err)
	require.NoError(t, w.AddWithOptions(&git.AddOptions{All: true}))
	_, err = w.Commit("plugin", &git.CommitOptions{Author: &object.Signature{Name: "Ada", Email: "ada@example.com", When: time.Unix(1700000000, 0)}})
	require.NoError(t, err)

	tree, err := sandbox.Clone(context.Background(), sandbox.Source{URL: repo}, filepath.Join(t.TempDir(), "tree"))
	require.NoError(t, err)
	require.NoError(t, tree.Write("src/ratio.js", ratioFixed))
	require.NoError(t, tree.Write("test/zero.test.js", ratioTest))
	tc := tree.Toolchain()
	p, err := tree.Patch(tc)
	require.NoError(t, err)
	box, err := sandbox.Native(sandbox.Config{})
	require.NoError(t, err)
	e, err := sandbox.Prover{Box: box}.Prove(context.Background(), tree, tc, p)
	require.NoError(t, err)
	require.True(t, e.Proves())
	return repo, hotfix.NewProof(hotfix.Repo{Owner: "acme", Name: "ratio"}, "v1-x", p, e, nil, "RangeError: Division by zero")
}

func TestVerify(t *testing.T) {
	t.Parallel()
	repo, proof := proven(t)
	body := "Proposed fix for #1.\n\n" + hotfix.ProofMark + "\n```text\n" + proof.JSON() + "\n```\n\nand more { text }\n"
	forged := proof
	forged.After = []hotfix.Tally{{Passed: true}}
	swapped := proof
	swapped.Diff = strings.Replace(proof.Diff, "0n :", "1n :", 1)
	invented := proof
	invented.Shown = []string{"a test that is nowhere"}
	for _, tt := range []struct {
		name, text string
		status     int
		says       string
	}{
		{"a test that never showed the fault", invented.JSON(), 1, "the tests that are said to show the fault do not"},
		{"as it was claimed", body, 0, "The evidence holds"},
		{"a file of its own", proof.JSON(), 0, "The evidence holds"},
		{"results that never were", forged.JSON(), 1, "the added tests end otherwise with the patch"},
		{"a patch that was never proven", swapped.JSON(), 2, "not the one that was proven"},
		{"no evidence", "Nothing here.", 2, "no evidence"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			var out bytes.Buffer
			status := run(context.Background(), []string{"verify", "-", "--repo", repo}, streams{In: strings.NewReader(tt.text), Out: &out, Err: &out})
			require.Equal(t, tt.status, status, out.String())
			require.Contains(t, out.String(), tt.says)
		})
	}
}
