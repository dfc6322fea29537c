package main

import (
	"encoding/json"
	"os"
	"path/filepath"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
)

type reportCmd struct {
	From   string `arg:"" help:"A report.json, or the folder it is in." type:"path"`
	Format string `help:"html, markdown or junit." enum:"html,markdown,junit" default:"html"`
}

// Help is the long text of `evals report --help`.
func (*reportCmd) Help() string {
	return `Examples:
  evals report out/live --format markdown > live.md`
}

// Run is `evals report`.
func (c *reportCmd) Run() error {
	r, err := evals.ReadReport(c.From)
	if err != nil {
		return err
	}
	text, err := map[string]func() ([]byte, error){"html": r.HTML, "markdown": r.Markdown, "junit": r.JUnit}[c.Format]()
	if err != nil {
		return err
	}
	_, err = os.Stdout.Write(text)
	return err
}

// writeReports writes a report in every format.
func writeReports(dir string, r *evals.Report) error {
	for name, make := range map[string]func() ([]byte, error){"report.html": r.HTML, "report.md": r.Markdown, "junit.xml": r.JUnit,
		"report.json": func() ([]byte, error) { return json.Marshal(r) }} {
		text, err := make()
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(dir, name), text, 0o644); err != nil {
			return err
		}
	}
	return nil
}
