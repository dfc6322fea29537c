package evals

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

//go:embed report.html
var reportPage string

var page = template.Must(template.New("report").Funcs(template.FuncMap{
	"percent": func(share float64) string { return fmt.Sprintf("%.0f %%", 100*share) },
	"seconds": func(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) },
	"inc":     func(i int) int { return i + 1 },
	"summary": Summary,
	"lines":   diffLines,
	"proof":   evidenceLines,
	"args":    func(c agent.Call) string { return string(c.Args) },
	"anchor":  func(r *Result) string { return strings.NewReplacer(" (", "-", ")", "").Replace(r.Title()) },
}).Parse(reportPage))

// HTML is the report as one page that needs nothing beside it: charts, a table, and a page for each case.
func (r *Report) HTML() ([]byte, error) {
	var b bytes.Buffer
	err := page.Execute(&b, struct {
		*Report
		Matrix matrix
		Times  []bar
		Height int // of the chart of times
		Opened []bar
		Kinds  []kind
	}{r, r.matrix(), r.times(), barHeight * min(len(r.Results), 20), r.dedupe(), r.kinds()})
	return b.Bytes(), err
}

// A matrix is the confusion matrix: rows are what was wanted, columns what came.
type matrix struct {
	Got  []string
	Rows []matrixRow
}

type matrixRow struct {
	Want  string
	Cells []matrixCell
}

type matrixCell struct {
	N     int
	Right bool
}

func (r *Report) matrix() matrix {
	var m matrix
	n := map[[2]string]int{}
	var wants []string
	for _, mix := range r.Confusion {
		n[[2]string{mix.Want, mix.Got}] = mix.N
		if !slices.Contains(wants, mix.Want) {
			wants = append(wants, mix.Want)
		}
		if !slices.Contains(m.Got, mix.Got) {
			m.Got = append(m.Got, mix.Got)
		}
	}
	slices.Sort(m.Got)
	for _, want := range wants {
		row := matrixRow{Want: want}
		for _, got := range m.Got {
			row.Cells = append(row.Cells, matrixCell{n[[2]string{want, got}], want == got})
		}
		m.Rows = append(m.Rows, row)
	}
	return m
}

// A bar is one line of a chart, in pixels.
type bar struct {
	Label, Value string
	Y            int
	Width, More  int // of the first and of the second part
	Good         bool
}

const (
	barHeight = 18
	barWidth  = 420
)

// times shows for the slowest cases what were tests and what was the rest.
func (r *Report) times() []bar {
	results := slices.Clone(r.Results)
	slices.SortStableFunc(results, func(a, b *Result) int { return int(b.Took - a.Took) })
	var out []bar
	for i, x := range results[:min(len(results), 20)] {
		longest := max(results[0].Took, time.Millisecond)
		out = append(out, bar{Label: x.Name, Value: fmt.Sprintf("%.2f s", x.Took.Seconds()), Y: i * barHeight, Good: x.Passed,
			Width: int(barWidth * x.Testing / longest), More: int(barWidth * max(0, x.Took-x.Testing) / longest)})
	}
	return out
}

// dedupe holds the issues that are wanted against those that came, here and from the prototype.
func (r *Report) dedupe() []bar {
	var want, got, prototype int
	for _, x := range r.Results {
		want, got, prototype = want+x.Want, got+x.Issues, prototype+x.Prototype
	}
	most := max(want, got, prototype, 1)
	var out []bar
	for i, b := range []struct {
		label string
		n     int
	}{{"issues that are wanted", want}, {"daemon-hotfix", got}, {"hash of message (prototype)", prototype}} {
		out = append(out, bar{Label: b.label, Value: fmt.Sprint(b.n), Y: i * barHeight, Width: barWidth * b.n / most, Good: b.n == want})
	}
	return out
}

// A kind is how many fixtures of a kind there are, and how many passed.
type kind struct {
	Name       string
	Passed, Of int
}

func (r *Report) kinds() []kind {
	var out []kind
	for _, x := range r.Results {
		name := x.Kind
		if name == "" {
			name = "other"
		}
		i := slices.IndexFunc(out, func(k kind) bool { return k.Name == name })
		if i < 0 {
			i = len(out)
			out = append(out, kind{Name: name})
		}
		out[i].Of++
		out[i].Passed += count(x.Passed)
	}
	slices.SortFunc(out, func(a, b kind) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// A diffLine is one line of a diff and what it does.
type diffLine struct{ Class, Text string }

func diffLines(diff string) []diffLine {
	var out []diffLine
	for _, l := range strings.Split(strings.TrimRight(diff, "\n"), "\n") {
		class := ""
		switch {
		case strings.HasPrefix(l, "+++"), strings.HasPrefix(l, "---"), strings.HasPrefix(l, "diff "), strings.HasPrefix(l, "index "):
			class = "head"
		case strings.HasPrefix(l, "@@"):
			class = "at"
		case strings.HasPrefix(l, "+"):
			class = "add"
		case strings.HasPrefix(l, "-"):
			class = "del"
		}
		out = append(out, diffLine{class, l})
	}
	return out
}

// An evidenceLine is one check of a proof.
type evidenceLine struct{ What, Result string }

func evidenceLines(e hotfix.Evidence) []evidenceLine {
	var out []evidenceLine
	add := func(what, result string) { out = append(out, evidenceLine{what, result}) }
	for _, part := range []struct {
		what, must string
		runs       []hotfix.TestRun
	}{{"the new test, code as it was", "failed", e.Before}, {"the new test, with the fix", "passed", e.After}, {"the new test, with only the fix taken back", "failed", e.Unfixed}} {
		as := 0
		for _, r := range part.runs {
			as += count(r.Passed == (part.must == "passed") && r.Cause == "")
		}
		if len(part.runs) > 0 {
			add(part.what, fmt.Sprintf("%s %d of %d times", part.must, as, len(part.runs)))
		}
	}
	for _, suite := range []struct {
		what string
		run  *hotfix.TestRun
	}{{"all tests, code as it was", e.Base}, {"all tests, with the fix", e.Suite}} {
		if suite.run != nil {
			add(suite.what, fmt.Sprintf("exit %d, %d tests", suite.run.Exit, len(suite.run.Tests)))
		}
	}
	if o := e.Origin; o != nil && o.Commit != "" {
		add("fails since", fmt.Sprintf("%.10s by %s, %q, found in %d runs", o.Commit, o.Author, o.Subject, o.Runs))
	}
	for _, g := range e.Gaps {
		add("missing", g.Because)
	}
	return out
}
