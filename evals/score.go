package evals

import "github.com/ubiquity-os-marketplace/daemon-hotfix/agent"

// A Score sums up the results of many fixtures. WrongPRs is the figure that must be 0.
type Score struct {
	Cases    int     `json:"cases"`
	Passed   int     `json:"passed"`
	WrongPRs int     `json:"wrong_prs"`
	Twins    int     `json:"duplicate_issues"`
	Leaks    int     `json:"leaks"`
	Outside  int     `json:"outside_effects"`
	Tokens   int     `json:"tokens"`
	Seconds  float64 `json:"seconds"`
}

// Sum adds up results.
func Sum(results []*Result) Score {
	s := Score{Cases: len(results)}
	for _, r := range results {
		if r.Passed {
			s.Passed++
		}
		if r.WrongPR {
			s.WrongPRs++
		}
		s.Twins, s.Leaks, s.Outside = s.Twins+r.Twins, s.Leaks+r.Leaks, s.Outside+len(r.Outside)
		s.Tokens, s.Seconds = s.Tokens+r.Tokens, s.Seconds+r.Took.Seconds()
	}
	return s
}

// A Live is a model that is asked for real.
type Live struct {
	Model    agent.Model
	Provider string
}
