package evals

import (
	"fmt"
	"regexp"
	"strings"
)

// Times and commits differ from run to run and from machine to machine; texts are compared without them.
var varying = []struct {
	what *regexp.Regexp
	by   string
}{
	{regexp.MustCompile(` in [0-9.]+(ns|µs|ms|s|m[0-9.]+s)\b`), " in <time>"},
	{regexp.MustCompile(`\b[0-9a-f]{40}\b`), "<commit>"},
	{regexp.MustCompile(`<!-- daemon-hotfix (\S+) [0-9a-f]{32} -->`), "<!-- daemon-hotfix $1 <code> -->"},
	{regexp.MustCompile(`<!-- daemon-hotfix:state .* -->`), "<!-- daemon-hotfix:state <sealed> -->"},
	{regexp.MustCompile(`http://127\.0\.0\.1:\d+`), "<forge>"},
	{regexp.MustCompile(`(?m)^index [0-9a-f]+\.\.[0-9a-f]+`), "index <blobs>"},
}

// plain is a text without what varies.
func plain(text string) string {
	for _, v := range varying {
		text = v.what.ReplaceAllString(text, v.by)
	}
	return text
}

// golden compares texts with those that the fixture has, or rewrites these.
func (r *Result) golden(f *Fixture, update bool) error {
	for _, name := range []string{"issue.md", "pr.md", "patch.diff"} {
		want, kept := f.Want[name]
		got := r.Page.Texts[name]
		switch {
		case !kept || strings.TrimSpace(got) == strings.TrimSpace(want):
		case update:
			if err := f.Set("want/"+name, []byte(got)); err != nil {
				return err
			}
		default:
			r.problem("want/%s differs: %s", name, firstDifference(want, got))
		}
	}
	return nil
}

func firstDifference(want, got string) string {
	w, g := strings.Split(strings.TrimSpace(want), "\n"), strings.Split(strings.TrimSpace(got), "\n")
	for i := range max(len(w), len(g)) {
		a, b := "(end)", "(end)"
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d is %q, want %q", i+1, b, a)
		}
	}
	return "only in white space"
}
