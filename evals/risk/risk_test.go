package risk_test

import (
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals/risk"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

func records(t *testing.T) []risk.Record {
	t.Helper()
	f, err := os.Open("records.jsonl")
	require.NoError(t, err)
	defer f.Close()
	all, err := risk.Read(f)
	require.NoError(t, err)
	return all
}

func reviewed(t *testing.T) triage.Weights {
	t.Helper()
	data, err := os.ReadFile("../../internal/triage/risk_weights.json")
	require.NoError(t, err)
	w, err := triage.ParseWeights(data)
	require.NoError(t, err)
	return w
}

// The bounds are the project's own: none of them may be loosened to let a change of a signal pass.
func TestTheClassifierOnHeldOutRecords(t *testing.T) {
	t.Parallel()
	rep := risk.Evaluate(reviewed(t), records(t))
	require.GreaterOrEqual(t, rep.Records, 120)
	require.GreaterOrEqual(t, rep.HeldOut.Records, 60)
	require.Zero(t, rep.WrongInLow)
	require.LessOrEqual(t, rep.Brier, 0.15)
	require.LessOrEqual(t, rep.Open.Brier, 0.15, "also without what the rules refuse anyway")
	require.LessOrEqual(t, rep.RightHeldBack, 0.3)
	require.NotEmpty(t, rep.Matrix["right"][hotfix.LowRisk])
	require.Positive(t, rep.Matrix["right"][hotfix.LowRisk][0], "low is a tier that patches reach")
}

func TestTheWeightsAreTrainedOnTheRecords(t *testing.T) {
	t.Parallel()
	w := risk.Train(records(t))
	w.Note = reviewed(t).Note
	require.Equal(t, w, reviewed(t), "run: go run ./cmd/evals risk --train")
}

// What was planted is refused for what it is, by the rule that names it.
func TestWhatWasPlantedIsRefused(t *testing.T) {
	t.Parallel()
	rule := map[string]string{"test-deleted": "test-removed", "test-weakened": "test-weakened", "test-skipped": "test-skipped", "secret": "secret", "workflow": "protected",
		"runner": "protected", "huge": "too-large", "dependency": "new-dependency", "network": "risk-network", "evaluation": "risk-evaluation"}
	seen := map[string]bool{}
	for _, r := range records(t) {
		want, planted := rule[r.Kind]
		if !planted {
			continue
		}
		seen[r.Kind] = true
		refused, a, _ := r.Judge(reviewed(t))
		require.Equal(t, hotfix.HighRisk, a.Tier, r.Name)
		var rules []string
		for _, reason := range refused {
			rules = append(rules, reason.Rule)
		}
		for _, s := range a.Signals {
			rules = append(rules, s.Rule)
		}
		require.Contains(t, rules, want, r.Name)
	}
	require.Len(t, seen, len(rule), "every harm is planted somewhere")
}

// An over-fitted patch answers what the added test asks and nothing else. It passes its own test, and the proof with it.
func TestOverfittedPatchesAreRefused(t *testing.T) {
	t.Parallel()
	left := map[string]bool{"checklist/wrong/string/narrow": true, "command/wrong/literal/narrow": true, "duration/wrong/case/narrow": true, "price/wrong/special/narrow": true}
	for _, r := range records(t) {
		if !left[r.Name] {
			continue
		}
		delete(left, r.Name)
		require.True(t, r.Evidence.Proves(), r.Name)
		refused, a, _ := r.Judge(reviewed(t))
		require.Empty(t, refused, "%s: no rule of the proof sees it", r.Name)
		publication, held := triage.Policy{}.Publish(a)
		require.Equal(t, triage.IssueOnly, publication, r.Name)
		require.Equal(t, "risk-special-case", held[0].Rule, r.Name)
	}
	require.Empty(t, left, "not among the records")
}
