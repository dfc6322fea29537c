package redact

import (
	"compress/gzip"
	"encoding/json"
	"errors"
	"io"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

// A devRow is one record of the development data. Offsets count characters.
type devRow struct {
	ID, Text, Container string
	Secrets             []devSpan
	Neutral             []devSpan
}

type devSpan struct {
	Start, End int
	Kind       string
}

func devRows(t testing.TB) []devRow {
	t.Helper()
	f, err := os.Open("testdata/dev.jsonl.gz")
	require.NoError(t, err)
	defer f.Close()
	z, err := gzip.NewReader(f)
	require.NoError(t, err)
	var rows []devRow
	for d := json.NewDecoder(z); ; {
		var row devRow
		if err := d.Decode(&row); errors.Is(err, io.EOF) {
			return rows
		} else {
			require.NoError(t, err)
		}
		rows = append(rows, row)
	}
}

// places returns the byte offset of every character of s, and of its end.
func places(s string) []int {
	var at []int
	for i := range s {
		at = append(at, i)
	}
	return append(at, len(s))
}

func TestScrub_developmentData(t *testing.T) {
	t.Parallel()
	rows := devRows(t)
	require.Len(t, rows, 682)
	secrets, negatives, removed, right := 0, 0, 0, 0
	for _, row := range rows {
		at := places(row.Text)
		known := make([]bool, len(row.Text))
		mark := func(spans []devSpan) {
			for _, s := range spans {
				for i := at[s.Start]; i < at[s.End]; i++ {
					known[i] = true
				}
			}
		}
		mark(row.Secrets)
		mark(row.Neutral)
		gone := make([]bool, len(row.Text))
		spans := Find(row.Text)
		for _, s := range spans {
			for i := s.Start; i < s.End; i++ {
				gone[i] = true
				removed++
				if known[i] {
					right++
				}
			}
		}
		for _, s := range row.Secrets {
			secrets++
			left := 0
			for i := at[s.Start]; i < at[s.End]; i++ {
				if !gone[i] {
					left++
				}
			}
			require.LessOrEqual(t, left, 2, "%s: %s in %s survives: %s", row.ID, s.Kind, row.Container, Scrub(row.Text))
		}
		if len(row.Secrets) == 0 {
			negatives++
			if len(row.Neutral) == 0 {
				require.Empty(t, spans, "%s: %s", row.ID, Scrub(row.Text))
			}
		}
		once := Scrub(row.Text)
		require.Equal(t, once, Scrub(once.String()), "scrubbing %s again changes it", row.ID)
	}
	require.Equal(t, 346, secrets)
	require.Equal(t, 336, negatives)
	require.GreaterOrEqual(t, float64(right)/float64(removed), 0.999, "characters removed that are of a secret")
}
