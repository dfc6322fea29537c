package dashboard_test

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/dashboard"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// crowd fills a store with 50,000 cases of 200 plugins that failed 1,000,000 times in 90 days, and 5,000 attempts. The
// case v1-7 is a real one; the others are its copies.
const crowd = `
INSERT INTO cases (fingerprint, version, repo, issue, state, seen, opened, body)
	WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i+1 FROM n WHERE i < 50098)
	SELECT 'v1-'||i, 1, 'acme/plugin-'||(i%200), i, state, seen - (i%7776000)*1000000, opened, body FROM n JOIN cases ON fingerprint = 'v1-7';
INSERT INTO case_list
	WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i+1 FROM n WHERE i < 50098)
	SELECT 'v1-'||i, 'acme/plugin-'||(i%200), 'acme/plugin-'||(i%200), 'acme/plugin-'||(i%200)||':compute.yml', title||' '||i,
		CASE i%10 WHEN 0 THEN 'ignored' WHEN 1 THEN 'fixing' WHEN 2 THEN 'closed' ELSE 'ongoing' END, i%3, i%3,
		CASE i%4 WHEN 0 THEN 'transient' WHEN 1 THEN 'fixes-off' WHEN 2 THEN 'daily-limit' ELSE 'no-objection' END,
		20, first, seen - (i%7776000)*100000, i, 0, i%2, CASE i%2 WHEN 0 THEN 'no-fix' ELSE '' END FROM n JOIN case_list ON fingerprint = 'v1-7';
INSERT INTO attempt_list
	WITH RECURSIVE n(i) AS (SELECT 100 UNION ALL SELECT i+1 FROM n WHERE i < 5099)
	SELECT 'v1-'||i||'-1', 'v1-'||i, 'acme/plugin-'||(i%200), 'policy', seen - i*600000000, seen - i*600000000, 'no-fix', 0, 9, 40000, 300000 FROM n JOIN case_list ON case_list.fingerprint = 'v1-7';
INSERT INTO case_counts (day, fingerprint, n)
	WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM n WHERE i < 999999), d AS (SELECT max(day) AS today FROM case_counts)
	SELECT today - (i/50000 * 9 % 90 + i%9 % 90)*86400000000, 'v1-'||(100 + i%49999), 1 FROM n JOIN d WHERE true ON CONFLICT DO UPDATE SET n = case_counts.n + 1;
INSERT INTO plugin_counts (span, at, plugin, n)
	WITH RECURSIVE h(i) AS (SELECT 0 UNION ALL SELECT i+1 FROM h WHERE i < 2159), p(j) AS (SELECT 0 UNION ALL SELECT j+1 FROM p WHERE j < 199),
		d AS (SELECT max(at) AS now FROM plugin_counts WHERE span = 1), s(hours) AS (VALUES (1), (6), (24))
	SELECT hours, (now - i*3600000000) / (hours*3600000000) * (hours*3600000000), 'acme/plugin-'||j||':compute.yml', 2 + (i+j)%2
	FROM h JOIN p JOIN d JOIN s WHERE true ON CONFLICT DO UPDATE SET n = plugin_counts.n + excluded.n;
ANALYZE;`

// cpu is how long this process has computed.
func cpu() time.Duration {
	var u syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &u) // cannot fail with these arguments
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// BenchmarkPages measures each page on the server with a million failures in the store. The bound is 100 ms.
func BenchmarkPages(b *testing.B) {
	now := time.Now()
	s, err := store.Open(b.Context(), store.Config{DSN: "sqlite:" + filepath.Join(b.TempDir(), "crowd.db")})
	require.NoError(b, err)
	defer s.Close()
	unlock, err := s.Lock(b.Context(), "v1-7")
	require.NoError(b, err)
	c := hotfix.Case{Fingerprint: "v1-7", Repo: hotfix.Repo{Owner: "acme", Name: "plugin-7"}, State: hotfix.Ongoing, Count: 1, First: now, Last: now,
		Latest:   hotfix.Failure{ID: "x", Plugin: hotfix.Plugin{ID: "acme/plugin-7:compute.yml"}, Message: redact.Scrub(hostile), At: now},
		Decision: hotfix.Decision{Action: hotfix.Report, Reasons: []hotfix.Reason{{Rule: "transient", Because: "It passes."}}}}
	require.NoError(b, s.SaveCase(b.Context(), c))
	unlock()
	_, err = s.Lite().Exec(crowd)
	require.NoError(b, err)
	d, err := dashboard.New(dashboard.Config{Store: s, Key: make([]byte, 32)})
	require.NoError(b, err)
	pages := d.Handler()
	for _, path := range []string{"/", "/?period=24h", "/?period=30d", "/?period=90d", "/cases", "/cases?state=open&q=pwned", "/cases?order=count", "/cases?from=40001", "/cases?plugin=acme/plugin-9:compute.yml",
		"/cases/v1-7", "/runs", "/drafts", "/abstained", "/work"} {
		b.Run(path, func(b *testing.B) {
			began := cpu()
			for b.Loop() {
				w := httptest.NewRecorder()
				r := httptest.NewRequest(http.MethodGet, path, nil)
				r.Host = "localhost"
				pages.ServeHTTP(w, r)
				require.Equal(b, http.StatusOK, w.Code)
			}
			b.ReportMetric(float64(b.Elapsed().Microseconds())/1000/float64(b.N), "ms/page")
			b.ReportMetric(float64((cpu()-began).Microseconds())/1000/float64(b.N), "cpu-ms/page") // what it would be on an idle machine, at most
		})
	}
}
