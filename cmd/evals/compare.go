package main

import (
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
)

type compareCmd struct {
	A string `arg:"" help:"A report.json, or the folder it is in." type:"path"`
	B string `arg:"" help:"Another one." type:"path"`
}

// Help is the long text of `evals compare --help`.
func (*compareCmd) Help() string {
	return `Examples:
  evals compare before.json after.json`
}

// Run is `evals compare`.
func (c *compareCmd) Run() error {
	a, err := evals.ReadReport(c.A)
	if err != nil {
		return err
	}
	b, err := evals.ReadReport(c.B)
	if err != nil {
		return err
	}
	differences, worse := evals.Compare(a, b), 0
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', 0)
	for _, d := range differences {
		mark := ""
		if d.Worse {
			mark, worse = "WORSE", worse+1
		}
		fmt.Fprintf(w, "%s\t%s\t%s\n\t\tnow %s\n", d.Name, mark, d.Was, d.Is)
	}
	if err := w.Flush(); err != nil {
		return err
	}
	fmt.Printf("A: %s\nB: %s\n", a.Line(), b.Line())
	switch {
	case worse > 0:
		return fmt.Errorf("%d of %d differences make B worse than A", worse, len(differences))
	case len(differences) == 0:
		fmt.Println("No decision and no text differs.")
	}
	return nil
}
