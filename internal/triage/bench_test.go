package triage

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// hostile are messages of 8 KB that are hard on scanners.
func hostile() map[string]string {
	fill := func(s string) string { return strings.Repeat(s, 8192/len(s)) }
	return map[string]string{
		"digits": fill("1234567890"), "quotes": fill("'"), "double quotes": fill(`"a"`), "slashes": fill("/"), "path": fill("/ab"), "parentheses": fill("("),
		"nested": strings.Repeat("{\"a\":", 1600), "brackets": fill("[["), "colons": fill("a:"), "at": fill("at x "), "frames": fill("    at f (/a/b.js:1:2)\n"), "words": fill("unable to fetch thing "),
		"hex": fill("deadbeef01"), "newlines": fill("\n"), "errors": fill("Error: "), "holes": fill("\u2026"), "escapes": fill("\x1b["), "json string": `{"error":"` + fill(`\"`), "spaces": fill(" "),
		"equals": fill("a=1 "), "mails": fill("a@b.c "), "dots": fill("."), "unicode": fill("\u00e9"), "urls": fill("https://a.b/c "), "one url": "https://" + fill("a/"), "go": fill("main.f()\n\t/a/b.go:1 +0x1\n"),
		"angle": fill("<a"), "long word": fill("abcdefgh"), "dashes": fill("a1-"), "cause": "x\n" + fill("[cause]: {"), "for": fill("for "), "unknown names": fill("for xqzw "), "apostrophes": fill("a'b "), "backslashes": fill(`\`),
	}
}

func BenchmarkFingerprint(b *testing.B) {
	raw, err := readBench()
	if err != nil {
		b.Fatal(err)
	}
	b.ResetTimer()
	i := 0
	for b.Loop() {
		Fingerprint(raw[i%len(raw)])
		i++
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "messages/s")
}

// BenchmarkLong times messages of 8 KB one by one: of several messages each, and the hard ones.
func BenchmarkLong(b *testing.B) {
	raw, err := readBench()
	if err != nil {
		b.Fatal(err)
	}
	var long []hotfix.Failure
	for i := range 200 {
		var text strings.Builder
		for j := i; text.Len() < 8192; j++ {
			text.WriteString(raw[j%len(raw)].Message.String() + "\n")
		}
		long = append(long, hotfix.Failure{Message: redact.Scrub(text.String()[:8192])})
	}
	for _, text := range hostile() {
		long = append(long, hotfix.Failure{Message: redact.Scrub(text)})
	}
	b.ResetTimer()
	var took []time.Duration
	for i := 0; b.Loop(); i++ {
		began := time.Now()
		Fingerprint(long[i%len(long)])
		took = append(took, time.Since(began))
	}
	slices.Sort(took)
	b.ReportMetric(float64(took[len(took)*99/100].Microseconds()), "p99-µs")
}

// BenchmarkGrouping groups the development data and says how well.
func BenchmarkGrouping(b *testing.B) {
	benchGrouping(b, readLabelled(b, "testdata/grouping-dev.jsonl"))
}

// BenchmarkUnseen groups sets that the rules were not made on.
func BenchmarkUnseen(b *testing.B) {
	for _, set := range []string{"unseen-a", "unseen-b"} {
		b.Run(set, func(b *testing.B) { benchGrouping(b, variedRows(b, set+".txt", 4)) })
	}
}

func benchGrouping(b *testing.B, rows []labelled) {
	var got figures
	for b.Loop() {
		got = score(rows)
	}
	b.ReportMetric(got.precision, "pair-precision")
	b.ReportMetric(got.f1, "F1")
	b.ReportMetric(got.ga, "groups-right")
	b.ReportMetric(float64(got.hidden), "bugs-hidden")
}

// BenchmarkHostile times one message of 8 KB of each hard kind.
func BenchmarkHostile(b *testing.B) {
	for name, text := range hostile() {
		f := hotfix.Failure{Message: redact.Scrub(text)}
		b.Run(name, func(b *testing.B) {
			for b.Loop() {
				Fingerprint(f)
			}
		})
	}
}

func readBench() ([]hotfix.Failure, error) {
	v := newFiller()
	forms, err := formsOf("varied.txt")
	if err != nil {
		return nil, err
	}
	var out []hotfix.Failure
	for _, g := range forms {
		l := labelled{Text: v.fill(g.forms[0])}
		l.Ctx.Repo, l.Ctx.Actor = v.repo(), v.user()
		out = append(out, l.failure())
	}
	return out, nil
}
