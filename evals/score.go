package evals

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

// A Score sums up the results of many fixtures. WrongPRs is the figure that must be 0.
type Score struct {
	Cases     int      `json:"cases"`
	Passed    int      `json:"passed"`
	PassedCI  Interval `json:"passed_ci"`
	Decisions Rate     `json:"decisions"` // outcomes that are the wanted ones, of all cases of all fixtures
	Resolved  Rate     `json:"resolved"`  // of the fixtures that want a fix
	Dedupe    Rate     `json:"dedupe"`    // fixtures with exactly the issues that are wanted
	Prototype Rate     `json:"prototype_dedupe"`
	WrongPRs  int      `json:"wrong_prs"`
	Twins     int      `json:"duplicate_issues"`
	Leaks     int      `json:"leaks"`           // secrets that came out somewhere
	Outside   int      `json:"outside_effects"` // calls of what nobody may call
	Stale     []string `json:"stale,omitempty"` // fixtures to record again
	Steps     int      `json:"steps"`
	Tokens    int      `json:"tokens"`
	Cost      float64  `json:"cost"`     // dollars
	Seconds   float64  `json:"seconds"`  // by the clock; the sum of the cases' times if nobody said
	Overhead  float64  `json:"overhead"` // seconds of a case that are not tests, in the median
	Confusion []Mix    `json:"confusion"`
	PassAt    []PassAt `json:"pass_at,omitempty"` // of several live runs
	Loop      *Loop    `json:"shell_loop,omitempty"`
}

// A Loop sums up the shell loop beside the daemon on the fixtures that both worked on.
type Loop struct {
	Fixtures int `json:"fixtures"`
	Resolved int `json:"resolved"`
	Wrong    int `json:"wrong_prs"`
	Steps    int `json:"steps"`
	Tokens   int `json:"tokens"`
	Ours     struct {
		Resolved int `json:"resolved"`
		Wrong    int `json:"wrong_prs"`
		Steps    int `json:"steps"`
		Tokens   int `json:"tokens"`
	} `json:"daemon"`
}

// beside adds a fixture that both worked on.
func (s *Score) beside(r *Result) {
	if r.Shell == nil {
		return
	}
	if s.Loop == nil {
		s.Loop = &Loop{}
	}
	l, c := s.Loop, r.Shell
	l.Fixtures, l.Resolved, l.Wrong, l.Steps, l.Tokens = l.Fixtures+1, l.Resolved+count(c.Resolved), l.Wrong+count(c.Wrong), l.Steps+c.Steps, l.Tokens+c.Tokens
	o := &l.Ours
	o.Resolved, o.Wrong, o.Steps, o.Tokens = o.Resolved+count(r.Resolved), o.Wrong+r.WrongPRs, o.Steps+r.Steps, o.Tokens+r.Tokens
}

// A Rate is a share with its confidence interval.
type Rate struct {
	N  int      `json:"n"`
	Of int      `json:"of"`
	CI Interval `json:"ci"`
}

func (r Rate) String() string {
	if r.Of == 0 {
		return "-"
	}
	return fmt.Sprintf("%d of %d (%.0f to %.0f %%)", r.N, r.Of, 100*r.CI.Low, 100*r.CI.High)
}

// An Interval is where the true share lies with 95 % confidence (Wilson's).
type Interval struct {
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Wilson returns the interval for n successes in of tries.
func Wilson(n, of int) Interval {
	if of == 0 {
		return Interval{0, 1}
	}
	const z = 1.959963985
	total := float64(of)
	p := float64(n) / total
	centre, spread := p+z*z/(2*total), z*math.Sqrt(p*(1-p)/total+z*z/(4*total*total))
	scale := 1 + z*z/total
	return Interval{max(0, (centre-spread)/scale), min(1, (centre+spread)/scale)}
}

func rate(n, of int) Rate { return Rate{n, of, Wilson(n, of)} }

// A Mix is one cell of the confusion matrix: how often Got came of what wanted Want.
type Mix struct {
	Want string `json:"want"`
	Got  string `json:"got"`
	N    int    `json:"n"`
}

// A PassAt is the chance that at least one of K runs passes, in the mean over fixtures.
type PassAt struct {
	K     int     `json:"k"`
	Share float64 `json:"share"`
}

// Sum adds up results.
func Sum(results []*Result) Score {
	s := Score{Cases: len(results)}
	var right, outcomes, resolved, wantFix, exact, naive int
	var overhead []float64
	mixes := map[Mix]int{}
	for _, r := range results {
		if r.Passed {
			s.Passed++
		}
		if r.Stale != "" {
			s.Stale = append(s.Stale, r.Name)
		}
		for i := range max(len(r.Wanted), len(r.Outcomes)) {
			m := Mix{Want: at(r.Wanted, i), Got: at(r.Outcomes, i)}
			mixes[m]++
			outcomes++
			if m.Want == m.Got {
				right++
			}
		}
		if slices.ContainsFunc(r.Wanted, func(w string) bool { return Wanted{Outcome: w}.draft() }) {
			wantFix++
			resolved += count(r.Resolved)
		}
		exact += count(r.Issues == r.Want && r.Stale == "")
		naive += count(r.Prototype == r.Want)
		s.WrongPRs, s.Twins, s.Leaks, s.Outside = s.WrongPRs+r.WrongPRs, s.Twins+r.Twins, s.Leaks+r.Leaks, s.Outside+len(r.Outside)
		s.Steps, s.Tokens, s.Cost, s.Seconds = s.Steps+r.Steps, s.Tokens+r.Tokens, s.Cost+r.Cost, s.Seconds+r.Took.Seconds()
		s.beside(r)
		overhead = append(overhead, (r.Took - r.Testing).Seconds())
	}
	for m, n := range mixes {
		m.N = n
		s.Confusion = append(s.Confusion, m)
	}
	slices.SortFunc(s.Confusion, func(a, b Mix) int { return strings.Compare(a.Want+"|"+a.Got, b.Want+"|"+b.Got) })
	s.PassedCI, s.Decisions, s.Resolved = Wilson(s.Passed, s.Cases), rate(right, outcomes), rate(resolved, wantFix)
	s.Dedupe, s.Prototype = rate(exact, len(results)), rate(naive, len(results))
	if slices.Sort(overhead); len(overhead) > 0 {
		s.Overhead = overhead[len(overhead)/2]
	}
	s.PassAt = passAt(results)
	return s
}

func at(list []string, i int) string {
	if i < len(list) {
		return list[i]
	}
	return "(none)"
}

func count(yes bool) int {
	if yes {
		return 1
	}
	return 0
}

// passAt estimates, without bias, the chance that one of k tries passes, for each k up to the number of tries.
func passAt(results []*Result) []PassAt {
	tries, passes := map[string]int{}, map[string]int{}
	k := 0
	for _, r := range results {
		if r.Try > 0 {
			tries[r.Name]++
			passes[r.Name] += count(r.Passed)
			k = max(k, tries[r.Name])
		}
	}
	var out []PassAt
	for at := 1; at <= k; at++ {
		sum, fixtures := 0.0, 0
		for name, n := range tries {
			if n < at {
				continue
			}
			fixtures++
			sum += 1 - noneOf(n, n-passes[name], at)
		}
		out = append(out, PassAt{at, sum / float64(fixtures)})
	}
	return out
}

// noneOf is the chance that k of n tries, drawn without putting back, are all among the failed ones.
func noneOf(n, failed, k int) float64 {
	if failed < k {
		return 0
	}
	p := 1.0
	for i := range k {
		p *= float64(failed-i) / float64(n-i)
	}
	return p
}

// A Live is a model that is asked for real.
type Live struct {
	Model    agent.Model
	Provider string
	Name     string
	Price    func(agent.Tokens) float64 // nil if it is not known
}
