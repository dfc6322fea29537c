package queue_test

import (
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

// BenchmarkSaveNotice measures a notice and its job, safe on disk, from 64 callers at once.
func BenchmarkSaveNotice(b *testing.B) {
	for _, db := range databases {
		for _, kind := range []string{"new", "duplicate"} {
			b.Run(db.name+"/"+kind, func(b *testing.B) {
				s, err := store.Open(b.Context(), store.Config{DSN: db.address(b)})
				require.NoError(b, err)
				defer s.Close()
				_, err = queue.New(b.Context(), queue.Config{Store: s, Work: (&house{}).work()})
				require.NoError(b, err)
				var n atomic.Int64
				b.SetParallelism(32) // times two processors
				b.ResetTimer()
				b.RunParallel(func(pb *testing.PB) {
					for pb.Next() {
						id := "same"
						if kind == "new" {
							id = fmt.Sprintf("delivery-%d", n.Add(1))
						}
						if _, err := s.SaveNotice(b.Context(), storetest.Notice(id)); err != nil {
							b.Error(err)
						}
					}
				})
				b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "notices/s")
			})
		}
	}
}

// BenchmarkTriage measures how fast waiting notices are worked off when the work itself takes no time.
func BenchmarkTriage(b *testing.B) {
	for _, db := range databases {
		b.Run(db.name, func(b *testing.B) {
			s, err := store.Open(b.Context(), store.Config{DSN: db.address(b)})
			require.NoError(b, err)
			defer s.Close()
			var left atomic.Int64
			left.Store(int64(b.N))
			done := make(chan struct{})
			work := (&house{}).work()
			work.Triage = func(context.Context, string) error {
				if left.Add(-1) == 0 {
					close(done)
				}
				return nil
			}
			q, err := queue.New(b.Context(), queue.Config{Store: s, Work: work})
			require.NoError(b, err)
			for i := range b.N {
				_, err := s.SaveNotice(b.Context(), storetest.Notice(fmt.Sprintf("delivery-%d", i)))
				require.NoError(b, err)
			}
			b.ResetTimer()
			require.NoError(b, q.Start(b.Context()))
			<-done
			b.StopTimer()
			b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "notices/s")
			require.NoError(b, q.Stop(b.Context()))
		})
	}
}

// BenchmarkPickup measures from the arrival of a notice to the beginning of its triage, when nothing else is to do.
func BenchmarkPickup(b *testing.B) {
	for _, db := range databases {
		b.Run(db.name, func(b *testing.B) {
			s, err := store.Open(b.Context(), store.Config{DSN: db.address(b)})
			require.NoError(b, err)
			defer s.Close()
			begun := make(chan struct{})
			work := (&house{}).work()
			work.Triage = func(context.Context, string) error { begun <- struct{}{}; return nil }
			q, err := queue.New(b.Context(), queue.Config{Store: s, Work: work})
			require.NoError(b, err)
			require.NoError(b, q.Start(b.Context()))
			b.ResetTimer()
			for i := range b.N {
				_, err := s.SaveNotice(b.Context(), storetest.Notice(fmt.Sprintf("delivery-%d", i)))
				require.NoError(b, err)
				<-begun
			}
			b.StopTimer()
			require.NoError(b, q.Stop(b.Context()))
		})
	}
}

// BenchmarkGroupCommit measures what it is worth that deliveries that arrive together share a transaction: one caller after
// the other, each of which waits for the disk alone, and 64 at once.
func BenchmarkGroupCommit(b *testing.B) {
	for _, db := range databases {
		b.Run(db.name, func(b *testing.B) {
			s, err := store.Open(b.Context(), store.Config{DSN: db.address(b)})
			require.NoError(b, err)
			defer s.Close()
			var last store.Tx
			transactions := 0
			s.OnWant(func(_ context.Context, tx store.Tx, _ []store.Want, _ time.Duration) (int64, error) { // one transaction at a time
				if tx != last {
					last, transactions = tx, transactions+1
				}
				return 0, nil
			})
			rate := map[int]float64{}
			for _, callers := range []int{1, 64} {
				n := max(b.N, 4096) / 64 * callers // each of them sends as many
				transactions = 0
				begin := time.Now()
				var wg sync.WaitGroup
				for c := range callers {
					wg.Go(func() {
						for i := range n / callers {
							if _, err := s.SaveNotice(b.Context(), storetest.Notice(fmt.Sprintf("delivery-%d-%d-%d", callers, c, i))); err != nil {
								b.Error(err)
							}
						}
					})
				}
				wg.Wait()
				rate[callers] = float64(n) / time.Since(begin).Seconds()
				b.ReportMetric(rate[callers], fmt.Sprintf("notices/s-of-%d", callers))
				b.ReportMetric(float64(n)/float64(transactions), fmt.Sprintf("notices/transaction-of-%d", callers))
			}
			b.ReportMetric(rate[64]/rate[1], "xalone")
		})
	}
}
