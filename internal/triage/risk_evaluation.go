package triage

import (
	"regexp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var evaluating = regexp.MustCompile(`\beval\s*\(|\bnew\s+Function\b|\bvm\.\w+|\bchild_process\b|\bexec(?:Sync|File)?\s*\(\s*["'\x60$]|\bspawn(?:Sync)?\s*\(|\bexec\.Command\b|\bimport\s*\(\s*[^"')\s]|\bunsafe\.Pointer\b|\bplugin\.Open\b|\bsetTimeout\s*\(\s*["'\x60]`)

// riskEvaluation: code made from text, and other programs, do what nobody has reviewed.
func riskEvaluation(s Subject) (hotfix.Risk, string) {
	return s.adds(hotfix.HighRisk, evaluating, "It runs code made from text, or another program, in %s.")
}
