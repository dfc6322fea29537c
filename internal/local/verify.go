package local

import (
	"context"
	"errors"
	"fmt"
	"slices"

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
	if v.Differs == "" && len(claimed.Shown) > 0 && !slices.ContainsFunc(claimed.Shown, v.fails) {
		v.Differs = "the tests that are said to show the fault do not"
	}
	v.Agrees = v.Differs == "" && v.Evidence.Proves()
	return v, nil
}

// fails reports whether a test passes with the patch and in no run without it. It need not fail in each of those: where tests
// run side by side, the panic of one keeps others from ending.
func (v Verification) fails(test string) bool {
	passes := func(run hotfix.TestRun) bool {
		return slices.Contains(run.Tests, hotfix.TestResult{Name: test, Status: "pass"})
	}
	return slices.ContainsFunc(v.Evidence.After, passes) && !slices.ContainsFunc(v.Evidence.Before, passes)
}
