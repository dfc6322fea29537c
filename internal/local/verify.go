package local

import (
	"context"
	"errors"
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A Verification is what came of gathering the evidence of a pull request anew.
type Verification struct {
	Claimed  hotfix.Proof    `json:"claimed"`
	Again    hotfix.Proof    `json:"again"`
	Gaps     []hotfix.Reason `json:"gaps"`    // what is missing from the proof now
	Differs  string          `json:"differs"` // in what it is not as claimed; "" if it is
	Agrees   bool            `json:"agrees"`
	Evidence hotfix.Evidence `json:"-"`
}

// Verify proves the patch that t holds anew, where t.Base is what the proof says, and compares with the claim. Nothing
// of the claim is believed: not the results, and not that the patch is the one that was proven.
func Verify(ctx context.Context, box sandbox.Box, t *sandbox.Tree, claimed hotfix.Proof, progress func(string)) (Verification, error) {
	v := Verification{Claimed: claimed}
	tc := t.Toolchain()
	if tc == nil {
		return v, errors.New("no way to run this repository's tests is known")
	}
	p, err := t.Patch(tc)
	if err != nil {
		return v, fmt.Errorf("verify: %w", err)
	}
	repo, err := hotfix.ParseRepo(claimed.Repo)
	if err != nil {
		return v, fmt.Errorf("verify: the evidence names no repository: %w", err)
	}
	prover := sandbox.Prover{Box: box, Progress: progress, Reported: redact.Scrub(claimed.Reports), Flaky: claimed.Flaky}
	v.Evidence, err = prover.Prove(ctx, t, tc, p)
	if err != nil {
		return v, fmt.Errorf("verify: %w", err)
	}
	v.Again = hotfix.NewProof(repo, hotfix.Fingerprint(claimed.Case), p, v.Evidence, nil, claimed.Reports)
	v.Gaps, v.Differs = v.Evidence.Gaps, claimed.Differs(v.Again)
	v.Agrees = v.Differs == "" && v.Evidence.Proves()
	return v, nil
}
