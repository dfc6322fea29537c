package triage

import (
	"bufio"
	"encoding/json"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// A labelled is one message with the group that it belongs to.
type labelled struct {
	ID, Text, Group string
	Ctx             struct{ Repo, Actor string }
}

// failure is what a plugin's failure with this message looks like.
func (l labelled) failure() hotfix.Failure {
	f := hotfix.Failure{Plugin: hotfix.Plugin{ID: "plugin"}, Message: redact.Scrub(l.Text)}
	f.Trigger.Actor = l.Ctx.Actor
	f.Trigger.Repo, _ = hotfix.ParseRepo(l.Ctx.Repo)
	return f
}

// figures are how well keys agree with labels.
type figures struct {
	precision, recall, f1, ga float64
	dup, hidden               int // issues beyond the first of a group; groups without an issue of their own
}

// score compares keys with labels: pairs, groups with exactly the right members, and the stream of issues.
func score(rows []labelled) figures {
	type cell struct{ truth, pred string }
	truth, pred, both := map[string]int{}, map[string]int{}, map[cell]int{}
	owner, opened := map[string]string{}, map[string]int{}
	for _, r := range rows {
		key := string(Fingerprint(r.failure()))
		truth[r.Group]++
		pred[key]++
		both[cell{r.Group, key}]++
		if _, ok := owner[key]; !ok {
			owner[key] = r.Group
			opened[r.Group]++
		}
	}
	pairs := func(n int) float64 { return float64(n*(n-1)) / 2 }
	var tp, pp, rp, exact float64
	for c, n := range both {
		tp += pairs(n)
		if n == truth[c.truth] && n == pred[c.pred] {
			exact += float64(n)
		}
	}
	for _, n := range pred {
		pp += pairs(n)
	}
	f := figures{}
	for g, n := range truth {
		rp += pairs(n)
		f.dup += max(opened[g]-1, 0)
		if opened[g] == 0 {
			f.hidden++
		}
	}
	f.precision, f.recall, f.ga = tp/pp, tp/rp, exact/float64(len(rows))
	f.f1 = 2 * f.precision * f.recall / (f.precision + f.recall)
	return f
}

// readLabelled reads labelled messages, one JSON object per line.
func readLabelled(t testing.TB, path string) []labelled {
	t.Helper()
	file, err := os.Open(path)
	require.NoError(t, err)
	defer file.Close()
	var rows []labelled
	in := bufio.NewScanner(file)
	in.Buffer(nil, 1<<20)
	for in.Scan() {
		var r labelled
		require.NoError(t, json.Unmarshal(in.Bytes(), &r))
		rows = append(rows, r)
	}
	require.NoError(t, in.Err())
	return rows
}

func TestGrouping(t *testing.T) {
	t.Parallel()
	for _, set := range []struct {
		name   string
		rows   []labelled
		f1, ga float64
		dup    int
	}{
		{"development data", readLabelled(t, "testdata/grouping-dev.jsonl"), 0.99, 0.98, 1},
		{"varied", variedRows(t, "varied.txt", 6), 0.99, 0.97, 8},
		{"unseen-a", variedRows(t, "unseen-a.txt", 4), 0.98, 0.95, 8},
		{"unseen-b", variedRows(t, "unseen-b.txt", 4), 0.95, 0.90, 12},
	} {
		t.Run(set.name, func(t *testing.T) {
			t.Parallel()
			got := score(set.rows)
			t.Logf("%d texts: %+v", len(set.rows), got)
			require.GreaterOrEqual(t, got.precision, 0.995)
			require.GreaterOrEqual(t, got.f1, set.f1)
			require.GreaterOrEqual(t, got.ga, set.ga)
			require.LessOrEqual(t, got.dup, set.dup)
			require.Zero(t, got.hidden, "a bug without an issue of its own")
		})
	}
}

func TestFingerprintDoesNotDependOnOrder(t *testing.T) {
	t.Parallel()
	rows := variedRows(t, "varied.txt", 3)
	first := map[string]hotfix.Fingerprint{}
	for _, r := range rows {
		first[r.ID] = Fingerprint(r.failure())
	}
	rand.New(rand.NewPCG(1, 2)).Shuffle(len(rows), func(i, j int) { rows[i], rows[j] = rows[j], rows[i] })
	for _, r := range rows {
		require.Equal(t, first[r.ID], Fingerprint(r.failure()), "text: %q", r.Text)
	}
}

// TestWriteVaried writes the varied set where DAEMON_HOTFIX_VARIED names a file, for scorers that are no Go programs.
func TestWriteVaried(t *testing.T) {
	t.Parallel()
	path := os.Getenv("DAEMON_HOTFIX_VARIED")
	if path == "" {
		path = t.TempDir() + "/varied.jsonl"
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	rows := variedRows(t, "varied.txt", 6)
	for _, r := range rows {
		require.NoError(t, enc.Encode(map[string]any{"id": r.ID, "text": r.Text, "group": r.Group, "ctx": map[string]string{"repo": r.Ctx.Repo, "actor": r.Ctx.Actor}}))
	}
	require.NoError(t, os.WriteFile(path, []byte(b.String()), 0o600))
	require.Len(t, readLabelled(t, path), len(rows))
}
