package redact

import (
	"encoding/base64"
	"fmt"
	"math/rand/v2"
	"net/url"
	"os"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// The sets of testdata/unseen-*.txt were written before anybody looked at what the rules make of them. A line is a kind and a text:
// «ghp_ A36» is a secret that is assembled when the test runs, ‹bob› may go or stay, {sha} is a value that must stay.
var (
	secretHole  = regexp.MustCompile(`«[^»]*»|‹[^›]*›`)
	valueHole   = regexp.MustCompile(`\{(?:(hex|b|u|A|U|H|l|d)(\d+)|(sha|sha7|uuid|time|snow))\}`)
	randomPiece = regexp.MustCompile(`^([AhHbudUlwB])(\d+)$`)
	alphabets   = map[string]string{"A": alnum, "h": hexSet, "hex": hexSet, "H": "0123456789ABCDEF", "b": b64Set, "u": nameSet, "d": digits,
		"U": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567", "l": "abcdefghijklmnopqrstuvwxyz0123456789", "w": alnum + "!#$%^*._+=-~", "B": "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"}
)

// unseenNoise are lines that stand around a text.
var unseenNoise = []string{
	"{time} ##[group]Run npm ci", "    at async run (/home/runner/work/web/web/src/index.ts:12:7)", "HEAD is now at {sha7} fix: a thing", "x-request-id: {uuid}",
	"Syncing repository: acme/web", "npm warn deprecated glob@7.2.3: no longer supported", "{\"level\":30,\"msg\":\"listening\",\"port\":8080}", "Digest: sha256:{hex64}",
}

// unseenRows makes n texts of every line of a set, always the same.
func unseenRows(t testing.TB, file string, n int) []devRow {
	t.Helper()
	raw, err := os.ReadFile("testdata/" + file)
	require.NoError(t, err)
	r := rand.New(rand.NewPCG(4, uint64(len(raw))))
	var rows []devRow
	for line := range strings.Lines(string(raw)) {
		kind, text, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " | ")
		require.True(t, ok, line)
		for i := range n {
			row := devRow{ID: fmt.Sprintf("%s-%d", kind, i), Container: kind}
			row.compose(r, kind, noise(r)+text+noise2(r))
			rows = append(rows, row)
		}
	}
	return rows
}

func noise(r *rand.Rand) string {
	if r.IntN(2) == 0 {
		return ""
	}
	return unseenNoise[r.IntN(len(unseenNoise))] + `\n`
}

func noise2(r *rand.Rand) string { return strings.TrimSuffix(`\n`+noise(r), `\n`) }

// compose fills in the holes of a text and notes where its secrets are.
func (row *devRow) compose(r *rand.Rand, kind, text string) {
	var b strings.Builder
	add := func(s string) (int, int) {
		start := len([]rune(b.String()))
		b.WriteString(s)
		return start, start + len([]rune(s))
	}
	plain := func(s string) {
		filled := valueHole.ReplaceAllStringFunc(s, func(hole string) string { return drawValue(r, hole) })
		b.WriteString(strings.NewReplacer(`\\`, `\`, `\n`, "\n").Replace(filled))
	}
	last := 0
	for _, at := range secretHole.FindAllStringIndex(text, -1) {
		plain(text[last:at[0]])
		hole := text[at[0]:at[1]]
		inner := strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(strings.TrimPrefix(hole, "«"), "‹"), "»"), "›")
		if strings.HasPrefix(hole, "‹") {
			start, end := add(inner)
			row.Neutral = append(row.Neutral, devSpan{Start: start, End: end})
		} else {
			before, secret, after := drawSecret(r, inner)
			for i, s := range []string{before, secret, after} {
				start, end := add(s)
				if i == 1 {
					row.Secrets = append(row.Secrets, devSpan{Start: start, End: end, Kind: kind})
				} else if s != "" {
					row.Neutral = append(row.Neutral, devSpan{Start: start, End: end})
				}
			}
		}
		last = at[1]
	}
	plain(text[last:])
	row.Text = b.String()
}

func drawValue(r *rand.Rand, hole string) string {
	m := valueHole.FindStringSubmatch(hole)
	if n, err := strconv.Atoi(m[2]); err == nil {
		return pick(r, alphabets[m[1]], n)
	}
	switch m[3] {
	case "sha":
		return pick(r, hexSet, 40)
	case "sha7":
		return pick(r, hexSet, 7)
	case "snow":
		return pick(r, "123456789", 19)
	case "time":
		return fmt.Sprintf("2026-%02d-%02dT%02d:%02d:%02d.%07dZ", 1+r.IntN(12), 1+r.IntN(28), r.IntN(24), r.IntN(60), r.IntN(60), r.IntN(9999999))
	}
	return drawUUID(r)
}

func drawUUID(r *rand.Rand) string {
	return fmt.Sprintf("%s-%s-4%s-a%s-%s", pick(r, hexSet, 8), pick(r, hexSet, 4), pick(r, hexSet, 3), pick(r, hexSet, 3), pick(r, hexSet, 12))
}

// drawSecret assembles a secret; a key's header and footer stand before and after it.
func drawSecret(r *rand.Rand, spec string) (before, secret, after string) {
	form, rest, ok := strings.Cut(spec, ": ")
	if !ok {
		return "", assemble(r, spec), ""
	}
	switch form {
	case "say":
		return "", rest, ""
	case "b64":
		return "", base64.StdEncoding.EncodeToString([]byte(assemble(r, rest))), ""
	case "url":
		return "", url.QueryEscape(assemble(r, rest)), ""
	case "pem", "pemesc", "pemcut", "pemquote":
		return drawPEM(r, form, rest)
	}
	return "", assemble(r, spec), ""
}

func assemble(r *rand.Rand, spec string) string {
	var b strings.Builder
	for _, piece := range strings.Fields(spec) {
		m := randomPiece.FindStringSubmatch(piece)
		switch {
		case m != nil:
			n, _ := strconv.Atoi(m[2])
			draw := drawn("", alphabets[m[1]], n)
			if n < 10 || m[1] == "d" {
				draw = func(r *rand.Rand) string { return pick(r, alphabets[m[1]], n) }
			}
			b.WriteString(draw(r))
		case piece == "jwt":
			b.WriteString(drawJWT(r))
		case piece == "uuid":
			b.WriteString(drawUUID(r))
		default:
			b.WriteString(strings.ReplaceAll(piece, "␠", " "))
		}
	}
	return b.String()
}

func drawPEM(r *rand.Rand, form, rest string) (before, secret, after string) {
	cut := strings.LastIndexByte(rest, ' ')
	n, _ := strconv.Atoi(rest[cut+1:])
	var lines []string
	for range n - 1 {
		lines = append(lines, pick(r, b64Set, 64))
	}
	lines = append(lines, pick(r, b64Set, 38)+"==")
	label := rest[:cut]
	sep := map[string]string{"pemesc": `\n`, "pemquote": "\n> "}[form]
	if sep == "" {
		sep = "\n"
	}
	before, after = "-----BEGIN "+label+"-----"+sep, sep+"-----END "+label+"-----"
	if form == "pemcut" {
		after = ""
		lines[n-1] = lines[n-1][:20]
	}
	return before, strings.Join(lines, sep), after
}

// A verdict is what the scorer of redaction says of a set.
type verdict struct {
	secrets, found, negatives, touched int
	removed, right                     int // characters
	missed                             map[string]int
	notes                              []string
}

func (v verdict) recall() float64    { return float64(v.found) / float64(v.secrets) }
func (v verdict) precision() float64 { return float64(v.right) / float64(v.removed) }

// judge compares what was found with the labels, as score_redaction.py does.
func judge(rows []devRow) verdict {
	v := verdict{missed: map[string]int{}}
	for _, row := range rows {
		at := places(row.Text)
		known, gone := make([]bool, len(row.Text)), make([]bool, len(row.Text))
		for _, s := range append(append([]devSpan{}, row.Secrets...), row.Neutral...) {
			for i := at[s.Start]; i < at[s.End]; i++ {
				known[i] = true
			}
		}
		for _, s := range Find(row.Text) {
			for i := s.Start; i < s.End; i++ {
				gone[i] = true
			}
		}
		if tooMuch := v.count(known, gone); len(row.Secrets) == 0 {
			v.negatives++
			if tooMuch {
				v.touched++
				v.notes = append(v.notes, fmt.Sprintf("touched %s: %q -> %q", row.Container, row.Text, Scrub(row.Text)))
			}
		}
		for _, s := range row.Secrets {
			v.secrets++
			if !survivesIn(gone[at[s.Start]:at[s.End]]) {
				v.found++
				continue
			}
			v.missed[row.Container]++
			v.notes = append(v.notes, fmt.Sprintf("missed %s: %q -> %q", row.Container, row.Text, Scrub(row.Text)))
		}
	}
	return v
}

// count counts what was removed. It reports whether four characters in a row were that are of no secret.
func (v *verdict) count(known, gone []bool) bool {
	run, most := 0, 0
	for i := range gone {
		if gone[i] {
			v.removed++
		}
		switch {
		case gone[i] && known[i]:
			v.right++
			run = 0
		case gone[i]:
			run++
			most = max(most, run)
		default:
			run = 0
		}
	}
	return most >= 4
}

// survivesIn reports whether so much of a secret stands in one piece that it is not redacted.
func survivesIn(gone []bool) bool {
	limit, run := 8, 0
	if len(gone) < 16 {
		limit = max(3, len(gone)/2)
	}
	for _, g := range gone {
		if run++; g {
			run = 0
		}
		if run >= limit {
			return true
		}
	}
	return false
}

// unseenSets are the names of the sets, each with the recall that it must not fall below again.
var unseenSets = []struct {
	name   string
	recall float64
}{{"unseen-a", 0.99}, {"unseen-b", 0.98}, {"unseen-c", 0.975}}

func unseenSet(t testing.TB, set string) verdict {
	return judge(append(unseenRows(t, set+".txt", 3), unseenRows(t, set+"-negatives.txt", 3)...))
}

// TestScrub_unseenSets holds what the sets are worth now; what they were worth when they were new is in docs/triage.md.
func TestScrub_unseenSets(t *testing.T) {
	t.Parallel()
	for _, set := range unseenSets {
		v := unseenSet(t, set.name)
		t.Logf("%s: recall %.4f of %d, precision %.4f, touched %d of %d\n%s", set.name, v.recall(), v.secrets, v.precision(), v.touched, v.negatives, strings.Join(v.notes, "\n"))
		require.GreaterOrEqual(t, v.recall(), set.recall, set.name)
		require.GreaterOrEqual(t, v.precision(), 0.99, set.name)
		require.LessOrEqual(t, v.touched*100, v.negatives, set.name)
		for kind, n := range v.missed {
			require.NotRegexp(t, "^(github|pem|url-password)", kind, "%s: %d", set.name, n)
		}
	}
}

// BenchmarkUnseen scores texts that the rules were not made on.
func BenchmarkUnseen(b *testing.B) {
	for _, set := range unseenSets {
		b.Run(set.name, func(b *testing.B) {
			var v verdict
			for b.Loop() {
				v = unseenSet(b, set.name)
			}
			b.ReportMetric(v.recall(), "recall")
			b.ReportMetric(v.precision(), "precision")
			b.ReportMetric(100*float64(v.touched)/float64(v.negatives), "%-touched")
		})
	}
}
