package evals

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// A Step is one line of a story:
//
//	send event                    the kernel sends events/event.json, or event.json
//	send event again              the very same request once more, as on a redelivery
//	send event x20                twenty occurrences, a minute apart; {{n}} counts them over the whole story
//	send event x20 at once        at the same moment
//	send event unsigned           signed with a key that is not the kernel's
//	send event late               with an attestation that has expired
//	send event expired            with a GitHub credential that is no good any more
//	wait 3h                       time passes
//	close 1 not_planned           a person closes issue or pull request 1; also completed
//	reopen 1
//	merge 2                       a person merges pull request 2
//	edit 1 TEXT                   a person adds a line at the end of issue 1
//	comment 1 mona TEXT           a person comments; the kernel passes on what begins with /hotfix
//	fail 503 POST /repos/a/b/issues   the next such call of GitHub's API fails; the path may be a part of one
//	watch                         the daemon looks at drafts, silences and held-back figures, as it does every few minutes
//	restart                       the daemon is stopped and started again on the same store
//	commit NAME                   the files under history/NAME are committed on the default branch
//
// Each step waits until the daemon has done all there is to do.
type Step struct {
	Verb  string
	Args  []string
	Times int
	How   string // of send: "", "again", "unsigned", "late", "expired"
	Once  bool   // all at the same moment
	Text  string // the rest of the line
}

// stepArgs is how many words follow a verb before the text.
var stepArgs = map[string]int{"send": 1, "wait": 1, "close": 2, "reopen": 1, "merge": 1, "edit": 1, "comment": 2, "fail": 3, "restart": 0, "watch": 0, "commit": 1}

func parseStory(text string) ([]Step, error) {
	var out []Step
	for i, line := range strings.Split(text, "\n") {
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		s, err := parseStep(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", i+1, err)
		}
		out = append(out, s)
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("nothing happens in it")
	}
	return out, nil
}

func parseStep(line string) (Step, error) {
	words := strings.Fields(line)
	n, known := stepArgs[words[0]]
	if !known {
		return Step{}, fmt.Errorf("%q is not something that can happen", words[0])
	}
	if len(words) <= n {
		return Step{}, fmt.Errorf("%s needs %d words after it", words[0], n)
	}
	s := Step{Verb: words[0], Args: words[1 : n+1], Times: 1, Text: strings.Join(words[n+1:], " ")}
	switch s.Verb {
	case "send":
		return s.sent(words[2:])
	case "wait":
		if _, err := time.ParseDuration(s.Args[0]); err != nil {
			return s, err
		}
	case "close", "reopen", "merge", "edit", "comment":
		if _, err := strconv.Atoi(s.Args[0]); err != nil {
			return s, fmt.Errorf("%q is not the number of an issue", s.Args[0])
		}
	}
	return s, nil
}

// sent reads what stands after the name of an event.
func (s Step) sent(words []string) (Step, error) {
	if i := slices.Index(words, "at"); i >= 0 && i+1 < len(words) && words[i+1] == "once" {
		s.Once, words = true, slices.Delete(slices.Clone(words), i, i+2)
	}
	for _, w := range words {
		n, err := strconv.Atoi(strings.TrimPrefix(w, "x"))
		switch {
		case strings.HasPrefix(w, "x") && err == nil && n > 0 && n <= 1000:
			s.Times = n
		case slices.Contains([]string{"again", "unsigned", "late", "expired"}, w):
			s.How = w
		default:
			return s, fmt.Errorf("send does not know %q", w)
		}
	}
	return s, nil
}
