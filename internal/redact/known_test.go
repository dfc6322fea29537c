package redact

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"html"
	"math/rand/v2"
	"net/url"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// The values of these tests look like nothing in particular, so that only the register can find them.
const plainKnown = "Lorem?ipsum&dolor sit/amet+42"

func backwards(s string) string {
	b := []byte(s)
	slices.Reverse(b)
	return string(b)
}

func TestScrub_knownValueInEveryForm(t *testing.T) {
	t.Parallel()
	NewSecret(plainKnown)
	inJSON, err := json.Marshal(plainKnown)
	require.NoError(t, err)
	tests := []struct{ name, text string }{
		{"plain", plainKnown},
		{"a part", plainKnown[5:18]},
		{"hexadecimal", hex.EncodeToString([]byte(plainKnown))},
		{"upper hexadecimal", strings.ToUpper(hex.EncodeToString([]byte(plainKnown)))},
		{"URI", url.QueryEscape(plainKnown)},
		{"path", url.PathEscape(plainKnown)},
		{"JSON", string(inJSON)},
		{"XML", html.EscapeString(plainKnown)},
		{"reversed", backwards(plainKnown)},
		{"broken over lines", plainKnown[:14] + "\n    " + plainKnown[14:]},
		{"broken over lines in JSON", plainKnown[:14] + `\n` + plainKnown[14:]},
		{"base64", base64.StdEncoding.EncodeToString([]byte(plainKnown))},
		{"base64, one byte before", base64.StdEncoding.EncodeToString([]byte("\x01" + plainKnown + "\x02"))},
		{"base64, two bytes before", base64.URLEncoding.EncodeToString([]byte("\x01\x03" + plainKnown + "\x02"))},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			text := "before " + tt.text + " after"
			require.True(t, leaks(text))
			out := Scrub(text).String()
			require.Contains(t, out, "[REDACTED:")
			require.False(t, leaks(out), out)
			require.Empty(t, survives(out, tt.text), out)
			require.True(t, strings.HasPrefix(out, "before ") && strings.HasSuffix(out, " after"), out)
		})
	}
	require.False(t, leaks("before Lorem?ipsum after"), "a part of less than 12 bytes is no leak")
}

func TestNewSecret_shortValuesAreNotLookedFor(t *testing.T) {
	t.Parallel()
	NewSecret("kernel")
	require.Equal(t, "the kernel says no", Scrub("the kernel says no").String())
	NewSecret("Zq4!Zq4!")
	require.Equal(t, "a [REDACTED:known] b", Scrub("a Zq4!Zq4! b").String())
}

func TestNewSecret_linesOfAKey(t *testing.T) {
	t.Parallel()
	lines := []string{"b2tlZXBlcm9mdGhlaG91c2VvZmNhcmRz", "c29tZXRoaW5nZWxzZWVudGlyZWx5aGVyZQ"}
	NewSecret("-----BEGIN SOMETHING-----\n" + strings.Join(lines, "\n") + "\n-----END SOMETHING-----")
	for _, l := range lines {
		require.NotContains(t, Scrub("> "+l+" <").String(), l[4:16])
	}
	require.Equal(t, "-----BEGIN SOMETHING-----", Scrub("-----BEGIN SOMETHING-----").String())
}

func TestRegister_firstValuesStayAndLatestReplaceTheOldest(t *testing.T) {
	t.Parallel()
	r := &register{}
	value := func(i int) string { return fmt.Sprintf("value of number %06d here", i*7919) }
	const all = 4 * (keepFirst + keepLatest)
	for i := range all {
		r.add(value(i))
	}
	require.Len(t, r.own.values, keepFirst)
	held := func(i int) (found bool) {
		r.find("text "+value(i)+" text", func(start, end int) bool {
			found = found || start == 5 && end == 5+len(value(i))
			return true
		})
		return found
	}
	require.True(t, held(0))
	require.True(t, held(keepFirst-1))
	require.False(t, held(keepFirst))
	require.True(t, held(all-keepLatest))
	require.True(t, held(all-1))
}

func TestRegister_longValuesAreFoundInParts(t *testing.T) {
	t.Parallel()
	r := &register{}
	random := rand.New(rand.NewPCG(3, 3))
	long := pick(random, alnum, 800)
	r.add(long)
	for _, form := range formsOf(long) {
		for at := 0; at+40 <= len(form); at += 37 {
			found := false
			r.find(" "+form[at:at+40]+" ", func(int, int) bool { found = true; return false })
			require.True(t, found, "a part at %d of %.20s", at, form)
		}
	}
}

// BenchmarkKnow is what it costs to learn the token and the attestation of one delivery.
func BenchmarkKnow(b *testing.B) {
	r, random := &register{}, rand.New(rand.NewPCG(4, 4))
	for b.Loop() {
		r.add(pick(random, alnum, 40))
		r.add(pick(random, alnum, 800))
	}
}

func TestRegister_manyAtOnce(t *testing.T) {
	t.Parallel()
	r := &register{}
	var wait sync.WaitGroup
	for i := range 8 {
		wait.Go(func() {
			random := rand.New(rand.NewPCG(uint64(i), 1))
			for range 30 {
				v := pick(random, alnum, 24)
				r.add(v)
				found := false
				r.find("text "+v+" text", func(start, end int) bool {
					found = found || start == 5 && end == 29
					return true
				})
				if !found {
					t.Errorf("%s is not found", v)
				}
			}
		})
	}
	wait.Wait()
}

// leaks reports whether a known value, or a part of one, still stands in s in any form.
func leaks(s string) (found bool) {
	known.find(s, func(int, int) bool {
		found = true
		return false
	})
	return found
}
