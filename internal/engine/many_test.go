package engine_test

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/engine"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// started is an engine in this process with a GitHub of its own. It would attempt fixes if somebody let it.
func started(t testing.TB, dsn string) (*engine.Engine, *forgetest.Forge) {
	f, err := forgetest.Start()
	require.NoError(t, err)
	t.Cleanup(f.Close)
	f.Limit(1 << 30)
	require.NoError(t, f.AddRepo(repo, adder))
	github, err := forge.New(forge.Config{API: f.API(), Server: f.URL()})
	require.NoError(t, err)
	e, err := engine.Open(t.Context(), engine.Config{
		Store: store.Config{DSN: dsn, Key: make([]byte, 32)},
		Daemon: daemon.Config{Policy: triage.Policy{Allow: []hotfix.Repo{repo}, MaxFixesPerDay: 3, MaxAttempts: 3, MaxFiles: 8, MaxLines: 300}, Key: make([]byte, 32), Server: f.URL(),
			Connect:  func(token redact.Secret) daemon.Forge { return github.With(token) },
			ModelFor: func(hotfix.Notice) (agent.Model, error) { return nil, fmt.Errorf("nobody is asked here") }, Box: actedBox{}, Scratch: t.TempDir()},
	})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Stop(context.Background())) })
	return e, f
}

// fails is a failure of the adder, as the door takes it in. A plugin's gateway failed, which is nothing to fix.
func fails(id string, token redact.Secret, message string) hotfix.Notice {
	return hotfix.Notice{ID: id, Also: []string{"dispatch:" + id}, Event: "kernel.plugin_error", Token: token, Failure: &hotfix.Failure{
		ID: id, Plugin: hotfix.Plugin{ID: "acme/adder:compute.yml", Kind: "workflow", Repo: repo}, Category: "workflow", Status: 502,
		Message: redact.Scrub(message), At: time.Now().UTC()}}
}

// takeIn saves n notices of one problem from 64 callers at once.
func takeIn(t testing.TB, e *engine.Engine, token redact.Secret, n int) {
	var next atomic.Int64
	var wg sync.WaitGroup
	for range callers {
		wg.Go(func() {
			for i := next.Add(1); int(i) <= n; i = next.Add(1) {
				if _, err := e.Store().SaveNotice(t.Context(), fails(fmt.Sprintf("failure-%d", i), token, "HTTP 502: Bad Gateway")); err != nil {
					t.Error(err)
				}
			}
		})
	}
	wg.Wait()
}

// untilIdle waits until nothing is wanted. It looks less often the longer looking takes.
func untilIdle(t testing.TB, s *store.SQL, within time.Duration) {
	for end := time.Now().Add(within); ; {
		begin := time.Now()
		counts, err := s.Counts(t.Context())
		require.NoError(t, err)
		if len(counts) == 0 {
			return
		}
		require.True(t, time.Now().Before(end), "still at work: %+v", counts)
		time.Sleep(5*time.Millisecond + 20*time.Since(begin))
	}
}

// countAll starts the engine and waits until nothing is wanted.
func countAll(t testing.TB, e *engine.Engine, within time.Duration) hotfix.Case {
	require.NoError(t, e.Start(t.Context()))
	untilIdle(t, e.Store(), within)
	cases, err := e.Store().Cases(t.Context(), store.CaseFilter{})
	require.NoError(t, err)
	require.Len(t, cases, 1)
	return cases[0]
}

// However often a plugin fails in one way, GitHub hears of it twice at most: when the issue is opened, and when its count is
// brought up to date.
func TestAFloodOfOneFailureIsTwoWritesAtMost(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			const n = 600
			e, f := started(t, db.address(t))
			takeIn(t, e, f.Token(), n)
			require.Equal(t, n, countAll(t, e, patience).Count)
			require.LessOrEqual(t, len(f.Writes()), 2)
			require.Len(t, f.Issues(repo), 1)
		})
	}
}

// BenchmarkFlood: 100,000 failures of one problem, all taken in before the first is counted. How long it takes to
// take them in, to count them all, and how much GitHub hears of it.
func BenchmarkFlood(b *testing.B) {
	const n = 100_000
	for b.Loop() {
		b.StopTimer()
		e, f := started(b, "sqlite:"+filepath.Join(b.TempDir(), "store.db"))
		b.StartTimer()
		begin := time.Now()
		takeIn(b, e, f.Token(), n)
		in := time.Since(begin)
		require.Equal(b, n, countAll(b, e, 10*time.Minute).Count)
		b.ReportMetric(in.Seconds(), "taken-in-s")
		b.ReportMetric((time.Since(begin) - in).Seconds(), "counted-s")
		b.ReportMetric(n/(time.Since(begin)-in).Seconds(), "counted/s")
		b.ReportMetric(float64(len(f.Writes())), "writes-on-GitHub")
	}
}

// copies makes copies %[1]d to %[2]d of the case %[3]s: one in fifty in its own repository, the others in 200 more. Of a
// million the latest 20,000 are whole; the others have no body, which is only read of the latest, and would be a gigabyte.
const copies = `
INSERT INTO cases (fingerprint, version, repo, issue, state, seen, opened, body)
	WITH RECURSIVE n(i) AS (SELECT %[1]d UNION ALL SELECT i+1 FROM n WHERE i < %[2]d)
	SELECT 'v1-'||i, 1, CASE i%%50 WHEN 0 THEN repo ELSE 'acme/plugin-'||(i%%200) END, i, state, seen - 1000000*i, opened - 1000000*i,
		CASE WHEN i < 20000 THEN body ELSE '{}' END FROM n JOIN cases ON fingerprint = '%[3]s';
INSERT INTO case_list (fingerprint, lane, repo, plugin, title, state, action, risk, rule, failures, first, seen, issue, pr, attempts, ending)
	WITH RECURSIVE n(i) AS (SELECT %[1]d UNION ALL SELECT i+1 FROM n WHERE i < %[2]d)
	SELECT 'v1-'||i, 'acme/plugin-'||(i%%200), 'acme/plugin-'||(i%%200), 'acme/plugin-'||(i%%200)||':compute.yml', title, state, action, risk, rule,
		failures, first, seen - 1000000*i, i, 0, 0, '' FROM n JOIN case_list ON fingerprint = '%[3]s';`

// copyCases carries out copies. The indexes are made anew afterwards, which takes a fraction of the time.
func copyCases(b *testing.B, db *sql.DB, copies string) {
	rows, err := db.Query("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('cases', 'case_list') AND sql IS NOT NULL")
	require.NoError(b, err)
	drop, create := "", ""
	for rows.Next() {
		var name, index string
		require.NoError(b, rows.Scan(&name, &index))
		drop, create = drop+"DROP INDEX "+name+";", create+index+";"
	}
	require.NoError(b, errors.Join(rows.Err(), rows.Close()))
	_, err = db.Exec(drop + copies + create + "PRAGMA wal_checkpoint(TRUNCATE)")
	require.NoError(b, err)
}

// BenchmarkGrowth measures how long it takes to triage a failure of a new problem, and one more of a known problem,
// when a thousand, a hundred thousand and a million cases are stored. Issues are not written.
func BenchmarkGrowth(b *testing.B) {
	const each = 200
	for b.Loop() {
		b.StopTimer()
		path := filepath.Join(b.TempDir(), "store.db")
		e, f := started(b, "sqlite:"+path)
		filler, err := sql.Open("sqlite", "file:"+path+"?_pragma=cache_size(-500000)&_pragma=synchronous(OFF)")
		require.NoError(b, err)
		triaged := func(id, message string) time.Duration {
			_, err := e.Store().SaveNotice(b.Context(), fails(id, f.Token(), message))
			require.NoError(b, err)
			begin := time.Now()
			require.NoError(b, e.Daemon().Triage(b.Context(), id))
			return time.Since(begin)
		}
		triaged("seed", "TypeError: seed is not a function") // once: its copies are as small as most
		seed, err := e.Store().Cases(b.Context(), store.CaseFilter{})
		require.NoError(b, err)
		first, have := map[string]float64{}, 1
		for _, size := range []int{1000, 100_000, 1_000_000} {
			copyCases(b, filler, fmt.Sprintf(copies, have, size-1, seed[0].Fingerprint))
			have = size
			took := map[string][]time.Duration{}
			b.StartTimer()
			for i := range each {
				took["new"] = append(took["new"], triaged(fmt.Sprintf("new-%d-%d", size, i), fmt.Sprintf("TypeError: %s is not a function", word(size+i))))
				took["known"] = append(took["known"], triaged(fmt.Sprintf("known-%d-%d", size, i), "TypeError: known is not a function"))
			}
			b.StopTimer()
			for kind, list := range took {
				slices.Sort(list)
				p50 := percentile(list, 0.5)
				b.ReportMetric(p50, fmt.Sprintf("%s-p50-ms-at-%d", kind, size))
				if first[kind] == 0 {
					first[kind] = p50
				} else {
					b.ReportMetric(p50/first[kind], fmt.Sprintf("%s-x-at-%d", kind, size))
				}
			}
		}
		require.NoError(b, filler.Close())
		b.StartTimer()
	}
}

// word is a name made of letters only, so that each number makes another problem.
func word(n int) string {
	name := []byte("fn")
	for ; n > 0; n /= 26 {
		name = append(name, byte('a'+n%26))
	}
	return string(name)
}
