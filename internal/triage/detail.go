package triage

import (
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// detailLines is how many lines of a log belong to the error that starts at the first of them.
const detailLines = 40

// opaque reports whether a message hides what failed: the words that an SDK or a runner says about any failure.
func (r *report) opaque() bool {
	m := strings.ToLower(r.message)
	return r.test == "" && (vague(m) || statusPhrase(m) || r.by != rules1 && runEnded(m) || strings.HasPrefix(m, "process completed with exit code ") || strings.HasPrefix(m, "the operation was canceled"))
}

// runEnded reports whether a message says of a run or check only that it failed, as hotfix.WorkflowRun.Message does.
func runEnded(m string) bool {
	_, how, ended := strings.Cut(m, " ended with ")
	return ended && (strings.HasPrefix(m, "workflow ") || strings.HasPrefix(m, "check ")) && !strings.Contains(how, ":")
}

// Opaque reports whether f does not say what failed, so that one such failure could stand for every bug of a plugin.
func Opaque(f hotfix.Failure) bool { return read(f).opaque() && fromLogs(f, version) == nil }

// fromLogs returns what the logs of f, which hold the comment of an SDK and the logs of a workflow, say about the
// failure; nil if they say nothing.
func fromLogs(f hotfix.Failure, by ruleset) *report {
	all := excerptLines(slices.Concat(f.Logs, f.Remarks))
	best, rank := -1, 1
	for i, line := range all {
		if n := causeRank(all, i, line); n > rank {
			best, rank = i, n
		}
	}
	if best < 0 {
		return nil
	}
	r := &report{by: by}
	text := strings.Join(all[best:min(len(all), best+detailLines)], "\n")
	if plain, _ := stripLine(strings.TrimSpace(all[best])); !strings.HasPrefix(plain, "Traceback") && testName(strings.TrimSpace(all[best])) == "" && !stackFollows(all, best) {
		text = all[best]
	}
	r.text(text, 0)
	if r.message == "" && r.test == "" || r.opaque() {
		return nil
	}
	return r
}

// stackFollows reports whether the line behind i belongs to the error at i.
func stackFollows(all []string, i int) bool {
	for _, line := range all[i+1 : min(len(all), i+4)] {
		if _, ok := parseFrame(strings.TrimSpace(line)); ok || strings.HasPrefix(line, "goroutine ") || strings.HasPrefix(strings.TrimSpace(line), "[cause]") {
			return true
		}
	}
	return false
}

// causeRank is errorRank without lines that only repeat that something failed. The line under an SDK's alert is what
// the SDK caught.
func causeRank(all []string, i int, line string) int {
	text, _ := stripLine(line)
	if contains(text, "Error processing plugin", "HTTP (target:", "Skipping plugin", "[!CAUTION]", "[!WARNING]", "<!--") {
		return 0
	}
	if i > 0 && contains(all[i-1], "[!CAUTION]") {
		return 4
	}
	if vague(stripClasses(text, nil)) {
		return 0
	}
	return errorRank(line)
}
