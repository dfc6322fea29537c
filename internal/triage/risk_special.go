package triage

import (
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

var literals = regexp.MustCompile(`"(?:[^"\\]|\\.){2,80}"|'(?:[^'\\]|\\.){2,80}'|\x60[^\x60$]{2,80}\x60|\b\d{2,}n?\b`)

var comparing = regexp.MustCompile(`===?|!==?|\bcase\b|\bincludes\s*\(|\bindexOf\s*\(|\bstartsWith\s*\(|\bendsWith\s*\(|\.test\s*\(|\bhas\s*\(|strings\.(?:HasPrefix|HasSuffix|Contains|EqualFold)\(|\breturn\b`)

// written are values that are no text, as text.
var written = regexp.MustCompile(`["'\x60](?:null|undefined|NaN|nil|<nil>|\[object Object\])["'\x60]`)

// riskSpecialCase: a fix that compares with what only the added test uses repairs the test.
func riskSpecialCase(s Subject) (hotfix.Risk, string) {
	used := map[string]bool{}
	for _, c := range s.tests() {
		for _, line := range fresh(c) {
			if imports.MatchString(line) {
				continue
			}
			for _, l := range literals.FindAllString(line, -1) {
				used[strings.Trim(l, "\"'\x60n")] = true
			}
		}
	}
	for _, c := range s.source() {
		old := strings.Join(c.removed, "\n")
		for _, line := range fresh(c) {
			if comment(line) || imports.MatchString(line) {
				continue
			}
			if written.MatchString(line) && !strings.Contains(line, "typeof") {
				return hotfix.HighRisk, "It looks for a missing value by what it looks like when written out, in " + quoted(c.path()) + "."
			}
			if !comparing.MatchString(line) {
				continue
			}
			for _, l := range literals.FindAllString(line, -1) {
				if bare := strings.Trim(l, "\"'\x60n"); used[bare] && !strings.Contains(old, bare) && !common[bare] {
					return hotfix.HighRisk, "It treats " + quoted(bare) + ", which the added test uses, as a case of its own, in " + quoted(c.path()) + "."
				}
			}
		}
	}
	return 0, ""
}

// common are literals that stand in code and tests alike.
var common = set("use strict", "string", "number", "object", "function", "boolean", "undefined", "symbol", "bigint", "utf8", "utf-8", "GET", "POST", "100", "1000", "200", "404", "500", "10", "60")
