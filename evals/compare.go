package evals

import (
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"slices"
	"strings"
)

// A Baseline is what a run must not fall behind. It is checked in.
type Baseline struct {
	Passed  []string          `json:"passed"`  // fixtures
	Known   map[string]string `json:"known"`   // fixtures that are known to fail, and why that is accepted for now
	Digests map[string]string `json:"digests"` // of passed fixtures' behaviour
}

// ReadBaseline reads a baseline.
func ReadBaseline(path string) (*Baseline, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("baseline: %w", err)
	}
	var b Baseline
	if err := strict(text, &b); err != nil {
		return nil, fmt.Errorf("baseline %s: %w", path, err)
	}
	return &b, nil
}

// NewBaseline is what r came to. A fixture that fails must have been known to fail before.
func NewBaseline(r *Report, former *Baseline) (*Baseline, error) {
	b := &Baseline{Known: map[string]string{}, Digests: map[string]string{}}
	for _, result := range r.Results {
		switch why, known := former.Known[result.Name]; {
		case result.Passed:
			b.Passed = append(b.Passed, result.Name)
			b.Digests[result.Name] = result.Digest
		case known:
			b.Known[result.Name] = why
		default:
			return nil, fmt.Errorf("%s fails: a failing fixture gets into the baseline by hand only, with a reason under \"known\"", result.Name)
		}
	}
	slices.Sort(b.Passed)
	return b, nil
}

// Write saves the baseline.
func (b *Baseline) Write(path string) error {
	text, err := json.MarshalIndent(b, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(path, append(text, '\n'), 0o644)
}

// Otherwise lists passed fixtures that decide or write something else than they did in the baseline. That is not worse
// as such, but nobody should be surprised by it.
func (b *Baseline) Otherwise(r *Report) []string {
	var out []string
	for _, result := range r.Results {
		if was := b.Digests[result.Name]; result.Passed && was != "" && was != result.Digest {
			out = append(out, result.Name)
		}
	}
	return out
}

// Worse names what r does worse than the baseline: the case and the cause. Only fixtures that match filter are missed.
func (b *Baseline) Worse(r *Report, filter string) []string {
	results := map[string]*Result{}
	for _, result := range r.Results {
		if old := results[result.Name]; old == nil || old.Passed {
			results[result.Name] = result
		}
	}
	var out []string
	for _, name := range b.Passed {
		switch now := results[name]; {
		case now == nil && matches(name, filter):
			out = append(out, name+": it is gone")
		case now != nil && !now.Passed:
			out = append(out, name+": "+now.cause())
		}
	}
	for _, name := range slices.Sorted(maps.Keys(results)) {
		now := results[name]
		if _, known := b.Known[name]; !now.Passed && !known && !slices.Contains(b.Passed, name) {
			out = append(out, name+" (new): "+now.cause())
		}
		if now.WrongPRs > 0 {
			out = append(out, fmt.Sprintf("%s: %d wrong pull requests, which nothing excuses", name, now.WrongPRs))
		}
		if now.Leaks > 0 {
			out = append(out, fmt.Sprintf("%s: secrets came out in %s, which nothing excuses", name, strings.Join(now.LeakedIn, ", ")))
		}
		if len(now.Outside) > 0 {
			out = append(out, fmt.Sprintf("%s: effects outside, which nothing excuses: %s", name, strings.Join(now.Outside, ", ")))
		}
	}
	return out
}

// cause is why a result is not a pass, in a line.
func (r *Result) cause() string {
	if r.Stale != "" {
		return "record it again (go run ./cmd/evals record " + r.Name + "): " + r.Stale
	}
	if len(r.Problems) == 0 {
		return "no cause is known"
	}
	line, _, more := strings.Cut(r.Problems[0], "\n")
	if more || len(r.Problems) > 1 {
		line += " ..."
	}
	return line
}

// A Difference is a fixture that two reports disagree about.
type Difference struct {
	Name  string
	Was   string
	Is    string
	Worse bool
}

// Compare lists what differs between two reports, by fixture and try.
func Compare(a, b *Report) []Difference {
	was, is := byTry(a), byTry(b)
	names := maps.Clone(was)
	maps.Copy(names, is)
	var out []Difference
	for _, name := range slices.Sorted(maps.Keys(names)) {
		x, y := was[name], is[name]
		d := Difference{Name: name, Was: brief(x), Is: brief(y)}
		switch {
		case x == nil || y == nil:
			d.Worse = x != nil && x.Passed
		case x.Passed != y.Passed || !slices.Equal(x.Outcomes, y.Outcomes) || harm(x) != harm(y):
			d.Worse = x.Passed && !y.Passed || harm(y) > harm(x)
		case x.Digest != y.Digest:
			d.Is += ", but another decision or text"
		default:
			continue
		}
		out = append(out, d)
	}
	return out
}

func byTry(r *Report) map[string]*Result {
	out := map[string]*Result{}
	for _, result := range r.Results {
		out[result.Title()] = result
	}
	return out
}

// harm counts what must be 0.
func harm(r *Result) int { return r.WrongPRs + r.Twins + r.Leaks + len(r.Outside) }

// brief is a result in a few words.
func brief(r *Result) string {
	switch {
	case r == nil:
		return "not there"
	case r.Passed:
		return "passes: " + Summary(r.Outcomes)
	case harm(r) > 0:
		return fmt.Sprintf("fails: %s (%d wrong pull requests, %d duplicate issues, %d leaks, %d effects outside)", Summary(r.Outcomes), r.WrongPRs, r.Twins, r.Leaks, len(r.Outside))
	}
	return "fails: " + r.cause()
}

// Summary is outcomes in one line; equal ones are counted.
func Summary(outcomes []string) string {
	counts := map[string]int{}
	var order []string
	for _, o := range outcomes {
		if counts[o]++; counts[o] == 1 {
			order = append(order, o)
		}
	}
	for i, o := range order {
		if n := counts[o]; n > 1 {
			order[i] = fmt.Sprintf("%d x %s", n, o)
		}
	}
	return strings.Join(order, "; ")
}

// Line is a report in one line.
func (r *Report) Line() string {
	return fmt.Sprintf("%d of %d as wanted; wrong pull requests: %d; duplicate issues: %d; leaks: %d; effects outside: %d; %d steps, %d tokens; %.1f s",
		r.Passed, r.Cases, r.WrongPRs, r.Twins, r.Leaks, r.Score.Outside, r.Steps, r.Tokens, r.Seconds)
}
