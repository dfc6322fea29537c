package evals

import (
	"context"
	"os"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/local"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// Verify gathers the evidence that stands in the body of a pull request anew, on a checkout of src.
func Verify(ctx context.Context, box sandbox.Box, src sandbox.Source, body, dir string) (local.Verification, error) {
	claimed, err := hotfix.ParseProof(body)
	if err != nil {
		return local.Verification{}, err
	}
	tree, err := sandbox.Clone(ctx, src, dir)
	if err != nil {
		return local.Verification{}, err
	}
	defer os.RemoveAll(dir)
	if err := tree.Rebase(claimed.Base); err != nil {
		return local.Verification{}, err
	}
	return local.Verify(ctx, box, tree, claimed, nil)
}
