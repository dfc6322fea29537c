package redact

import (
	"bytes"
	"errors"
	"io"
	"math/rand/v2"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"
)

// planted is a text of about n bytes with secrets of every kind in it, and the secrets.
func planted(r *rand.Rand, n int) (string, []string) {
	var b strings.Builder
	var secrets []string
	for i := 0; b.Len() < n; i++ {
		b.WriteString("2026-01-02T03:04:05Z HEAD is now at " + pick(r, hexSet, 40) + "\n")
		for b.Len()%7 != 0 {
			b.WriteString("x")
		}
		m := makers[i%len(makers)]
		place := vessels[r.IntN(len(vessels))]
		if !place.keyed && !m.alone || strings.Contains(place.name, "base64") || place.name == "csv" {
			continue
		}
		v := m.draw(r)
		b.WriteString("\n" + place.write(r, m.keys[r.IntN(len(m.keys))], v) + "\n")
		secrets = append(secrets, secretPart(m, v))
	}
	return b.String(), secrets
}

func throughWriter(t *testing.T, text string, cuts ...int) string {
	t.Helper()
	var out bytes.Buffer
	w := NewWriter(&out)
	from := 0
	for _, cut := range append(cuts, len(text)) {
		n, err := w.Write([]byte(text[from:cut]))
		require.NoError(t, err)
		require.Equal(t, cut-from, n)
		from = cut
	}
	require.NoError(t, w.Close())
	return out.String()
}

func TestWriter_anySplitGivesTheSameText(t *testing.T) {
	t.Parallel()
	text, secrets := planted(rand.New(rand.NewPCG(1, 2)), 2500)
	require.Greater(t, len(secrets), 5)
	want := Scrub(text).String()
	for i := range text {
		require.Equal(t, want, throughWriter(t, text, i), "split at %d", i)
	}
}

func TestWriter_longTextsEqualTheWhole(t *testing.T) {
	t.Parallel()
	for seed := range uint64(4) {
		r := rand.New(rand.NewPCG(seed, 3))
		text, secrets := planted(r, 300_000)
		want := Scrub(text).String()
		var cuts []int
		for at := 0; at < len(text); at += 1 + r.IntN(50_000) {
			cuts = append(cuts, at)
		}
		got := throughWriter(t, text, cuts...)
		if want != got {
			i := 0
			for i < len(want) && i < len(got) && want[i] == got[i] {
				i++
			}
			require.Failf(t, "the stream differs", "seed %d at %d:\nwhole  %q\nstream %q", seed, i, want[max(0, i-300):min(len(want), i+200)], got[max(0, i-300):min(len(got), i+200)])
		}
		for _, s := range secrets {
			if i := strings.Index(got, s[max(0, len(s)/2-6):min(len(s), len(s)/2+6)]); i >= 0 {
				require.Failf(t, "a secret survives", "%q in %q", s, got[max(0, i-200):i+100])
			}
		}
	}
}

func TestWriter_secretsAcrossBlocks(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(5, 5))
	secret := "ghs" + "_1234567_" + drawJWT(r)
	body := strings.Repeat(drawn("", b64Set, 63)(r)+"A\n", 40)
	pem := "-----BEGIN RSA PRIV" + "ATE KEY-----\n" + body + "-----END RSA PRIV" + "ATE KEY-----"
	for value, hidden := range map[string]string{secret: secret, pem: body[:64]} {
		for offset := -3000; offset <= 100; offset += 97 {
			for _, edge := range []int{block, block + reach} {
				text := strings.Repeat("a log line of no interest\n", (edge+offset)/26) + "> " + value + " <\n" + strings.Repeat("more of it\n", 10_000)
				got := throughWriter(t, text)
				require.Equal(t, Scrub(text).String(), got, "offset %d", offset)
				require.Empty(t, survives(got, hidden), "offset %d", offset)
			}
		}
	}
}

func TestWriter_aSecretTooLongToHoldIsWithheld(t *testing.T) {
	t.Parallel()
	r := rand.New(rand.NewPCG(9, 9))
	value := "ghs" + "_" + pick(r, alnum, 5*widest)
	got := throughWriter(t, "before "+value+" after\n"+strings.Repeat("text\n", 100_000))
	require.Less(t, len(got), 600_000)
	require.Contains(t, got, "before ")
	require.Contains(t, got, " after\n")
	require.Empty(t, survives(got, value[:4096]))
	require.Empty(t, survives(got, value[len(value)-4096:]))
}

// peak is the most that was in use while a log of n bytes was copied, beyond what was in use before.
func peak(t testing.TB, n int64) int64 {
	var m runtime.MemStats
	runtime.GC()
	runtime.ReadMemStats(&m)
	before, most := m.HeapInuse, m.HeapInuse
	src := &repeat{text: mixedLog(t, 1<<20), then: func() {
		runtime.ReadMemStats(&m)
		most = max(most, m.HeapInuse)
	}}
	copied, err := Copy(io.Discard, io.LimitReader(src, n))
	require.NoError(t, err)
	require.NotZero(t, copied)
	return int64(most - before)
}

// A stream takes no more memory the longer it is.
func TestCopy_holdsOnlyABlock(t *testing.T) {
	short, long := peak(t, 1<<20), peak(t, 64<<20)
	require.Less(t, long, 2*short+(4<<20), "of 64 MB; of 1 MB it was %d", short)
}

func TestCopy_tellsOfErrors(t *testing.T) {
	t.Parallel()
	broken := errors.New("disk full")
	_, err := Copy(failing{broken}, strings.NewReader(strings.Repeat("a b\n", 100_000)))
	require.ErrorIs(t, err, broken)
	var out bytes.Buffer
	_, err = Copy(&out, iotest.TimeoutReader(strings.NewReader(strings.Repeat("a b\n", 100_000))))
	require.ErrorIs(t, err, iotest.ErrTimeout)
}

type failing struct{ err error }

func (f failing) Write([]byte) (int, error) { return 0, f.err }

// repeat gives its text for ever, and calls then before each piece.
type repeat struct {
	text string
	at   int
	then func()
}

func (r *repeat) Read(p []byte) (int, error) {
	r.then()
	n := copy(p, r.text[r.at:])
	r.at = (r.at + n) % len(r.text)
	return n, nil
}
