package forge

import (
	"bytes"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v66/github"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// lineIn returns which of the lines reads so, perhaps after a time of its own, 0 if none does.
func lineIn(lines [][]byte, text string) int64 {
	text = strings.TrimSpace(text)
	for i, l := range lines {
		_, said := stamped(l)
		plain := strings.TrimSpace(escapes.ReplaceAllString(string(said), ""))
		if strings.Contains(text, "[REDACTED") {
			plain = redact.Scrub(plain).String()
		}
		if before, ok := strings.CutSuffix(plain, text); ok && len(before) <= len("2026-01-02T03:04:05.123456789Z ") && !strings.ContainsAny(before, "\"'=") {
			return int64(i + 1)
		}
	}
	return 0
}

// stepLog returns the lines of a job's log that the n-th step wrote, nothing if it is not certain where they begin: a step's first line is
// "##[group]Run ...", in the second in which it started or the next; so is that of a step inside it, or inside the one before it.
func stepLog(raw []byte, steps []*github.TaskStep, n int) [][]byte {
	lines := bytes.Split(bytes.TrimPrefix(raw, []byte("\uFEFF")), []byte("\n"))
	from, to := steps[n].GetStartedAt().Time, steps[n].GetCompletedAt().Time
	if from.IsZero() || to.IsZero() {
		return nil
	}
	var begins, named []int
	end := len(lines)
	for i, l := range lines {
		t, said := stamped(l)
		if t.IsZero() { // a line of the message before
			continue
		}
		if second := t.Truncate(time.Second); second.After(to) {
			end = i
			break
		} else if second.Before(from) || second.After(from.Add(time.Second)) || !bytes.HasPrefix(said, []byte("##[group]Run ")) {
			continue
		}
		begins = append(begins, i)
		if strings.TrimSpace(string(said)) == "##[group]"+steps[n].GetName() {
			named = append(named, i)
		}
	}
	if len(named) == 1 {
		begins = named
	}
	if len(begins) == 0 || len(begins) > 1 && !alone(steps, n) {
		return nil
	}
	first := begins[0]
	if first > 0 && bytes.Contains(lines[first-1], []byte("##[debug]")) { // the log of a run with debugging on begins before
		return nil
	}
	return lines[first:end]
}

// alone reports whether the step before the n-th ended in an earlier second than the n-th started.
func alone(steps []*github.TaskStep, n int) bool {
	for _, before := range slices.Backward(steps[:n]) {
		if before.GetConclusion() != "skipped" {
			return before.GetCompletedAt().Before(steps[n].GetStartedAt().Time)
		}
	}
	return false
}

// stamped parts a line of a log from its time stamp; the time is zero if it has none.
func stamped(line []byte) (time.Time, []byte) {
	stamp, said, ok := bytes.Cut(line, []byte(" "))
	t, err := time.Parse(time.RFC3339Nano, string(stamp))
	if !ok || err != nil {
		return time.Time{}, line
	}
	return t.UTC(), said
}
