package forge

import (
	"archive/zip"
	"bytes"
	"testing"

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
