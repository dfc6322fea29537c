package triage

import (
	"math"
	"slices"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Subject is a proven patch whose risk is judged, with all that is known of it.
type Subject struct {
	Case     hotfix.Case
	Patch    hotfix.Patch
	Evidence hotfix.Evidence
	Terrain  hotfix.Terrain
	Spent    float64         // share of the attempt's budget that was used, 0 to 1
	Opinion  *hotfix.Opinion // of a second model; nil if none was asked

	files []changed
}

// A riskSignal is one rule that may speak against a patch. check returns a level and a sentence, "" if it stays silent.
// A firm one sets the least tier; a soft one only weighs.
type riskSignal struct {
	rule  string
	firm  bool
	check func(Subject) (hotfix.Risk, string)
}

// riskSignals are all rules, in the order in which people read them. Those in the first part know what was known
// before the run, the others what came of it.
func riskSignals() []riskSignal {
	return []riskSignal{
		{"risk-category", false, riskCategory},
		{"risk-transient", false, riskTransient},
		{"risk-rare", false, riskRare},
		{"risk-vague", false, riskVague},
		{"risk-attempts", false, riskAttempts},
		{"risk-budget", false, riskBudget},
		{"risk-never-green", false, riskGreen},

		{"risk-size", true, riskSize},
		{"risk-spread", true, riskSpread},
		{"risk-ci", true, riskCI},
		{"risk-lock", true, riskLock},
		{"risk-auth", true, riskAuth},
		{"risk-crypto", true, riskCrypto},
		{"risk-money", true, riskMoney},
		{"risk-migration", true, riskMigration},
		{"risk-api", true, riskAPI},
		{"risk-config", true, riskConfig},
		{"risk-generated", true, riskGenerated},
		{"risk-licence", true, riskLicence},
		{"risk-dependency", true, riskDependency},
		{"risk-network", true, riskNetwork},
		{"risk-evaluation", true, riskEvaluation},
		{"risk-uncovered", false, riskUncovered},
		{"risk-unmeasured", true, riskUnmeasured},
		{"risk-churn", false, riskChurn},
		{"risk-age", false, riskAge},
		{"risk-blast", false, riskBlast},
		{"risk-proof", true, riskProof},
		{"risk-thin-test", true, riskThin},
		{"risk-reason", true, riskReason},
		{"risk-special-case", true, riskSpecialCase},
		{"risk-swallow", true, riskSwallow},
		{"risk-default", false, riskDefault},
		{"risk-removal", false, riskRemoval},
		{"risk-place", false, riskPlace},
		{"risk-opinion", true, riskOpinion},
	}
}

// Assess judges a patch: rules first, then the weights. What cannot be judged is of high risk. The opinion of a
// model can raise the tier and never lower it.
func Assess(s Subject) hotfix.Assessment { return weights.assess(s) }

func (w Weights) assess(s Subject) hotfix.Assessment {
	fail := func(rule, because string) hotfix.Assessment {
		return hotfix.Assessment{Tier: hotfix.HighRisk, Wrong: 1, Signals: []hotfix.RiskSignal{{Rule: rule, Level: hotfix.HighRisk, Because: because, Firm: true}}}
	}
	files, because := readDiff(s.Patch)
	switch {
	case because != "":
		return fail("risk-unreadable", because)
	case !s.Evidence.Proves():
		return fail("risk-unproven", "There is no proof, so nothing is known of what the patch does.")
	}
	s.files = files
	a := hotfix.Assessment{Signals: speak(s)}
	a.Wrong = w.probability(a.Signals)
	switch {
	case a.Wrong >= w.HighAt:
		a.Tier = hotfix.HighRisk
	case a.Wrong >= w.MediumAt:
		a.Tier = hotfix.MediumRisk
	}
	for _, f := range a.Signals {
		if f.Firm {
			a.Tier = max(a.Tier, f.Level)
		}
	}
	return a
}

// speak lists the signals that do not stay silent.
func speak(s Subject) []hotfix.RiskSignal {
	var out []hotfix.RiskSignal
	for _, r := range riskSignals() {
		if level, because := r.check(s); because != "" {
			out = append(out, hotfix.RiskSignal{Rule: r.rule, Level: level, Because: because, Firm: r.firm})
		}
	}
	return out
}

// probability is how likely a fix is wrong when these signals speak.
func (w Weights) probability(signals []hotfix.RiskSignal) float64 {
	z := w.Bias
	for _, s := range signals {
		z += w.Of[feature(s)]
	}
	return math.Round(1e4/(1+math.Exp(-z))) / 1e4
}

// feature names a signal at its level, as the weights do.
func feature(s hotfix.RiskSignal) string { return s.Rule + ":" + s.Level.String() }

// source are the files outside of tests.
func (s Subject) source() []changed {
	return slices.DeleteFunc(slices.Clone(s.files), func(c changed) bool { return c.test || prose(c.path()) })
}

// tests are the files of tests.
func (s Subject) tests() []changed {
	return slices.DeleteFunc(slices.Clone(s.files), func(c changed) bool { return !c.test })
}
