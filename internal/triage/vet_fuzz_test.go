package triage

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// FuzzVet: no diff makes Vet panic, and none that names a workflow file in a header is let through.
func FuzzVet(f *testing.F) {
	f.Add(patchOf(fix, newTest).Diff, "src/ratio.ts")
	f.Add(patchOf(edit{path: ".github/workflows/ci.yml", old: "a\n", new: "b\n"}).Diff, ".github/workflows/ci.yml")
	f.Add("diff --git a/.github/x b/src/x\nsimilarity index 100%\nrename from .github/x\nrename to src/x\n", "src/x")
	f.Add("diff --git \"a/\\056github/x\" \"b/\\056github/x\"\n--- \"a/\\056github/x\"\n+++ \"b/\\056github/x\"\n@@ -1 +1 @@\n-a\n+b\n", ".github/x")
	f.Fuzz(func(t *testing.T, diff, path string) {
		good := patchOf(fix, newTest)
		p := hotfix.Patch{Diff: good.Diff + diff, Files: append(good.Files, hotfix.FileChange{Path: path})}
		reasons := generous().Vet(p, proof())
		for _, r := range reasons {
			require.NotEmpty(t, r.Because)
			require.NotContains(t, r.Because, "\n")
		}
		if strings.HasPrefix(path, ".github/") || strings.HasSuffix(path, "/package.json") {
			require.NotNil(t, reasons)
		}
	})
}
