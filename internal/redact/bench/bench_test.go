// Package bench runs the redactor beside gitleaks, as a library, on the same log in the same run.
package bench

import (
	"bufio"
	"compress/gzip"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/zricethezav/gitleaks/v8/detect"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// piece is how much gitleaks is given at once. It runs a rule over all of its text when the rule's keyword is anywhere
// in it, so that small pieces flatter it.
const piece = 4 << 10

type record struct {
	Text    string `json:"text"`
	Secrets []struct {
		Start int `json:"start"`
		End   int `json:"end"`
	} `json:"secrets"`
}

func records(tb testing.TB) (clean, dirty []record) {
	file, err := os.Open("../testdata/dev.jsonl.gz")
	if err != nil {
		tb.Fatal(err)
	}
	defer file.Close()
	unzipped, err := gzip.NewReader(file)
	if err != nil {
		tb.Fatal(err)
	}
	lines := bufio.NewScanner(unzipped)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		var r record
		if err := json.Unmarshal(lines.Bytes(), &r); err != nil {
			tb.Fatal(err)
		}
		if len(r.Secrets) == 0 {
			clean = append(clean, r)
		} else {
			dirty = append(dirty, r)
		}
	}
	return clean, dirty
}

// mixedLog is a log of about n bytes in pieces of whole records, one in fifty with a secret.
func mixedLog(tb testing.TB, n int) []string {
	clean, dirty := records(tb)
	rnd := rand.New(rand.NewPCG(1, 1))
	var pieces []string
	var b strings.Builder
	for size := 0; size < n; {
		from := clean
		if rnd.IntN(50) == 0 {
			from = dirty
		}
		text := from[rnd.IntN(len(from))].Text + "\n"
		size += len(text)
		b.WriteString(text)
		if b.Len() >= piece {
			pieces = append(pieces, b.String())
			b.Reset()
		}
	}
	return append(pieces, b.String())
}

func detector(tb testing.TB) *detect.Detector {
	d, err := detect.NewDetectorDefaultConfig()
	if err != nil {
		tb.Fatal(err)
	}
	d.IgnoreGitleaksAllow = true
	return d
}

// gitleaks removes what gitleaks finds in text.
func gitleaks(d *detect.Detector, text string) string {
	for _, f := range d.DetectString(text) {
		text = strings.ReplaceAll(text, f.Secret, "[REDACTED]")
	}
	return text
}

func BenchmarkRedaction(b *testing.B) {
	for name, size := range map[string]int{"1MB": 1 << 20, "10MB": 10 << 20} {
		log := mixedLog(b, size)
		whole := strings.Join(log, "")
		b.Run(name+"/ours", func(b *testing.B) {
			b.SetBytes(int64(len(whole)))
			for b.Loop() {
				redact.Scrub(whole)
			}
		})
		b.Run(name+"/gitleaks", func(b *testing.B) {
			d := detector(b)
			b.SetBytes(int64(len(whole)))
			for b.Loop() {
				for _, p := range log {
					gitleaks(d, p)
				}
			}
		})
	}
}

// BenchmarkRecall reports which share of the secrets in the development data is gone afterwards, and which share of the
// texts without any was touched.
func BenchmarkRecall(b *testing.B) {
	clean, dirty := records(b)
	d := detector(b)
	for name, scrub := range map[string]func(string) string{
		"ours": func(s string) string { return redact.Scrub(s).String() }, "gitleaks": func(s string) string { return gitleaks(d, s) },
	} {
		b.Run(name, func(b *testing.B) {
			gone, all, touched := 0, 0, 0
			for b.Loop() {
				gone, all, touched = 0, 0, 0
				for _, r := range clean {
					if scrub(r.Text) != r.Text {
						touched++
					}
				}
				for _, r := range dirty {
					text, left := []rune(r.Text), scrub(r.Text)
					for _, s := range r.Secrets {
						all++
						if !strings.Contains(left, string(text[s.Start:s.End])) {
							gone++
						}
					}
				}
			}
			b.ReportMetric(float64(gone)/float64(all), "recall")
			b.ReportMetric(float64(touched)/float64(len(clean)), "touched-without-secret")
		})
	}
}
