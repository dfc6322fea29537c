package evals_test

import (
	"encoding/xml"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
)

func TestWilson(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		n, of     int
		low, high float64
	}{{0, 0, 0, 1}, {0, 10, 0, 0.2775}, {10, 10, 0.7225, 1}, {5, 10, 0.2366, 0.7634}, {81, 263, 0.2553, 0.3662}} {
		got := evals.Wilson(tt.n, tt.of)
		require.InDelta(t, tt.low, got.Low, 5e-5, "%d of %d", tt.n, tt.of)
		require.InDelta(t, tt.high, got.High, 5e-5, "%d of %d", tt.n, tt.of)
	}
}

// results are two fixtures with three tries each, one of which fails, and one that does harm.
func results() []*evals.Result {
	draft := []string{"fix draft-opened"}
	out := []*evals.Result{
		{Name: "harm", Wanted: []string{"report -"}, Outcomes: draft, Problems: []string{"pull request #2 should not be\nlong"}, WrongPRs: 1, Twins: 2, Issues: 3, Want: 1, Prototype: 1, Leaks: 1, LeakedIn: []string{"the log"}, Outside: []string{"POST /x"}},
	}
	for try := 1; try <= 3; try++ {
		out = append(out, &evals.Result{Name: "good", Try: try, Wanted: draft, Outcomes: draft, Passed: true, Resolved: true, Issues: 1, Want: 1, Prototype: 4, Steps: 2, Tokens: 10, Cost: 0.5, Took: 2 * time.Second, Testing: time.Second},
			&evals.Result{Name: "shaky", Try: try, Wanted: draft, Outcomes: []string{"fix no-fix"}, Passed: try == 2, Resolved: try == 2, Issues: 1, Want: 1, Prototype: 1})
	}
	return out
}

func TestSum(t *testing.T) {
	t.Parallel()
	s := evals.Sum(results())
	require.Equal(t, 7, s.Cases)
	require.Equal(t, 4, s.Passed)
	require.Equal(t, []int{1, 2, 1, 1}, []int{s.WrongPRs, s.Twins, s.Leaks, s.Outside})
	require.Equal(t, []int{6, 30}, []int{s.Steps, s.Tokens})
	require.InDelta(t, 1.5, s.Cost, 1e-9)
	require.Equal(t, "4 of 6", strings.Split(s.Resolved.String(), " (")[0])
	require.Equal(t, "6 of 7", strings.Split(s.Dedupe.String(), " (")[0])
	require.Equal(t, "4 of 7", strings.Split(s.Prototype.String(), " (")[0], "it opens four for one, and by chance the right number elsewhere")
	require.Equal(t, "3 of 7", strings.Split(s.Decisions.String(), " (")[0])
	require.Contains(t, s.Confusion, evals.Mix{Want: "report -", Got: "fix draft-opened", N: 1})
	require.Len(t, s.PassAt, 3)
	require.InDelta(t, (1+1.0/3)/2, s.PassAt[0].Share, 1e-9)
	require.InDelta(t, (1+2.0/3)/2, s.PassAt[1].Share, 1e-9)
	require.InDelta(t, 1, s.PassAt[2].Share, 1e-9)
}

func TestWhatGotWorseIsNamed(t *testing.T) {
	t.Parallel()
	base := &evals.Baseline{Passed: []string{"good", "gone", "harm"}, Known: map[string]string{"shaky": "the model is not sure"}, Digests: map[string]string{"good": "was"}}
	r := &evals.Report{Results: results()}
	require.Equal(t, []string{
		"gone: it is gone", "harm: pull request #2 should not be ...", "harm: 1 wrong pull requests, which nothing excuses",
		"harm: secrets came out in the log, which nothing excuses", "harm: effects outside, which nothing excuses: POST /x",
	}, base.Worse(r, ""))
	require.Equal(t, []string{"good", "good", "good"}, base.Otherwise(r))
	require.NotContains(t, base.Worse(r, "harm"), "gone: it is gone", "what was not asked for is not missed")
	_, err := evals.NewBaseline(r, &evals.Baseline{})
	require.ErrorContains(t, err, "harm fails")
}

func TestCompare(t *testing.T) {
	t.Parallel()
	a, b := &evals.Report{Results: results()}, &evals.Report{Results: results()}
	require.Empty(t, evals.Compare(a, b))
	b.Results[1].Passed, b.Results[1].Problems = false, []string{"it broke"}
	b.Results[3].Digest = "other"
	b.Results = b.Results[:5]
	got := evals.Compare(a, b)
	require.Len(t, got, 4)
	require.Equal(t, evals.Difference{Name: "good", Was: "passes: fix draft-opened", Is: "fails: it broke", Worse: true}, got[0])
	require.False(t, got[1].Worse)
	require.Contains(t, got[1].Is, "another decision")
	require.True(t, got[2].Worse, "a passing try is missing")
}

func TestReportsAreWellFormed(t *testing.T) {
	t.Parallel()
	r := &evals.Report{Score: evals.Sum(results()), Results: results(), Made: time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)}
	r.Results[0].Problems = []string{`<script>alert("x")</script> | a & b`}
	junit, err := r.JUnit()
	require.NoError(t, err)
	var suite struct {
		Tests    int `xml:"tests,attr"`
		Failures int `xml:"failures,attr"`
	}
	require.NoError(t, xml.Unmarshal(junit, &suite))
	require.Equal(t, 7, suite.Tests)
	require.Equal(t, 3, suite.Failures)
	page, err := r.HTML()
	require.NoError(t, err)
	require.NotContains(t, string(page), "<script>")
	require.NotRegexp(t, `(?:src|href)="https?:`, string(page), "the page needs nothing beside it")
	for _, x := range []string{`id="case-harm"`, `id="case-good-2"`, `href="#case-shaky-3"`, "<svg"} {
		require.Contains(t, string(page), x)
	}
	table, err := r.Markdown()
	require.NoError(t, err)
	require.Contains(t, string(table), `\| a & b`)
}
