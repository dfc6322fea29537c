package triage

import (
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// riskReason: an added test that fails on the old code in another way than was reported may show another fault.
func riskReason(s Subject) (hotfix.Risk, string) {
	said := s.Case.Latest.Message.String() + "\n" + s.Case.Latest.Stack.String()
	var output strings.Builder
	for _, run := range s.Evidence.Before {
		output.WriteString(run.Output.String())
	}
	kind := errorKind.FindString(said)
	switch {
	case telling(said, output.String()) >= 3:
		return 0, "" // the message itself
	case kind != "" && strings.Contains(output.String(), kind):
		return 0, ""
	case kind == "":
		return hotfix.LowRisk, "The failure names no kind of error, so whether the added test shows the same one is for people to judge."
	}
	return hotfix.MediumRisk, "The failure is a " + quoted(kind) + "; on the old code the added test fails in another way."
}

// errorKind is the name of an error as runtimes write it.
var errorKind = regexp.MustCompile(`\b[A-Z]\w*(?:Error|Exception)\b|\bpanic\b|\bnil pointer dereference\b|\bindex out of range\b`)

var wordsOf = regexp.MustCompile(`[A-Za-z_$][\w$]{3,}`)

// telling counts the longest row of words of said that stands in output, in the same order.
func telling(said, output string) int {
	words := wordsOf.FindAllString(said, 200)
	there := " " + strings.Join(wordsOf.FindAllString(output, 5000), " ") + " "
	best := 0
	for i := range words {
		for n := best + 1; i+n <= len(words) && strings.Contains(there, " "+strings.Join(words[i:i+n], " ")+" "); n++ {
			best = n
		}
	}
	return best
}
