package evals

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strconv"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
)

// A Spent is what a recorded run used: turns, and tokens summed over them.
type Spent struct{ Turns, In, Out int }

// A CostRow is what a solved fixture took the daemon, and the shell loop beside it.
type CostRow struct {
	Name        string
	Ours, Shell Spent // Shell is zero where it was not recorded
}

// Costs reads what solved fixtures took from their recorded transcripts. Those that were written by hand say nothing.
func Costs(fixtures []*Fixture) ([]CostRow, error) {
	var out []CostRow
	for _, f := range fixtures {
		if !slices.ContainsFunc(f.wanted, Wanted.draft) {
			continue
		}
		ours, err := spent(f.Model)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", f.Name, err)
		}
		shell, err := spent(f.Shell)
		if err != nil {
			return nil, fmt.Errorf("%s: the shell loop: %w", f.Name, err)
		}
		if ours.In > 0 {
			out = append(out, CostRow{f.Name, ours, shell})
		}
	}
	return out, nil
}

// spent sums a transcript up.
func spent(transcript []byte) (s Spent, err error) {
	lines := bufio.NewScanner(bytes.NewReader(transcript))
	lines.Buffer(nil, len(transcript)+1)
	for first := true; lines.Scan(); first = false {
		var t model.Turn
		if first || len(bytes.TrimSpace(lines.Bytes())) == 0 {
			continue // the head
		}
		if err := json.Unmarshal(lines.Bytes(), &t); err != nil {
			return s, fmt.Errorf("read the transcript: %w", err)
		}
		s.Turns, s.In, s.Out = s.Turns+1, s.In+t.Usage.In, s.Out+t.Usage.Out
	}
	return s, lines.Err()
}

// PrintCosts writes the rows as a table in Markdown, with the medians below: of all, and of those that both worked on.
func PrintCosts(out io.Writer, rows []CostRow) error {
	fmt.Fprint(out, "| Fixture | turns | tokens in | tokens out | shell loop: turns | in | out |\n|---|--:|--:|--:|--:|--:|--:|\n")
	var both []CostRow
	for _, r := range rows {
		if r.Shell.Turns > 0 {
			both = append(both, r)
		}
		r.print(out)
	}
	for _, m := range []struct {
		of   string
		rows []CostRow
	}{{"all", rows}, {"both", both}} {
		if len(m.rows) == 0 {
			continue
		}
		middle := CostRow{Name: fmt.Sprintf("**median of %s (%d)**", m.of, len(m.rows)), Ours: median(m.rows, func(r CostRow) Spent { return r.Ours })}
		if m.of == "both" {
			middle.Shell = median(m.rows, func(r CostRow) Spent { return r.Shell })
		}
		middle.print(out)
	}
	_, err := fmt.Fprintln(out)
	return err
}

func (r CostRow) print(out io.Writer) {
	shell := []string{"", "", ""}
	if s := r.Shell; s.Turns > 0 {
		shell = []string{strconv.Itoa(s.Turns), strconv.Itoa(s.In), strconv.Itoa(s.Out)}
	}
	fmt.Fprintf(out, "| %s | %d | %d | %d | %s | %s | %s |\n", r.Name, r.Ours.Turns, r.Ours.In, r.Ours.Out, shell[0], shell[1], shell[2])
}

// median is the middle of each figure by itself; of an even number, the higher one.
func median(rows []CostRow, of func(CostRow) Spent) Spent {
	pick := func(n func(Spent) int) int {
		var all []int
		for _, r := range rows {
			all = append(all, n(of(r)))
		}
		slices.Sort(all)
		return all[len(all)/2]
	}
	return Spent{pick(func(s Spent) int { return s.Turns }), pick(func(s Spent) int { return s.In }), pick(func(s Spent) int { return s.Out })}
}
