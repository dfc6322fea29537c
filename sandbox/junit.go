package sandbox

import (
	"encoding/xml"
	"strings"
	"unicode"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// A suite is an element of a JUnit report: suites may hold suites.
type suite struct {
	Name   string  `xml:"name,attr"`
	Suites []suite `xml:"testsuite"`
	Cases  []struct {
		Class   string    `xml:"classname,attr"`
		Name    string    `xml:"name,attr"`
		Failure *struct{} `xml:"failure"`
		Error   *struct{} `xml:"error"`
		Skipped *struct{} `xml:"skipped"`
	} `xml:"testcase"`
}

// readJUnit reads the XML that pytest, Bun and Deno write.
func readJUnit(report []byte) Report {
	text := strings.Map(func(r rune) rune { // what a failure has printed may hold characters that XML forbids
		if unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' {
			return -1
		}
		return r
	}, string(report))
	dec := xml.NewDecoder(strings.NewReader(text))
	dec.Strict = false
	var top suite
	if dec.Decode(&top) != nil {
		return Report{}
	}
	var r Report
	top.collect(&r, 0)
	return r
}

const maxDepth = 50

func (s suite) collect(r *Report, depth int) {
	if depth > maxDepth {
		return
	}
	for _, c := range s.Cases {
		if len(r.Tests) >= maxTests {
			return
		}
		status := "pass"
		switch {
		case c.Failure != nil || c.Error != nil:
			status = "fail"
		case c.Skipped != nil:
			status = "skip"
		}
		name := c.Name
		if of := strings.TrimPrefix(strings.TrimPrefix(c.Class, "file://"), boot.TreeDir+"/"); of != "" && !strings.Contains(name, of) {
			name = of + " > " + name
		}
		r.Tests = append(r.Tests, hotfix.TestResult{Name: name, Status: status})
	}
	for _, in := range s.Suites {
		in.collect(r, depth+1)
	}
}
