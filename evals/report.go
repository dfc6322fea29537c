package evals

import (
	"bytes"
	"encoding/xml"
	"fmt"
	"strings"
	"time"
)

// Markdown is the report as a table for a comment or a wiki.
func (r *Report) Markdown() ([]byte, error) {
	var b bytes.Buffer
	fmt.Fprintf(&b, "# Benchmark of %s\n\n%s\n\n", r.Made.Format("2006-01-02 15:04 UTC"), r.Line())
	fmt.Fprintf(&b, "| Score | |\n|---|---|\n| As wanted | %s |\n| Decisions | %s |\n| Resolved | %s |\n| Exact issues | %s |\n| The same for the hash-of-message prototype | %s |\n| Wrong pull requests | %d |\n\n",
		Rate{r.Passed, r.Cases, r.PassedCI}, r.Decisions, r.Resolved, r.Dedupe, r.Prototype, r.WrongPRs)
	for _, p := range r.PassAt {
		fmt.Fprintf(&b, "pass@%d: %.0f %%\n\n", p.K, 100*p.Share)
	}
	if l := r.Loop; l != nil {
		fmt.Fprintf(&b, "| %d fixtures | Resolved | Wrong pull requests | Steps | Tokens |\n|---|--:|--:|--:|--:|\n| daemon-hotfix | %d | %d | %d | %d |\n| one-tool shell loop | %d | %d | %d | %d |\n\n",
			l.Fixtures, l.Ours.Resolved, l.Ours.Wrong, l.Ours.Steps, l.Ours.Tokens, l.Resolved, l.Wrong, l.Steps, l.Tokens)
	}
	b.WriteString("| Fixture | Result | Outcome | Steps | Tokens | Seconds | Problem |\n|---|---|---|--:|--:|--:|---|\n")
	for _, x := range r.Results {
		result, problem := "pass", ""
		if !x.Passed {
			result, problem = "**fail**", x.cause()
		}
		fmt.Fprintf(&b, "| %s | %s | %s | %d | %d | %.1f | %s |\n", x.Title(), result, Summary(x.Outcomes), x.Steps, x.Tokens, x.Took.Seconds(), strings.ReplaceAll(problem, "|", `\|`))
	}
	return b.Bytes(), nil
}

type junitSuite struct {
	XMLName  xml.Name    `xml:"testsuite"`
	Name     string      `xml:"name,attr"`
	Tests    int         `xml:"tests,attr"`
	Failures int         `xml:"failures,attr"`
	Time     string      `xml:"time,attr"`
	Stamp    string      `xml:"timestamp,attr"`
	Cases    []junitCase `xml:"testcase"`
}

type junitCase struct {
	Class   string   `xml:"classname,attr"`
	Name    string   `xml:"name,attr"`
	Time    string   `xml:"time,attr"`
	Failure *junitNo `xml:"failure,omitempty"`
}

type junitNo struct {
	Message string `xml:"message,attr"`
	Text    string `xml:",chardata"`
}

// JUnit is the report as CI servers read it.
func (r *Report) JUnit() ([]byte, error) {
	s := junitSuite{Name: "evals", Tests: r.Cases, Failures: r.Cases - r.Passed, Time: fmt.Sprintf("%.3f", r.Seconds), Stamp: r.Made.Format(time.RFC3339)}
	for _, x := range r.Results {
		c := junitCase{Class: "evals", Name: x.Title(), Time: fmt.Sprintf("%.3f", x.Took.Seconds())}
		if !x.Passed {
			c.Failure = &junitNo{x.cause(), strings.Join(x.Problems, "\n\n")}
		}
		s.Cases = append(s.Cases, c)
	}
	out, err := xml.MarshalIndent(s, "", "  ")
	return append([]byte(xml.Header), append(out, '\n')...), err
}
