package risk

import (
	"fmt"
	"io"
	"maps"
	"slices"
	"text/tabwriter"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A Score is how well the classifier does on some records.
type Score struct {
	Records       int     `json:"records"`
	Wrong         int     `json:"wrong"`
	WrongInLow    int     `json:"wrong_in_low"`
	Brier         float64 `json:"brier"`           // mean square of what was said less what was: 0 is perfect, 1 the worst
	RightHeldBack float64 `json:"right_held_back"` // share of the right patches
}

// A Report is the score on the records that were held out, with those of all others beside it.
type Report struct {
	Score                                     // records and wrong count all, the rest is of those held out
	HeldOut  Score                            `json:"held_out"`
	Trained  Score                            `json:"trained"`
	Open     Score                            `json:"past_the_rules"` // held out, and not refused by a rule already
	Matrix   map[string]map[hotfix.Risk][]int `json:"-"`              // right and wrong, by kind and tier
	Bins     []Bin                            `json:"reliability"`
	Costs    []Cost                           `json:"thresholds"`
	Misjudge []string                         `json:"misjudged"` // wrong and not held back, or right and held back
}

// A Bin is the held-out records with a probability in one range.
type Bin struct {
	From, To   float64 // of the probability that was said
	Records    int
	Said, Were float64 // mean probability; share that was wrong
}

// A Cost is what it costs to hold patches back from a probability on: a wrong patch that is proposed costs a reviewer
// three times what a right one that is held back does.
type Cost struct {
	At       float64 `json:"at"` // the probability from which patches are held back
	Proposed int     `json:"wrong_proposed"`
	HeldBack int     `json:"right_held_back"`
	Cost     float64 `json:"cost"` // in right patches held back; a wrong one proposed counts as several
}

const wrongCosts = 3

// Evaluate judges all records with w.
func Evaluate(w triage.Weights, records []Record) Report {
	rep := Report{Matrix: map[string]map[hotfix.Risk][]int{}}
	var held, trained, open []Record
	for _, r := range records {
		if !r.Held() {
			trained = append(trained, r)
			continue
		}
		held = append(held, r)
		refused, a, _ := r.Judge(w)
		if len(refused) == 0 {
			open = append(open, r)
		}
		if rep.Matrix[r.Kind] == nil {
			rep.Matrix[r.Kind] = map[hotfix.Risk][]int{0: {0, 0}, 1: {0, 0}, 2: {0, 0}}
		}
		rep.Matrix[r.Kind][a.Tier][label(r)]++
		if r.Wrong != (a.Tier == hotfix.HighRisk) {
			rep.Misjudge = append(rep.Misjudge, fmt.Sprintf("%s: %s, %.2f", r.Name, a.Tier, a.Wrong))
		}
	}
	rep.HeldOut, rep.Trained, rep.Open = score(w, held), score(w, trained), score(w, open)
	rep.Score = rep.HeldOut
	rep.Records, rep.Wrong = len(records), rep.HeldOut.Wrong+rep.Trained.Wrong
	rep.Bins, rep.Costs = reliability(w, held), Costs(w, held)
	return rep
}

func label(r Record) int {
	if r.Wrong {
		return 1
	}
	return 0
}

func score(w triage.Weights, records []Record) Score {
	s := Score{Records: len(records)}
	right, back := 0, 0
	for _, r := range records {
		_, a, _ := r.Judge(w)
		miss := a.Wrong - float64(label(r))
		s.Brier += miss * miss
		switch {
		case r.Wrong:
			s.Wrong++
			if a.Tier == hotfix.LowRisk {
				s.WrongInLow++
			}
		default:
			right++
			if a.Tier == hotfix.HighRisk {
				back++
			}
		}
	}
	s.Brier = round(s.Brier / float64(max(len(records), 1)))
	s.RightHeldBack = round(float64(back) / float64(max(right, 1)))
	return s
}

// reliability compares what was said with what was so, in five ranges.
func reliability(w triage.Weights, records []Record) []Bin {
	bins := make([]Bin, 5)
	for i := range bins {
		bins[i].From, bins[i].To = float64(i)/5, float64(i+1)/5
	}
	for _, r := range records {
		_, a, _ := r.Judge(w)
		b := &bins[min(int(a.Wrong*5), 4)]
		b.Records++
		b.Said += a.Wrong
		b.Were += float64(label(r))
	}
	for i := range bins {
		if n := float64(bins[i].Records); n > 0 {
			bins[i].Said, bins[i].Were = round(bins[i].Said/n), round(bins[i].Were/n)
		}
	}
	return bins
}

// Costs says what each threshold for holding back would cost on the records.
func Costs(w triage.Weights, records []Record) []Cost {
	var out []Cost
	for at := 0.1; at < 1; at += 0.1 {
		try := w
		try.MediumAt, try.HighAt = at/2, round(at)
		c := Cost{At: round(at)}
		for _, r := range records {
			_, a, _ := r.Judge(try)
			switch back := a.Tier == hotfix.HighRisk; {
			case r.Wrong && !back:
				c.Proposed++
			case !r.Wrong && back:
				c.HeldBack++
			}
		}
		c.Cost = float64(wrongCosts*c.Proposed + c.HeldBack)
		out = append(out, c)
	}
	return out
}

// Print writes the report for people.
func (rep Report) Print(out io.Writer) error {
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	fmt.Fprintf(w, "%d records, %d of them wrong; %d held out, on which all of this was measured\n\n", rep.Records, rep.Wrong, rep.HeldOut.Records)
	fmt.Fprintln(w, "kind\tlow: right\twrong\tmedium: right\twrong\thigh: right\twrong")
	for _, kind := range slices.Sorted(maps.Keys(rep.Matrix)) {
		m := rep.Matrix[kind]
		fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%d\t%d\n", kind, m[0][0], m[0][1], m[1][0], m[1][1], m[2][0], m[2][1])
	}
	fmt.Fprintln(w, "\nprobability\trecords\tsaid\twere wrong")
	for _, b := range rep.Bins {
		fmt.Fprintf(w, "%.1f to %.1f\t%d\t%.2f\t%.2f\n", b.From, b.To, b.Records, b.Said, b.Were)
	}
	fmt.Fprintln(w, "\nhold back from\twrong proposed\tright held back\tcost")
	for _, c := range rep.Costs {
		fmt.Fprintf(w, "%.1f\t%d\t%d\t%.0f\n", c.At, c.Proposed, c.HeldBack, c.Cost)
	}
	fmt.Fprintln(w)
	for _, s := range []struct {
		name string
		Score
	}{{"held out", rep.HeldOut}, {"held out, past the rules", rep.Open}, {"trained on", rep.Trained}} {
		fmt.Fprintf(w, "%s: %d records, %d wrong, %d wrong in tier low, Brier score %.3f, %.0f%% of the right ones held back\n", s.name,
			s.Records, s.Wrong, s.WrongInLow, s.Brier, s.RightHeldBack*100)
	}
	return w.Flush()
}
