package capsule_test

import (
	"bytes"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/capsule"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// FuzzRead: a file is a whole capsule or an error, and one that was read is written as one that can be read.
func FuzzRead(f *testing.F) {
	var b bytes.Buffer
	at := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	require.NoError(f, capsule.Write(&b, capsule.Of(hotfix.Case{Fingerprint: "v1-a", Count: 1, First: at, Last: at,
		Latest: hotfix.Failure{ID: "one", Message: redact.Scrub("boom"), At: at}}, hotfix.Notice{Settings: []byte(`{"a": 1}`)})))
	f.Add(b.Bytes())
	f.Add(bytes.Replace(b.Bytes(), []byte("boom"), []byte("bang"), 1))
	f.Add([]byte(`{"version":1}`))
	f.Add([]byte(`[]`))
	f.Fuzz(func(t *testing.T, file []byte) {
		c, err := capsule.Read(bytes.NewReader(file))
		if err != nil {
			return
		}
		var out bytes.Buffer
		require.NoError(t, capsule.Write(&out, c))
		again, err := capsule.Read(&out)
		require.NoError(t, err)
		require.Equal(t, c.ID, again.ID)
	})
}
