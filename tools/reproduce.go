package tools

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// errorKind is what kind of error a message names.
var errorKind = regexp.MustCompile(`\b[A-Z]\w*(?:Error|Exception)\b|\bruntime error: [a-z ]{5,30}|\b[A-Z]{2,}_[A-Z_]+\b|\bE[A-Z]{4,}\b`)

// signs are the words by which a failure is known again in the output of a test.
func signs(f hotfix.Failure) []string {
	var out []string
	for _, m := range errorKind.FindAllString(f.Message.String()+"\n"+f.Stack.String(), 10) {
		if !slices.Contains(out, m) && m != "AssertionError" {
			out = append(out, m)
		}
	}
	return append(out, identifiers(hotfix.Failure{Message: f.Message})...)
}

// ruleReported names the doubt in what the model is told, and so in a former run.
const ruleReported = "reported-reason"

// doubt is raised once, when nothing in what the added tests print on the old code recalls the reported failure. A test
// may show a fault in another way than production did, but the model has to say so, and the reviewer hears of it.
func (b *Bench) doubt(e hotfix.Evidence) *hotfix.Reason {
	if b.doubted || len(b.signs) == 0 || recalls(e, b.signs) {
		return nil
	}
	b.doubted = true
	return &hotfix.Reason{Rule: ruleReported, Because: "The added tests fail on the old code, but nothing they print there recalls the reported failure. " +
		"Make a test fail as reported; if that is not possible, say in the explanation why this test shows the same fault, and call open-pr again."}
}

func recalls(e hotfix.Evidence, signs []string) bool {
	for _, run := range e.Before {
		for _, s := range signs {
			if strings.Contains(run.Output.String(), s) {
				return true
			}
		}
	}
	return false
}
