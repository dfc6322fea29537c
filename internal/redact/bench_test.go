package redact

import (
	"bytes"
	"io"
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// mixedLog is a log of about n bytes: lines of the development data, one record in four hundred with a secret.
func mixedLog(b testing.TB, n int) string {
	var lines, dirty []string
	for _, row := range devRows(b) {
		if len(row.Secrets) > 0 {
			dirty = append(dirty, row.Text)
			continue
		}
		lines = append(lines, strings.SplitAfter(row.Text, "\n")...)
	}
	r := rand.New(rand.NewPCG(1, 1))
	var out strings.Builder
	for out.Len() < n {
		if r.IntN(400) == 0 {
			out.WriteString(dirty[r.IntN(len(dirty))])
			continue
		}
		out.WriteString(lines[r.IntN(len(lines))])
	}
	return out.String()
}

func BenchmarkScrub(b *testing.B) {
	for _, bench := range []struct {
		name string
		size int
	}{{"1MB", 1 << 20}, {"10MB", 10 << 20}, {"100KB", 100 << 10}} {
		b.Run(bench.name, func(b *testing.B) {
			text := mixedLog(b, bench.size)
			b.SetBytes(int64(len(text)))
			b.ReportAllocs()
			for b.Loop() {
				Scrub(text)
			}
		})
	}
	b.Run("clean", func(b *testing.B) {
		text := Scrub(mixedLog(b, 1<<20)).String()
		b.SetBytes(int64(len(text)))
		for b.Loop() {
			Scrub(text)
		}
	})
}

func BenchmarkCopy(b *testing.B) {
	text := []byte(mixedLog(b, 10<<20))
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Copy(io.Discard, bytes.NewReader(text)); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkCopyLong copies a log of 1 GB: what is in use does not grow with it.
func BenchmarkCopyLong(b *testing.B) {
	const size = 1 << 30
	b.SetBytes(size)
	for b.Loop() {
		short, long := peak(b, 1<<20), peak(b, size)
		b.ReportMetric(float64(short)/(1<<20), "MB-peak-of-1-MB")
		b.ReportMetric(float64(long)/(1<<20), "MB-peak-of-1-GB")
	}
}

// BenchmarkKnown looks for known values, as many as a busy process holds.
func BenchmarkKnown(b *testing.B) {
	r := rand.New(rand.NewPCG(2, 2))
	full := &register{}
	for range 64 {
		full.add("v" + pick(r, alnum, 40))
	}
	text := mixedLog(b, 1<<20)
	b.SetBytes(int64(len(text)))
	for b.Loop() {
		full.find(text, func(int, int) bool { return true })
	}
}

// hostile are pieces that, repeated, make a careless matcher look at everything again and again.
var hostile = []string{
	"token=", "token: ", "token ", "token,", "token\t", "a,token\n", "key", "password\":\"", "\\\"token\\\":\\\"", "\\", "://", "://a:", "://a@", "postgres://a:b/", "-----BEGIN PRIV" + "ATE KEY-----", "-----END PRIV" + "ATE KEY-----",
	"-----BEGIN PRIV" + "ATE KEY-----\nabcd\n", "private-lines: 1\n", "gh" + "s_", "gh" + "s_a1", "eyJ" + "hbGciOi", "%3a", "\\u0022", "&quot;", "\"kty\":", "{\"kty\":\"d\":\"", "Cookie: a=b;", "Authorization: ", "Bearer ", "Basic ",
	"A", "0", "a1B2", "/", "=", "aaaa=", "-us", ":AA", "1:AA", "MII", "Q~", "+ASt", "name: token\n", "token\": |\n ", "mnemonic: a ", "(token", "token(\"", "<token>", "<token a=", "$2b$", ":5432:", "curl -u ", " -p", "docker login -p ", "[REDACTED:", "[REDACTED:token]", "\x1b[1m", "token\x1b[1m", "é", "\n",
}

func BenchmarkHostile(b *testing.B) {
	for _, piece := range hostile {
		text := strings.Repeat(piece, (256<<10)/len(piece))
		b.Run(piece, func(b *testing.B) {
			b.SetBytes(int64(len(text)))
			for b.Loop() {
				Scrub(text)
			}
		})
	}
}

// TestScrub_hostileTextsEnd: none of them may take the square of its length; a hundred seconds would be that.
func TestScrub_hostileTextsEnd(t *testing.T) {
	for _, piece := range hostile {
		text := strings.Repeat(piece, (128<<10)/len(piece))
		start := time.Now()
		once := Scrub(text).String()
		if took := time.Since(start); took > 20*time.Second {
			t.Errorf("%q repeated to %d bytes takes %s", piece, len(text), took)
		}
		if again := Scrub(once).String(); again != once {
			i := 0
			for i < len(once) && i < len(again) && once[i] == again[i] {
				i++
			}
			t.Errorf("%q repeated is not clean after one pass: %q, then %q", piece, once[max(0, i-40):min(len(once), i+60)], again[max(0, i-40):min(len(again), i+60)])
		}
	}
}
