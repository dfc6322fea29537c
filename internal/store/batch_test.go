package store

import (
	"context"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A caller whose patience ends just when it should lead must lead all the same, or everybody after it waits for ever.
func TestBatchLeaderMayNotLeave(t *testing.T) {
	t.Parallel()
	s, err := Open(t.Context(), Config{DSN: "sqlite:" + filepath.Join(t.TempDir(), "store.db")})
	require.NoError(t, err)
	defer s.Close()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for i := range 20 {
		first, err := s.arrive(hotfix.Notice{ID: fmt.Sprintf("first %d", i)})
		require.NoError(t, err)
		second, err := s.arrive(hotfix.Notice{ID: fmt.Sprintf("second %d", i)})
		require.NoError(t, err)
		s.enqueue = func(_ context.Context, _ Tx, _ []Want, _ time.Duration) (int64, error) {
			s.enqueue = nil
			s.batch.Lock()
			defer s.batch.Unlock()
			s.batch.pending = append(s.batch.pending, second) // it arrives while the first is being stored
			return 0, nil
		}
		s.batch.pending, s.batch.led = append(s.batch.pending, first), true
		s.storeBatch(t.Context())
		require.NoError(t, s.follow(gone, second))
		require.True(t, second.fresh)
		require.False(t, s.batch.led)
		require.Empty(t, s.batch.pending)
	}
}
