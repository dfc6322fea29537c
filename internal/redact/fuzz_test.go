package redact

import (
	"math/rand/v2"
	"strings"
	"testing"
)

// FuzzScrub: whatever the text, scrubbing ends, is idempotent and finds places that exist.
func FuzzScrub(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for i, v := range vessels {
		m := makers[i%len(makers)]
		f.Add(v.write(r, m.keys[0], m.draw(r)))
	}
	// What fuzzing found once.
	f.Add("00000_KEY KEY 0")
	f.Add("APIKEY=\x1b[Re" + mix)
	f.Add("APIKEY=n!api-" + mix + mix + " 00000000000000.00000A127")
	f.Add("-----BEGIN RSA PRIV" + "ATE KEY-----\nabc")
	f.Add(strings.Repeat("0", 34) + ".00000.00")
	f.Fuzz(func(t *testing.T, s string) {
		last := 0
		for _, span := range Find(s) {
			if span.Kind == "withheld" {
				t.Fatalf("judging %q failed", s)
			}
			if span.Start < last || span.End <= span.Start || span.End > len(s) {
				t.Fatalf("span %v of %q", span, s)
			}
			last = span.End
		}
		once := Scrub(s).String()
		if again := Scrub(once).String(); again != once {
			t.Fatalf("%q\nbecomes %q\nthen    %q", s, once, again)
		}
	})
}

// FuzzWriter: no planted secret survives, whatever stands around it and wherever the text is split.
func FuzzWriter(f *testing.F) {
	f.Add("a log line", "\nthe end", uint64(1), uint16(7))
	f.Add("{\"a\":\"", "\"}", uint64(2), uint16(30))
	f.Fuzz(func(t *testing.T, before, after string, seed uint64, split uint16) {
		r := rand.New(rand.NewPCG(seed, 8))
		m := makers[r.IntN(len(makers))]
		v := vessels[r.IntN(len(vessels))]
		if !v.keyed && !m.alone {
			return
		}
		value := m.draw(r)
		text := before + "\n" + v.write(r, m.keys[r.IntN(len(m.keys))], value) + "\n" + after
		cut := int(split) % (len(text) + 1)
		var out strings.Builder
		w := NewWriter(&out)
		for _, part := range []string{text[:cut], text[cut:]} {
			if _, err := w.Write([]byte(part)); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		if want := Scrub(text).String(); out.String() != want {
			t.Fatalf("split at %d: %q, whole: %q", cut, out.String(), want)
		}
		secret := secretPart(m, value)
		if strings.Contains(text, secret) && strings.Contains(out.String(), secret) && !strings.Contains(before+after, secret) {
			t.Fatalf("%s in %s survives in %q", m.kind, v.name, out.String())
		}
	})
}
