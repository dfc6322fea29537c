package risk

import (
	"math"
	"slices"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// An example is a record as training sees it: the features that speak, and the label.
type example struct {
	features []string
	wrong    float64
}

const (
	rounds = 4000
	step   = 0.5
	shrink = 0.002 // pulls weights to zero, so that what was seen once does not decide
)

// Train fits weights to the records that are not held out. Records that the rules refuse anyway are left out: the
// weights judge what is left. No weight is negative, so that a signal never makes a patch look better.
func Train(records []Record) triage.Weights {
	w := triage.Weights{Of: map[string]float64{}, MediumAt: 0.15, HighAt: 0.6}
	var examples []example
	for _, r := range records {
		refused, _, features := r.Judge(w)
		if r.Held() || len(refused) > 0 {
			continue
		}
		e := example{features: features}
		if r.Wrong {
			e.wrong = 1
		}
		examples = append(examples, e)
		for _, f := range features {
			w.Of[f] = 0
		}
	}
	for range rounds {
		descend(&w, examples)
	}
	for f, v := range w.Of {
		if w.Of[f] = round(v); w.Of[f] == 0 {
			delete(w.Of, f)
		}
	}
	w.Bias = round(w.Bias)
	w.MediumAt, w.HighAt = thresholds(w, records)
	return w
}

// descend takes one step towards weights under which the labels are likelier.
func descend(w *triage.Weights, examples []example) {
	slope, bias := map[string]float64{}, 0.0
	for _, e := range examples {
		z := w.Bias
		for _, f := range e.features {
			z += w.Of[f]
		}
		miss := 1/(1+math.Exp(-z)) - e.wrong
		bias += miss
		for _, f := range e.features {
			slope[f] += miss
		}
	}
	n := float64(max(len(examples), 1))
	w.Bias -= step * bias / n
	for f := range w.Of {
		w.Of[f] = max(0, w.Of[f]-step*(slope[f]/n+shrink*w.Of[f]))
	}
}

// heldMax is the share of right patches that may be held back: people see the others, and drafts are what they review.
const heldMax = 0.3

// thresholds are set on the training records: low ends well before the first wrong patch, and high begins where
// holding back costs least among the places that hold back few right ones.
func thresholds(w triage.Weights, records []Record) (float64, float64) {
	open := w
	open.MediumAt, open.HighAt = 0.999, 1
	first := 1.0
	for _, r := range records {
		if refused, a, _ := r.Judge(open); !r.Held() && r.Wrong && len(refused) == 0 && a.Tier == 0 {
			first = min(first, a.Wrong)
		}
	}
	medium := round(min(0.2, first/2))
	best, high := math.Inf(1), 0.9
	known := slices.DeleteFunc(slices.Clone(records), Record.Held)
	right := 0
	for _, r := range known {
		right += 1 - label(r)
	}
	for _, c := range Costs(w, known) {
		if c.At > medium && c.Cost < best && float64(c.HeldBack) <= heldMax*float64(right) {
			best, high = c.Cost, c.At
		}
	}
	return max(medium, 0.01), high
}

func round(x float64) float64 { return math.Round(x*1000) / 1000 }
