package triage

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A fix and a test that no signal has anything to say of.
var (
	careful  = edit{path: "src/ratio.ts", old: "return a / b;\n", new: "return b === 0 ? a : a / b;\n"}
	thorough = edit{path: "src/ratio.test.ts", new: "it(\"divides by zero\", () => {\n  expect(ratio(1, 0)).toBe(1);\n  expect(ratio(0, 0)).toBe(0);\n  expect(ratio(4, 2)).toBe(2);\n});\n", test: true}
)

// calm is a subject of which no signal has anything to say.
func calm() Subject {
	e := proof()
	e.Before[0].Output = redact.Scrub("not ok 1 - divides by zero\n  RangeError: Division by zero\n")
	e.Base = &hotfix.TestRun{Passed: true}
	e.Suite.Tests = []hotfix.TestResult{{Name: "six by three", Status: "pass"}}
	e.Lines = &hotfix.Coverage{Lines: 1, Run: 1}
	e.Origin = &hotfix.Origin{Commit: strings.Repeat("a", 40)}
	f := failureSaying("RangeError: Division by zero")
	return Subject{Case: hotfix.Case{Count: 3, Latest: f}, Patch: patchOf(careful, thorough), Evidence: e}
}

func failureSaying(message string) hotfix.Failure {
	return hotfix.Failure{ID: "x", Category: "http", Status: 500, Message: redact.Scrub(message), Plugin: hotfix.Plugin{ID: "acme/ratio", Kind: "workflow"}}
}

func TestEverySignalSpeaksAndStaysSilent(t *testing.T) {
	t.Parallel()
	source := func(old, new string) func(*Subject) {
		return func(s *Subject) { s.Patch = patchOf(edit{path: "src/ratio.ts", old: old, new: new}, thorough) }
	}
	file := func(path string) func(*Subject) {
		return func(s *Subject) { s.Patch = patchOf(careful, edit{path: path, old: "a\n", new: "b\n"}, thorough) }
	}
	tests := []struct {
		rule   string
		level  hotfix.Risk
		change func(*Subject)
	}{
		{"risk-category", hotfix.MediumRisk, func(s *Subject) {
			s.Case.Latest.Status, s.Case.Latest.Message = 422, redact.Scrub("HTTP 422: Unprocessable Entity")
		}},
		{"risk-transient", hotfix.MediumRisk, func(s *Subject) { s.Case.Latest.Status = 503 }},
		{"risk-rare", hotfix.LowRisk, func(s *Subject) { s.Case.Count = 1 }},
		{"risk-vague", hotfix.MediumRisk, func(s *Subject) { s.Case.Latest.Message = redact.Scrub("failed") }},
		{"risk-attempts", hotfix.LowRisk, func(s *Subject) { s.Case.Attempts = []hotfix.Attempt{{Outcome: hotfix.Outcome{Ending: hotfix.NoFix}}} }},
		{"risk-budget", hotfix.LowRisk, func(s *Subject) { s.Spent = 0.9 }},
		{"risk-never-green", hotfix.LowRisk, func(s *Subject) { s.Evidence.Origin = &hotfix.Origin{Because: "There is no history."} }},
		{"risk-size", hotfix.MediumRisk, source("a\n", strings.Repeat("x = 1;\n", 60))},
		{"risk-size", hotfix.HighRisk, source("a\n", strings.Repeat("x = 1;\n", 200))},
		{"risk-spread", hotfix.LowRisk, file("src/other.ts")},
		{"risk-spread", hotfix.MediumRisk, file("lib/other.ts")},
		{"risk-ci", hotfix.HighRisk, file(".github/workflows/ci.yml")},
		{"risk-lock", hotfix.HighRisk, file("package-lock.json")},
		{"risk-auth", hotfix.MediumRisk, file("src/auth/login.ts")},
		{"risk-crypto", hotfix.MediumRisk, file("src/crypto.ts")},
		{"risk-money", hotfix.MediumRisk, file("src/handlers/generate-permits.ts")},
		{"risk-migration", hotfix.MediumRisk, file("supabase/migrations/0001.sql")},
		{"risk-api", hotfix.MediumRisk, source("export function ratio(a, b) {\n", "export function ratio(a, b, c) {\n")},
		{"risk-config", hotfix.MediumRisk, file("src/config.ts")},
		{"risk-generated", hotfix.MediumRisk, file("src/api.gen.ts")},
		{"risk-licence", hotfix.HighRisk, file("LICENSE")},
		{"risk-dependency", hotfix.MediumRisk, source("a\n", "import _ from \"lodash\";\n")},
		{"risk-dependency", hotfix.LowRisk, source("a\n", "import fs from \"node:fs\";\n")},
		{"risk-network", hotfix.HighRisk, source("a\n", "await fetch(address);\n")},
		{"risk-evaluation", hotfix.HighRisk, source("a\n", "return eval(text);\n")},
		{"risk-evaluation", hotfix.HighRisk, source("a\n", "return import( name);\n")},
		{"risk-unmeasured", hotfix.MediumRisk, func(s *Subject) { s.Evidence.Lines = nil }},
		{"risk-uncovered", hotfix.HighRisk, func(s *Subject) { s.Evidence.Lines = &hotfix.Coverage{Lines: 8, Run: 2} }},
		{"risk-churn", hotfix.MediumRisk, func(s *Subject) { s.Terrain.Changes = map[string]int{"src/ratio.ts": 20} }},
		{"risk-age", hotfix.LowRisk, func(s *Subject) { s.Terrain.Age = map[string]time.Duration{"src/ratio.ts": 3 * 365 * 24 * time.Hour} }},
		{"risk-blast", hotfix.MediumRisk, func(s *Subject) { s.Terrain.Importers = map[string]int{"src/ratio.ts": 14} }},
		{"risk-proof", hotfix.MediumRisk, func(s *Subject) { s.Evidence.Base = &hotfix.TestRun{} }},
		{"risk-special-case", hotfix.HighRisk, source("a\n", "return String(body).replace(\"null\", \"\");\n")},
		{"risk-thin-test", hotfix.MediumRisk, func(s *Subject) {
			s.Patch = patchOf(fix, edit{path: "src/ratio.test.ts", new: "it(\"x\", () => {\n  expect(ratio(1, 0)).toBe(0);\n});\n", test: true})
		}},
		{"risk-default", hotfix.LowRisk, source("a\n", "const text = body ?? \"\";\n")},
		{"risk-default", hotfix.MediumRisk, source("a\n", "if (!body) {\n  return [];\n}\n")},
		{"risk-reason", hotfix.MediumRisk, func(s *Subject) { s.Evidence.Before[0].Output = redact.Scrub("TypeError: no such thing") }},
		{"risk-special-case", hotfix.HighRisk, func(s *Subject) {
			s.Patch = patchOf(edit{path: "src/ratio.ts", old: "a\n", new: "if (name === \"C++\") return [];\n"},
				edit{path: "src/ratio.test.ts", new: "it(\"x\", () => {\n  expect(match(\"C++\")).toEqual([]);\n});\n", test: true})
		}},
		{"risk-swallow", hotfix.HighRisk, source("a\n", "try {\n  return f();\n} catch {\n  return 0;\n}\n")},
		{"risk-swallow", hotfix.MediumRisk, source("a\n", "try {\n  return f();\n} catch (error) {\n  throw new Error(\"x\", { cause: error });\n}\n")},
		{"risk-removal", hotfix.MediumRisk, source("if (b === 0) throw new Error(\"zero\");\nreturn a / b;\n", "return a / b;\n")},
		{"risk-place", hotfix.LowRisk, func(s *Subject) {
			s.Case.Latest.Stack = redact.Scrub("RangeError: Division by zero\n    at handle (/app/src/plugin.js:10:5)")
		}},
		{"risk-opinion", hotfix.HighRisk, func(s *Subject) {
			s.Opinion = &hotfix.Opinion{Level: hotfix.HighRisk, Because: redact.Scrub("It hides the fault.")}
		}},
	}
	seen := map[string]bool{}
	for _, tt := range tests {
		seen[tt.rule] = true
		t.Run(tt.rule+" "+tt.level.String(), func(t *testing.T) {
			t.Parallel()
			s := calm()
			tt.change(&s)
			for _, f := range Assess(s).Signals {
				if f.Rule == tt.rule {
					require.Equal(t, tt.level, f.Level, f.Because)
					require.True(t, strings.HasSuffix(f.Because, "."), f.Because)
					return
				}
			}
			t.Fatalf("%s stays silent", tt.rule)
		})
	}
	for _, r := range riskSignals() {
		require.True(t, seen[r.rule], "%s is not tested", r.rule)
	}
	require.Empty(t, Assess(calm()).Signals)
	s := calm()
	s.Patch = patchOf(edit{path: "src/ratio.ts", old: "a\n", new: "b\n"},
		edit{path: "src/ratio.test.ts", new: "it(\"x\", () => {\n  for (const [a, b] of cases) expect(ratio(a, 0)).toBe(b);\n});\n", test: true})
	for _, f := range Assess(s).Signals {
		require.NotEqual(t, "risk-thin-test", f.Rule, "a loop checks several things")
	}
	s = calm()
	source("a\n", "import (\n\t\"strings\"\n)\n")(&s)
	for _, f := range Assess(s).Signals {
		require.NotEqual(t, "risk-evaluation", f.Rule, "a group of Go's imports is not an import by a name that is made up")
	}
}

func TestAssessFailsClosed(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]func(*Subject){
		"no proof":        func(s *Subject) { s.Evidence = hotfix.Evidence{} },
		"a gap":           func(s *Subject) { s.Evidence.Gaps = []hotfix.Reason{{Rule: "regression"}} },
		"unreadable diff": func(s *Subject) { s.Patch.Diff = "nonsense" },
		"empty patch":     func(s *Subject) { s.Patch = hotfix.Patch{} },
	} {
		s := calm()
		change(&s)
		a := Assess(s)
		require.Equal(t, hotfix.HighRisk, a.Tier, name)
		require.Equal(t, 1.0, a.Wrong, name)
	}
}

func TestAnOpinionOnlyRaises(t *testing.T) {
	t.Parallel()
	for _, change := range []func(*Subject){
		func(*Subject) {},
		func(s *Subject) {
			s.Patch = patchOf(careful, edit{path: "lib/other.ts", old: "a\n", new: "b\n"}, thorough)
		},
		func(s *Subject) {
			s.Patch = patchOf(careful, edit{path: "src/auth.ts", old: "a\n", new: "b\n"}, thorough)
		},
	} {
		s := calm()
		change(&s)
		without := Assess(s)
		for level := hotfix.LowRisk; level <= hotfix.HighRisk; level++ {
			s.Opinion = &hotfix.Opinion{Level: level, Because: redact.Scrub("So it seems.")}
			require.Equal(t, max(without.Tier, level), Assess(s).Tier)
			require.GreaterOrEqual(t, Assess(s).Wrong, without.Wrong)
		}
	}
}

func TestWeightsThatLetEverythingPassAreRefused(t *testing.T) {
	t.Parallel()
	for _, bad := range []string{"", "{}", `{"medium_at":0.5,"high_at":0.5}`, `{"medium_at":0.2,"high_at":2}`} {
		_, err := ParseWeights([]byte(bad))
		require.Error(t, err, bad)
	}
	for feature, weight := range weights.Of {
		require.GreaterOrEqual(t, weight, 0.0, "%s would make a patch look better", feature)
	}
}
