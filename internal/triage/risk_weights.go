package triage

import (
	_ "embed"
	"encoding/json"
	"fmt"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// Weights say how much each signal tells of a fix being wrong. They are trained by `evals risk --train` on records
// that are kept beside it, and reviewed like code.
type Weights struct {
	Note     string             `json:"note"`
	Bias     float64            `json:"bias"`
	MediumAt float64            `json:"medium_at"` // from this probability on the tier is medium
	HighAt   float64            `json:"high_at"`   // from this probability on it is high
	Of       map[string]float64 `json:"of"`        // by "rule:level"
}

//go:embed risk_weights.json
var weightsFile []byte

// weights are the reviewed ones. A broken file cannot be built into a daemon that passes its tests.
var weights = must(ParseWeights(weightsFile))

func must(w Weights, err error) Weights {
	if err != nil {
		panic(err) // the file is embedded, so it is as it was when the tests read it
	}
	return w
}

// ParseWeights reads a file of weights. Thresholds that would let everything pass are refused.
func ParseWeights(data []byte) (Weights, error) {
	var w Weights
	if err := json.Unmarshal(data, &w); err != nil {
		return w, fmt.Errorf("risk weights: %w", err)
	}
	if w.MediumAt <= 0 || w.HighAt <= w.MediumAt || w.HighAt > 1 {
		return w, fmt.Errorf("risk weights: want 0 < medium_at < high_at <= 1, got %v and %v", w.MediumAt, w.HighAt)
	}
	return w, nil
}

// AssessWith is Assess with weights of one's own, for their training.
func AssessWith(w Weights, s Subject) (a hotfix.Assessment, features []string) {
	a = w.assess(s)
	for _, f := range a.Signals {
		features = append(features, feature(f))
	}
	return a, features
}
