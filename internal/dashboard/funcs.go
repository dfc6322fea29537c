package dashboard

import (
	"fmt"
	"html/template"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// funcs are what templates can say. Outside text goes through show.
var funcs = template.FuncMap{
	"show":     func(s any) string { return show(fmt.Sprint(s)) },
	"short":    func(n int, s any) string { return short(show(fmt.Sprint(s)), n) },
	"number":   func(n any) string { return number(int(toInt(n))) },
	"money":    money,
	"at":       at,
	"stamp":    func(t time.Time) string { return t.UTC().Format(time.RFC3339) },
	"ago":      func(t time.Time) string { return ago(time.Since(t)) },
	"took":     took,
	"ending":   ending,
	"times":    times,
	"decided":  decided,
	"stateIs":  stateIs,
	"fateIs":   fateIs,
	"tone":     tone,
	"risk":     func(r hotfix.Risk) string { return r.String() },
	"link":     link,
	"path":     url.PathEscape,
	"change":   change,
	"verdict":  verdict,
	"passed":   func(r []hotfix.TestRun, want bool) string { return passed(r, want) },
	"percent":  func(n, of int) int { return min(100, 100*n/max(of, 1)) },
	"add":      func(a, b int) int { return a + b },
	"x":        func(i, width, n int) string { return decimal(float64(i) * float64(width) / float64(max(n, 1))) },
	"barWidth": func(width, n int) string { return decimal(max(1, float64(width)/float64(max(n, 1))-1)) },
	"d":        decimal,
	"nav": func(page, name, to, label string) navItem {
		return navItem{to, label, page == name || page+"s" == name}
	},
	"rows": func(rows []store.CaseRow, label, counts string) rowsView { return rowsView{rows, label, counts} },
	"held": func() []string { return []string{"plugin", "repo", "rule"} },
}

// A navItem is a link at the top of each page.
type navItem struct {
	To, Label string
	Here      bool
}

// A rowsView is a table of problems. Counts is the heading of its numbers.
type rowsView struct {
	Rows          []store.CaseRow
	Label, Counts string
}

func decimal(f float64) string { return strconv.FormatFloat(f, 'f', 1, 64) }

func toInt(n any) int64 {
	switch n := n.(type) {
	case int:
		return int64(n)
	case int64:
		return n
	}
	return 0
}

// show makes characters visible that could hide or reorder text.
func show(s string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n', r == '\t':
			return r
		case unicode.IsControl(r):
			return '␀'
		case unicode.Is(unicode.Cf, r), r == '\u2028', r == '\u2029':
			return '·'
		}
		return r
	}, s)
}

// short is s on one line of at most n characters.
func short(s string, n int) string {
	s = strings.Join(strings.Fields(s), " ")
	if r := []rune(s); len(r) > n {
		return string(r[:n-1]) + "…"
	}
	return s
}

// number is n with thin spaces between thousands.
func number(n int) string {
	s := strconv.Itoa(n)
	neg := strings.HasPrefix(s, "-")
	s = strings.TrimPrefix(s, "-")
	for i := len(s) - 3; i > 0; i -= 3 {
		s = s[:i] + "\u2009" + s[i:]
	}
	if neg {
		s = "−" + s
	}
	return s
}

func money(f float64) string {
	switch {
	case f == 0:
		return "$0"
	case f < 0.01:
		return "< $0.01"
	}
	return fmt.Sprintf("$%.2f", f)
}

func at(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2 Jan 2006 15:04 UTC")
}

// ago is how long since, in one unit.
func ago(d time.Duration) string {
	switch {
	case d < 0:
		return "just now"
	case d < time.Minute:
		return fmt.Sprintf("%d s ago", int(d.Seconds()))
	case d < time.Hour:
		return fmt.Sprintf("%d min ago", int(d.Minutes()))
	case d < 48*time.Hour:
		return fmt.Sprintf("%d h ago", int(d.Hours()))
	}
	return fmt.Sprintf("%d days ago", int(d.Hours()/24))
}

func took(d time.Duration) string {
	switch {
	case d == 0:
		return "0 s"
	case d < time.Second:
		return fmt.Sprintf("%d ms", max(d.Milliseconds(), 1))
	case d < time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%d min %d s", int(d.Minutes()), int(d.Seconds())%60)
}

// decided is an action in words.
func decided(a hotfix.Action) string {
	switch a {
	case hotfix.Fix:
		return "attempt a fix"
	case hotfix.Report:
		return "issue only"
	}
	return "only count"
}

// stateIs is a state in words.
func stateIs(s hotfix.State) string {
	switch s {
	case hotfix.Fixing:
		return "draft waits"
	case hotfix.FixMerged:
		return "fix merged"
	case "":
		return "new"
	}
	return string(s)
}

// tone is the colour of a state or an ending.
func tone(s any) string {
	switch fmt.Sprint(s) {
	case "fixing", "fix-merged", "verified", "draft-opened", "low", "merged", "edited":
		return "good"
	case "escalating", "regressed", "broken", "high", "rejected", "reverted":
		return "bad"
	case "new", "ongoing", "open", "refused", "over-budget", "medium":
		return "warn"
	case "":
		return "live"
	}
	return "quiet"
}

// link is the address of an issue or pull request where people read it.
func link(server string, repo any, number int) string {
	owner, name, _ := strings.Cut(fmt.Sprint(repo), "/")
	return fmt.Sprintf("%s/%s/%s/issues/%d", server, url.PathEscape(owner), url.PathEscape(name), number)
}

// change is how a figure compares with the one before.
func change(now, before int) string {
	switch {
	case before == 0 && now == 0:
		return ""
	case before == 0:
		return "new"
	case now == before:
		return "as before"
	case now >= 2*before:
		return fmt.Sprintf("×%.1f", float64(now)/float64(before))
	}
	return fmt.Sprintf("%+d %%", 100*(now-before)/before)
}

// verdict sums up one run of all tests.
func verdict(r *hotfix.TestRun) string {
	if r == nil {
		return "not run"
	}
	return r.Sum()
}

// passed counts how many runs of the added tests ended as they should.
func passed(list []hotfix.TestRun, want bool) string {
	n, word := 0, "failed"
	if want {
		word = "passed"
	}
	for _, r := range list {
		if r.Passed == want {
			n++
		}
	}
	return fmt.Sprintf("%s %d of %d times", word, n, len(list))
}

// ruleMeans says what a rule of the policy is about, for the ledger; rules without words stand for themselves.
func ruleMeans(rule string) string {
	return map[string]string{
		"":                       "nothing was decided yet",
		"breaker-hour":           "too many new issues in one repository within an hour",
		"breaker-day":            "too many new issues in one repository within a day",
		"breaker-all":            "too many new issues over all: a time of silence",
		"duplicate-of":           "counted on another problem",
		"own-failure":            "the daemon's own failure",
		"own-issue":              "about an issue of the daemon",
		"snoozed":                "a person asked for quiet for a while",
		"stopped":                "a person stopped attempts",
		"switched-off":           "the installation switched the daemon off",
		"repository-not-allowed": "the operator did not allow the repository",
		"muted":                  "a person closed the issue as not planned",
		"own-repository":         "the daemon's own repository",
		"kernel":                 "the kernel itself failed",
		"fixes-off":              "fixes are off, or there is no model or no sandbox",
		"attempt-under-way":      "an attempt is under way",
		"proposal-open":          "a draft waits for review",
		"daily-limit":            "the day's attempts in this repository are used up",
		"transient":              "a passing trouble of the network or the platform",
		"not-code":               "an address, a permission or a setting rather than code",
		"pull-request":           "belongs to a pull request whose author is at work",
		"too-soon":               "the last attempt was a short while ago and nothing changed",
		"too-many-attempts":      "as many attempts as allowed were made",
	}[rule]
}
