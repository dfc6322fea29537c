package forge

import (
	"archive/zip"
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzLogs: an archive of logs of any shape is a job's log or an error, within its bound.
func FuzzLogs(f *testing.F) {
	archive := func(names ...string) []byte {
		var b bytes.Buffer
		w := zip.NewWriter(&b)
		for _, n := range names {
			part, err := w.Create(n)
			require.NoError(f, err)
			_, err = part.Write([]byte("2026-05-04T12:00:00.0Z ##[error]boom\n"))
			require.NoError(f, err)
		}
		require.NoError(f, w.Close())
		return b.Bytes()
	}
	whole := archive("0_build.txt", "1_test.txt", "build/2_run.txt", "../3_x.txt")
	f.Add(whole, "build")
	f.Add(whole[:len(whole)/2], "test")
	f.Add([]byte("PK"), "")
	f.Fuzz(func(t *testing.T, data []byte, job string) {
		z, err := zip.NewReader(bytes.NewReader(data), int64(len(data)))
		if err != nil {
			return
		}
		log, err := pickLog(z, job)
		if err == nil {
			require.LessOrEqual(t, len(log), jobLogMax)
			_ = Tidy(log)
		}
	})
}

// FuzzLimits: whatever GitHub's headers say, the daemon waits for a second at least and for two hours at most.
func FuzzLimits(f *testing.F) {
	for _, s := range [][3]string{{"60", "", ""}, {"-1", "", ""}, {"999999999999999", "", ""}, {"Mon, 04 May 2026 13:00:00 GMT", "", "Mon, 04 May 2026 12:30:00 GMT"},
		{"", "1777899600", "Mon, 04 May 2026 12:30:00 GMT"}, {"", "-9223372036854775808", ""}, {"x", "x", "x"}} {
		f.Add(429, s[0], s[1], s[2])
		f.Add(200, s[0], s[1], s[2])
	}
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	f.Fuzz(func(t *testing.T, status int, after, reset, date string) {
		g := &gate{now: func() time.Time { return now }}
		header := http.Header{"Retry-After": {after}, "X-Ratelimit-Reset": {reset}, "X-Ratelimit-Remaining": {"0"}, "Date": {date}}
		told := g.limited(&http.Response{StatusCode: status, Header: header, Body: io.NopCloser(strings.NewReader("You have exceeded a secondary rate limit."))})
		for _, until := range []time.Time{told, g.until} {
			require.True(t, until.IsZero() || !until.Before(now.Add(time.Second)) && !until.After(now.Add(longestPause)), until)
		}
		require.Equal(t, status == http.StatusForbidden || status == http.StatusTooManyRequests, !told.IsZero())
	})
}

// FuzzLease: a lease says again what was read, whoever wrote it.
func FuzzLease(f *testing.F) {
	now := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for _, s := range []string{(&lease{by: "a", until: now, issue: 7}).text(), "by: a\nuntil: x\nissue: -9\n", "until: 9999-12-31T23:59:59Z", "issue: 99999999999999999999", "\r\n: \nby:", ""} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var l, again lease
		l.read(text)
		require.GreaterOrEqual(t, l.issue, 0)
		again.read(l.text())
		require.Equal(t, []any{l.by, l.issue}, []any{again.by, again.issue})
		require.True(t, l.until.Equal(again.until))
	})
}
