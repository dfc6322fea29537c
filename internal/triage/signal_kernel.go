package triage

import "github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"

// kernelFailure: every plugin depends on the kernel, so people change it.
func kernelFailure(_ Policy, c hotfix.Case, _ hotfix.Change) (hotfix.Risk, string) {
	if c.Latest.Plugin.Kind != "kernel" && Classify(c.Latest) != hotfix.ClassKernel {
		return 0, ""
	}
	return hotfix.HighRisk, "The kernel itself failed; a change to it concerns every plugin and is left to people."
}
