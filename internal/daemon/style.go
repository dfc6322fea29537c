package daemon

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// styleCommits is how many commits a repository's style is learned from.
const styleCommits = 40

var conventional = regexp.MustCompile(`^(?:build|chore|ci|docs|feat|fix|perf|refactor|revert|style|test)(?:\([\w./ -]+\))?!?: \S`)

// styled writes a title as the repository writes its own: with a type in front where most commits have one, and with
// a capital or without.
func styled(t *sandbox.Tree, title string) string {
	history, err := t.History(styleCommits, "")
	if err != nil || len(history) < 3 {
		return title
	}
	typed, capital, all := 0, 0, 0
	for _, c := range history {
		subject, _, _ := strings.Cut(c.Message, "\n")
		if strings.HasPrefix(subject, "Merge ") || strings.TrimSpace(subject) == "" {
			continue
		}
		all++
		rest := subject
		if conventional.MatchString(subject) {
			typed++
			_, rest, _ = strings.Cut(subject, ": ")
		}
		if r, _ := utf8.DecodeRuneInString(rest); unicode.IsUpper(r) {
			capital++
		}
	}
	switch {
	case all == 0:
		return title
	case 5*typed >= 3*all && !conventional.MatchString(title):
		return "fix: " + cased(title, 5*capital >= 3*all)
	case conventional.MatchString(title):
		return title
	}
	return cased(title, 2*capital >= all)
}

// cased changes the first letter, unless the first word has capitals of its own, as names do.
func cased(s string, capital bool) string {
	r, n := utf8.DecodeRuneInString(s)
	word, _, _ := strings.Cut(s[n:], " ")
	if word != strings.ToLower(word) || strings.ContainsAny(word, "._()`") {
		return s
	}
	if capital {
		return string(unicode.ToUpper(r)) + s[n:]
	}
	return string(unicode.ToLower(r)) + s[n:]
}

// pullTemplates are where a repository keeps the form of its pull requests.
var pullTemplates = []string{".github/pull_request_template.md", ".github/PULL_REQUEST_TEMPLATE.md", "pull_request_template.md", "PULL_REQUEST_TEMPLATE.md",
	"docs/pull_request_template.md", "docs/PULL_REQUEST_TEMPLATE.md"}

// A formPart is one heading of a repository's own form, with what is said under it.
type formPart struct{ Heading, Says string }

var (
	htmlComment = regexp.MustCompile(`(?s)<!--.*?-->`)
	headingLine = regexp.MustCompile(`(?m)^#{1,4}\s+(.+?)\s*#*$`)
)

// form fills in the repository's own form, as far as its headings say what they want.
func form(t *sandbox.Tree) []formPart {
	for _, name := range pullTemplates {
		text, err := t.Read(name)
		if err != nil {
			continue
		}
		var out []formPart
		for _, m := range headingLine.FindAllStringSubmatch(htmlComment.ReplaceAllString(text, ""), 12) {
			says := "Left to the reviewer."
			switch h := strings.ToLower(m[1]); {
			case containsAny(h, "test", "verif", "qa", "proof"):
				says = "See the evidence above."
			case containsAny(h, "issue", "resolves", "fixes", "closes", "related", "ticket"):
				says = "See the issue that is named at the top."
			case containsAny(h, "what", "why", "summary", "description", "change", "motivation", "context"):
				says = "See what was wrong, and why this fixes it, above."
			case containsAny(h, "risk", "breaking", "impact", "review"):
				says = "See the risk above."
			}
			out = append(out, formPart{m[1], says})
		}
		return out
	}
	return nil
}

func containsAny(s string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(s, w) {
			return true
		}
	}
	return false
}
