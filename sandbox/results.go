package sandbox

import (
	"bufio"
	"bytes"
	"encoding/json"
	"regexp"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox/boot"
)

// maxTests bounds how many results are taken from one report.
const maxTests = 10_000

// lines scans a report line by line; lines of any length up to the report's own.
func lines(report []byte) *bufio.Scanner {
	s := bufio.NewScanner(bytes.NewReader(report))
	s.Buffer(nil, len(report)+1)
	return s
}

// readGoTest reads the output of "go test -json". Lines that are not events are kept as text.
func readGoTest(report []byte) Report {
	var r Report
	var text strings.Builder
	for s := lines(report); s.Scan(); {
		var e struct{ Action, Package, ImportPath, Test, Output string }
		if json.Unmarshal(s.Bytes(), &e) != nil || e.Action == "" {
			text.Write(s.Bytes())
			text.WriteByte('\n')
			continue
		}
		switch e.Action {
		case "output", "build-output":
			if !strings.HasPrefix(e.Output, "=== ") {
				text.WriteString(e.Output)
			}
		case "pass", "fail", "skip":
			name := e.Package
			if e.Test != "" {
				name += "." + e.Test
			}
			if (e.Test != "" || e.Action == "fail") && len(r.Tests) < maxTests {
				r.Tests = append(r.Tests, hotfix.TestResult{Name: name, Status: e.Action})
			}
		}
	}
	r.Text = text.String()
	return r
}

var tapLine = regexp.MustCompile(`^(\s*)(not ok|ok) \d+ (?:- )?(.*?)(?: # (SKIP|TODO).*)?$`)

// readTAP reads the output of node's tap reporter. Names of nested tests are joined with " > ".
func readTAP(report []byte) Report {
	var r Report
	var path []string // "# Subtest:" names by depth
	for s := lines(report); s.Scan(); {
		line := s.Text()
		if indent, name, ok := strings.Cut(line, "# Subtest: "); ok && strings.TrimSpace(indent) == "" {
			depth := len(indent) / 4
			path = append(path[:min(depth, len(path))], name)
			continue
		}
		m := tapLine.FindStringSubmatch(line)
		if m == nil || len(r.Tests) >= maxTests {
			continue
		}
		status := "pass"
		if m[2] == "not ok" {
			status = "fail"
		}
		if m[4] != "" {
			status = "skip"
		}
		depth := min(len(m[1])/4, len(path))
		name := strings.Join(append(path[:depth:depth], m[3]), " > ")
		r.Tests = append(r.Tests, hotfix.TestResult{Name: name, Status: status})
	}
	return r
}

// readJest reads the JSON of jest, which vitest also writes.
func readJest(report []byte) Report {
	var j struct {
		TestResults []struct {
			Name             string `json:"name"`
			Status           string `json:"status"`
			AssertionResults []struct {
				FullName string `json:"fullName"`
				Status   string `json:"status"`
			} `json:"assertionResults"`
		} `json:"testResults"`
	}
	if json.Unmarshal(report, &j) != nil {
		return Report{}
	}
	var r Report
	for _, f := range j.TestResults {
		name := strings.TrimPrefix(f.Name, boot.TreeDir+"/")
		if len(f.AssertionResults) == 0 && f.Status == "failed" {
			r.Tests = append(r.Tests, hotfix.TestResult{Name: name, Status: "fail"}) // the file did not load
		}
		for _, a := range f.AssertionResults {
			status := map[string]string{"passed": "pass", "failed": "fail"}[a.Status]
			if status == "" {
				status = "skip"
			}
			if len(r.Tests) < maxTests {
				r.Tests = append(r.Tests, hotfix.TestResult{Name: name + " > " + a.FullName, Status: status})
			}
		}
	}
	return r
}
