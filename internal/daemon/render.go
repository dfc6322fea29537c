package daemon

import (
	"bytes"
	"embed"
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"text/template"
	"time"
	"unicode/utf8"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// What people read is in texts/*.md. Outside text enters them only through fence, code, prose and line.
//
//go:embed texts/*.md
var textFiles embed.FS

var texts = template.Must(template.New("").Funcs(template.FuncMap{
	"fence":     func(s any) string { return fence(fmt.Sprint(s)) },
	"code":      func(s any) string { return code(fmt.Sprint(s)) },
	"cut":       func(t redact.Text) redact.Text { return redact.Cut(t, 4000) },
	"prose":     func(s any) string { return prose(fmt.Sprint(s)) },
	"at":        func(t time.Time) string { return t.UTC().Format("2006-01-02 15:04 UTC") },
	"line":      func(s any) string { return line(fmt.Sprint(s), 60) },
	"command":   command,
	"abstained": triage.Abstained,
	"assessed":  assessed,
	"percent":   func(p float64) string { return fmt.Sprintf("%.0f%%", p*100) },
	"decided":   decided,
	"runs":      runs,
	"snoozed":   snoozed,
	"standing":  standing,
	"tests":     tests,
	"others":    others,
	"plus":      func(a, b int) int { return a + b },
}).ParseFS(textFiles, "texts/*.md"))

var reporters = regexp.MustCompile(` --(?:test-reporter|reporter|json|outputFile|reporters)(?:-[a-z]+)?(?:=\S+)?| -json| -count=1`)

// command is a test command as a person would type it: without the shell around it and the report it writes for us.
func command(s string) string {
	if inner, ok := strings.CutPrefix(s, "sh -c '"); ok {
		s = strings.TrimSuffix(inner, "'")
	}
	return reporters.ReplaceAllString(s, "")
}

// decided is an action in words.
func decided(d hotfix.Decision) string {
	switch d.Action {
	case hotfix.Fix:
		return "Attempt a fix."
	case hotfix.Report:
		return "Keep this issue, attempt no fix."
	}
	return "Do nothing."
}

// runs counts how many of some runs of the added tests ended as they should.
func runs(list []hotfix.TestRun, pass bool) string {
	n := 0
	for _, r := range list {
		if r.Passed == pass {
			n++
		}
	}
	if pass {
		return fmt.Sprintf("**passed** %d of %d times", n, len(list))
	}
	return fmt.Sprintf("**failed** %d of %d times", n, len(list))
}

// tests sums up one run of all tests.
func tests(r *hotfix.TestRun) string {
	if r.Passed {
		return r.Sum()
	}
	return strings.Replace(r.Sum(), "failed", "**failed**", 1)
}

// render fills in texts/name.md. The result is scrubbed like everything that is published.
func (d *Daemon) render(name string, data any) (redact.Text, error) {
	var b bytes.Buffer
	if err := texts.ExecuteTemplate(&b, name+".md", data); err != nil {
		return redact.Text{}, fmt.Errorf("text %s: %w", name, err)
	}
	return redact.Scrub(strings.TrimSpace(b.String()) + "\n"), nil
}

// An issuePage is what texts/issue.md shows.
type issuePage struct {
	hotfix.Case
	Marker  string
	State   string // the line that brings the case back
	Class   hotfix.Class
	Excerpt string
	Opaque  bool         // the message alone does not say what failed
	Move    *hotfix.Move // the latest, nil if it is only new
	Spark   string       // how often on each of the last days
	Cause   triage.Cause
	Source  string // link to the first place in the plugin's own code
	RunURL  string
	JobURL  string // of the step that failed, or of the line of its log that shows it
	Command string // that shows the failure in the repository
	// FirstError is the line of the log where the failure shows first, 0 if none does.
	FirstError int
	Notify     []string
	TrigURL    string
	Server     string
}

// issueBody renders the issue of c within the longest body allowed: first the log excerpt is cut, then the message.
func (d *Daemon) issueBody(c hotfix.Case, s Settings) (redact.Text, error) {
	page := d.issuePage(c, s)
	name := "issue"
	if c.Fingerprint == pageCase {
		name, page.State, page.Notify = "page", "", logins(append(s.Notify, d.cfg.Breaker.Notify...))
	}
	body, err := d.render(name, page)
	if err != nil || utf8.RuneCountInString(body.String()) <= s.MaxBodyChars {
		return body, err
	}
	page.Excerpt, page.FirstError = "", 0
	page.Latest.Message = redact.Cut(page.Latest.Message, s.MaxBodyChars/4)
	page.Latest.Stack = redact.Cut(page.Latest.Stack, s.MaxBodyChars/4)
	body, err = d.render(name, page)
	if err != nil || utf8.RuneCountInString(body.String()) <= s.MaxBodyChars {
		return body, err
	}
	page.State = ""
	page.Attempts, page.Audit, page.Moves = last(page.Attempts, 3), last(page.Audit, 5), last(page.Moves, 5)
	return d.render(name, page)
}

// repoName is what a repository may be called, and nothing that Markdown reads.
var repoName = regexp.MustCompile(`^[\w.-]+/[\w.-]+$`)

// Linked is a plugin's id; that of another plugin, as an outage has them, links its repository.
func (p issuePage) Linked(id string) string {
	name, _, _ := strings.Cut(id, ":")
	repo, err := hotfix.ParseRepo(name)
	if err != nil || others(p.Case) == 0 || !repoName.MatchString(name) {
		return code(id)
	}
	return fmt.Sprintf("[%s](%s/%s)", code(id), p.Server, repo)
}

// others is how many plugins besides the latest fail with a case, as they do in an outage.
func others(c hotfix.Case) int {
	ids := map[string]bool{c.Latest.Plugin.ID: true}
	for _, p := range c.Places {
		ids[p.Plugin] = true
	}
	return len(ids) - 1
}

// last is the last n of list.
func last[T any](list []T, n int) []T { return list[max(0, len(list)-n):] }

// issuePage gathers what the issue of c shows.
func (d *Daemon) issuePage(c hotfix.Case, s Settings) issuePage {
	f := c.Latest
	page := issuePage{Case: c, Marker: d.marker(c), State: d.state(c), Class: triage.Classify(f), Spark: spark(c, d.cfg.Now()), Cause: triage.CauseOf(f),
		Notify: logins(s.Notify), TrigURL: d.link(f.Trigger), Server: d.cfg.Server}
	if page.Excerpt, page.FirstError = triage.Numbered(f.Logs, excerptMax); page.Excerpt == "" && len(f.Remarks) > 0 {
		page.Excerpt = folds.ReplaceAllString(redact.Join(f.Remarks, "\n").String(), "") // an excerpt already: its lines have no numbers
	}
	f.Logs, f.Remarks = nil, nil
	page.Opaque = triage.Opaque(f)
	if n := len(c.Moves); n > 1 {
		page.Move = &c.Moves[n-1]
	}
	if f.Run != nil && strings.HasPrefix(f.Run.URL, d.cfg.Server+"/") && !strings.ContainsAny(f.Run.URL, " ()<>[]\"'\n") {
		page.RunURL = f.Run.URL
		if f.Run.Job != 0 {
			page.JobURL = fmt.Sprintf("%s/job/%d", strings.TrimRight(f.Run.URL, "/"), f.Run.Job)
			if f.Run.Step != 0 {
				page.JobURL += fmt.Sprintf("#step:%d:%d", f.Run.Step, max(f.Run.Line, 1))
			}
		}
	}
	if at := page.Cause.Frame; at != nil {
		page.Source = d.source(f, *at)
	}
	for _, a := range c.Attempts {
		if before := a.Outcome.Evidence.Before; len(before) > 0 {
			page.Command = command(before[0].Command)
		}
	}
	return page
}

// folds are the marks by which a page of Actions folds a log, where there is nothing to fold.
var folds = regexp.MustCompile(`(?m)^##\[endgroup\]\n?|^##\[group\]`)

// excerptMax bounds the log excerpt of an issue, in bytes.
const excerptMax = 6000

// source is a place in the plugin's code, as a link to the version that failed where that is known.
func (d *Daemon) source(f hotfix.Failure, at triage.Frame) string {
	name := fmt.Sprintf("%s line %d", at.File, at.Line)
	if at.Func != "" {
		name += ", in " + at.Func
	}
	version := f.Plugin.Ref
	if f.Run != nil && f.Run.SHA != "" {
		version = f.Run.SHA
	}
	if version == "" || strings.Contains(version, ":") || f.Plugin.Repo.IsZero() || strings.HasPrefix(at.File, "/") {
		return code(name)
	}
	path := url.URL{Path: f.Plugin.Repo.String() + "/blob/" + version + "/" + at.File}
	link := d.cfg.Server + "/" + strings.NewReplacer("(", "%28", ")", "%29").Replace(path.EscapedPath())
	return fmt.Sprintf("[%s](%s#L%d)", code(name), link, at.Line)
}

// sparkDays is how many days a sparkline shows.
const sparkDays = 14

// spark draws how often c failed on each of the last days.
func spark(c hotfix.Case, now time.Time) string {
	days := c.PerDay(now, sparkDays)
	high := slices.Max(days)
	if high == 0 || c.Count == 1 {
		return ""
	}
	bars := []rune("▁▂▃▄▅▆▇█")
	var b strings.Builder
	for _, n := range days {
		if n == 0 {
			b.WriteRune('·')
			continue
		}
		b.WriteRune(bars[(n*len(bars)-1)/high])
	}
	return fmt.Sprintf("`%s` over %d days, up to %d a day, %d today", b.String(), sparkDays, high, days[len(days)-1])
}

// logins keeps what can be a GitHub login or team, since these are the only mentions that are ever made.
func logins(names []string) []string {
	var out []string
	for _, n := range names {
		n = strings.TrimPrefix(n, "@")
		if n != "" && len(n) <= 80 && strings.Trim(n, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-/_") == "" {
			out = append(out, n)
		}
	}
	return out
}

// link is the address of what the plugin was reacting to. The redirecting host keeps GitHub from writing
// "mentioned this" into somebody else's thread.
func (d *Daemon) link(t hotfix.Trigger) string {
	if t.Repo.IsZero() || t.Number == 0 {
		return ""
	}
	server := d.cfg.Server
	if server == "https://github.com" {
		server = "https://redirect.github.com"
	}
	return fmt.Sprintf("%s/%s/%s/issues/%d", server, url.PathEscape(t.Repo.Owner), url.PathEscape(t.Repo.Name), t.Number)
}
