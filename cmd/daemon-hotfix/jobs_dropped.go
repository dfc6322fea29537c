package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"text/tabwriter"
)

// A jobsDroppedCmd lists why failures led to no case.
type jobsDroppedCmd struct {
	storeFlags `embed:""`

	JSON bool `help:"One line of JSON each." name:"json"`
}

// Help is the long text of `jobs dropped --help`.
func (*jobsDroppedCmd) Help() string {
	return `A failure that the daemon takes for its own, or that the settings do not let count, leads to no case. Each such reason is counted by
event and repository, as long as deliveries are kept. Why a case has no issue or no draft is in the case: /hotfix explain.

Examples:
  daemon-hotfix jobs dropped --json`
}

// Run prints the list.
func (c *jobsDroppedCmd) Run(ctx context.Context, std streams) error {
	s, err := c.open(ctx)
	if err != nil {
		return err
	}
	defer s.Close()
	list, err := s.Drops(ctx)
	if err != nil {
		return err
	}
	if c.JSON {
		out := json.NewEncoder(std.Out)
		for _, d := range list {
			if err := out.Encode(d); err != nil {
				return err
			}
		}
		return nil
	}
	if len(list) == 0 {
		_, err := fmt.Fprintln(std.Out, "nothing was dropped")
		return err
	}
	t := tabwriter.NewWriter(std.Out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(t, "RULE\tEVENT\tREPOSITORY\tTIMES\tLAST\tBECAUSE")
	for _, d := range list {
		fmt.Fprintf(t, "%s\t%s\t%s\t%d\t%s\t%s\n", plain(d.Rule), plain(d.Event), cmp.Or(plain(d.Repo), "-"), d.N, d.Last.Format("2006-01-02 15:04:05"), plain(d.Because))
	}
	return t.Flush()
}
