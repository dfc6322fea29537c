package queue

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// deepEvery is every how many sweeps the jobs of work that nobody has begun are looked at.
const deepEvery = 3

// alive is the lock that a worker has while it lives.
func alive(worker string) string { return "worker " + worker }

// sweeps looks for lost work until ctx is done.
func (q *Queue) sweeps(ctx context.Context) {
	defer close(q.swept)
	ticker := time.NewTicker(q.cfg.Sweep)
	defer ticker.Stop()
	for n := 0; ; n++ {
		if err := q.sweep(ctx, n%deepEvery == 0); err != nil && ctx.Err() == nil {
			q.cfg.Log.Warn("lost work could not be looked for", "error", err)
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// sweep gives every want that nobody will carry out to a new job.
func (q *Queue) sweep(ctx context.Context, deep bool) error {
	if err := q.cfg.Store.Keep(ctx); err != nil {
		return err
	}
	var before time.Time
	if deep {
		before = q.cfg.Now().Add(-deepEvery * q.cfg.Sweep)
	}
	wants, err := q.cfg.Store.Stray(ctx, before)
	if err != nil {
		return err
	}
	round := sweep{gone: map[string]bool{}, doubts: map[int64]bool{}}
	for _, w := range wants {
		lost, err := q.lost(ctx, w, round)
		if err != nil {
			return err
		}
		if !lost {
			continue
		}
		q.cfg.Log.Info("lost work found", "kind", w.Kind, "name", w.Name, "worker", w.Worker)
		if err := q.cfg.Store.Reassign(ctx, w); err != nil {
			return err
		}
	}
	if deep {
		q.doubts = round.doubts
	}
	return nil
}

// A sweep is what one look at everything has found so far.
type sweep struct {
	gone   map[string]bool // whether a worker is
	doubts map[int64]bool
}

// lost reports whether nobody will carry out w.
func (q *Queue) lost(ctx context.Context, w store.Want, round sweep) (bool, error) {
	switch {
	case w.Job() == 0:
		return true, nil
	case w.Worker == "":
		return q.notBegun(ctx, w, round)
	case w.Worker == q.worker: // if we are not at it, its end could not be recorded
		return !q.at(w.Job()), nil
	}
	return q.gone(ctx, w.Worker, round)
}

// notBegun reports whether nobody will begin with w: its job is no more, or was taken by a worker that died before it
// could say so.
func (q *Queue) notBegun(ctx context.Context, w store.Want, round sweep) (bool, error) {
	job, err := q.engine.JobGet(ctx, w.Job())
	if errors.Is(err, rivertype.ErrNotFound) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	if job.State != rivertype.JobStateRunning || len(job.AttemptedBy) == 0 {
		return job.FinalizedAt != nil, nil
	}
	if taker := job.AttemptedBy[len(job.AttemptedBy)-1]; taker != q.worker {
		return q.gone(ctx, taker, round)
	}
	if q.at(job.ID) {
		return false, nil
	}
	// We are about to begin, or have ended and River is yet to write that down. It does not take until the next look.
	round.doubts[job.ID] = true
	return q.doubts[job.ID], nil
}

// at reports whether this process is at a job.
func (q *Queue) at(job int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.active[job]
}

// gone reports whether a worker is gone for good. One that shares our file cannot lose its lock; another machine may
// lose its connection, and gets some time to come back.
func (q *Queue) gone(ctx context.Context, worker string, round sweep) (bool, error) {
	if gone, known := round.gone[worker]; known {
		return gone, nil
	}
	free, err := q.cfg.Store.Free(ctx, alive(worker))
	if err != nil {
		return false, err
	}
	if !free {
		delete(q.absent, worker)
		round.gone[worker] = false
		return false, nil
	}
	since, known := q.absent[worker]
	if !known {
		since = q.cfg.Now()
		q.absent[worker] = since
	}
	round.gone[worker] = q.cfg.Store.Lite() != nil || q.cfg.Now().Sub(since) >= q.cfg.Absence
	return round.gone[worker], nil
}
