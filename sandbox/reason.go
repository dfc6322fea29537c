package sandbox

import (
	"regexp"
	"slices"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A likeness is what a failure is known by again in the output of a test.
type likeness struct {
	marks []string // kinds of errors, quoted texts, names as code has them, files of its stack
	words []string // its words in their order
}

// rowMin is how many words in a row show that one text quotes another.
const rowMin = 3

var (
	errorKind  = regexp.MustCompile(`\b[A-Z]\w*(?:Error|Exception)\b|\bruntime error: [a-z ]{5,30}|\b[A-Z]{2,}_[A-Z_]+\b|\bE[A-Z]{4,}\b`)
	inQuotes   = regexp.MustCompile("[\"'`]([^\"'`\\n]{3,60})[\"'`]")
	mixedName  = regexp.MustCompile(`\b[a-z_$][a-z0-9_$]*(?:[A-Z_]\w+)+\b|\b[A-Z][a-z0-9]+(?:[A-Z]\w+)+\b`)
	stackFile  = regexp.MustCompile(`[\w-]+\.(?:[cm]?[jt]sx?|go|py):\d+`)
	address    = regexp.MustCompile(`\bhttps?://\S+|\bHTTP \(target:[^)]*\)`)
	plainWord  = regexp.MustCompile(`[A-Za-z_$][\w$]{2,}`)
	emptyWords = set("error", "errors", "exception", "fail", "failed", "failure", "failing", "unknown", "internal", "server", "status", "code", "http", "the", "with", "was", "has",
		"plugin", "workflow", "run", "job", "exit", "process", "completed", "undefined", "null")
	plainWords = set("AssertionError", "ERR_ASSERTION", "undefined")
	literal    = regexp.MustCompile("\"(?:[^\"\\\\\\n]|\\\\.){12,}\"|'(?:[^'\\\\\\n]|\\\\.){12,}'|`(?:[^`\\\\]|\\\\.){12,}`")
)

func set(words ...string) map[string]bool {
	m := map[string]bool{}
	for _, w := range words {
		m[w] = true
	}
	return m
}

// like reads what was reported. Addresses are left out: a test reaches none.
func like(reported string) likeness {
	text := address.ReplaceAllString(reported, " ")
	var l likeness
	add := func(mark string) {
		if mark = strings.TrimSpace(mark); !plainWords[mark] && !slices.Contains(l.marks, mark) && len(l.marks) < 60 {
			l.marks = append(l.marks, mark)
		}
	}
	for _, re := range []*regexp.Regexp{errorKind, mixedName} {
		for _, m := range re.FindAllString(text, 40) {
			add(m)
		}
	}
	for _, m := range inQuotes.FindAllStringSubmatch(text, 40) {
		add(m[1])
	}
	for _, m := range stackFile.FindAllString(text, 40) {
		file, _, _ := strings.Cut(m, ":")
		add(file + ":")
	}
	l.words = plainWord.FindAllString(text, 300)
	return l
}

// row is how many words in a row must be there again: all, of a failure that says little.
func (l likeness) row() int { return min(rowMin, len(l.words)) }

// silent reports whether there is nothing to compare with.
func (l likeness) silent() bool {
	return len(l.marks) == 0 && !slices.ContainsFunc(l.words, func(w string) bool { return !emptyWords[strings.ToLower(w)] })
}

// in reports whether the output of a test recalls the failure: one of its marks is there, or some of its words in a row.
// What the test itself says, its titles and texts, does not count.
func (l likeness) in(run hotfix.TestRun, test string) bool {
	out := run.Output.String()
	for _, own := range literal.FindAllString(test, 500) {
		out = strings.ReplaceAll(out, own[1:len(own)-1], "")
	}
	if slices.ContainsFunc(l.marks, func(m string) bool { return strings.Contains(out, m) }) {
		return true
	}
	there := " " + strings.Join(plainWord.FindAllString(out, 20_000), " ") + " "
	row := l.row()
	for i := range max(len(l.words)-row+1, 0) {
		if said := l.words[i : i+row]; row > 0 && strings.Contains(there, " "+strings.Join(said, " ")+" ") {
			return true
		}
	}
	return false
}

// reason is the gate that the added tests of one file fail on the old code for the reason that was reported, each time. Those of
// other files may show other sides of the fault.
func (r *trial) reason(files []string) error {
	reported := r.Reported.String()
	if strings.TrimSpace(reported) == "" {
		return nil // there is nothing to reproduce but the test itself
	}
	l := like(reported)
	if l.silent() {
		r.gap("reason-unknown", "What was reported names no error, so no test can be shown to fail for the same reason. "+
			"Unless the log says more, call give-up with not-reproducible and say what the failure should have told.")
		return nil
	}
	for i, name := range files {
		text, err := r.new.Read(name)
		if err != nil {
			return err
		}
		before := r.evidence.Before[i*times : (i+1)*times]
		if !slices.ContainsFunc(before, func(run hotfix.TestRun) bool { return !l.in(run, text) }) {
			return nil
		}
	}
	r.gap("reported-reason", "Without the patch, %s fails in another way than was reported: nothing that it prints recalls the failure. "+
		"Let one test fail as reported, with the kind of error or the words of its message.", strings.Join(files, ", "))
	return nil
}
