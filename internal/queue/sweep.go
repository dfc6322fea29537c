package queue

import (
	"context"
	"errors"
	"time"

	"github.com/riverqueue/river/rivertype"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// deepEvery is every how many sweeps the jobs of work that nobody has begun are looked at, too. It is the next one at
// once while a machine is suspected to be gone.
const deepEvery = 3

// alive is the lock that a worker has while it lives.
func alive(worker string) string { return "worker " + worker }

// jump is by how much the clock must be set back at once to be noticed.
const jump = time.Minute

// sweeps looks for lost work until ctx is done.
func (q *Queue) sweeps(ctx context.Context) {
	defer close(q.swept)
	ticker := time.NewTicker(q.cfg.Sweep)
	defer ticker.Stop()
	begun, suspects := time.Now(), false
	ahead, back := q.ahead(begun), 0
	for n := 0; ; n++ {
		before := ahead
		if ahead = q.ahead(begun); before-ahead > jump {
			back = deepEvery // for what was about to be put off by the old clock, too
		}
		var err error
		if suspects, err = q.sweep(ctx, sweep{deep: suspects || back > 0 || n%deepEvery == 0, back: back > 0}); err != nil && ctx.Err() == nil {
			q.cfg.Log.Warn("lost work could not be looked for", "error", err)
		}
		back = max(0, back-1)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return
		}
	}
}

// ahead is how far the clock on the wall has gone ahead of the time that has really passed since begun.
func (q *Queue) ahead(begun time.Time) time.Duration {
	return q.cfg.Now().Round(0).Sub(begun.Round(0)) - time.Since(begun)
}

// sweep gives every want that nobody will carry out to a new job. It reports whether some machine may be gone.
func (q *Queue) sweep(ctx context.Context, round sweep) (suspects bool, err error) {
	if err := q.cfg.Store.Keep(ctx); err != nil {
		return false, err
	}
	wants, err := q.cfg.Store.Stray(ctx, round.deep)
	if err != nil {
		return false, err
	}
	round.gone, round.doubts, round.jobs = map[string]bool{}, map[int64]bool{}, map[int64]*rivertype.JobRow{}
	for _, w := range wants {
		lost, err := q.lost(ctx, w, &round)
		if err != nil {
			return false, err
		}
		if !lost {
			continue
		}
		q.cfg.Log.Info("lost work found", "kind", w.Kind, "name", w.Name, "worker", w.Worker)
		if err := q.cfg.Store.Reassign(ctx, w); err != nil {
			return false, err
		}
	}
	if round.deep {
		q.doubts = round.doubts
	}
	return round.suspects, nil
}

// A sweep is one look at everything, and what it has found so far.
type sweep struct {
	deep     bool            // also at work that nobody has begun
	back     bool            // the clock was set back: what waits for a time would wait too long
	gone     map[string]bool // whether a worker is
	suspects bool            // one that does not answer may come back
	doubts   map[int64]bool
	jobs     map[int64]*rivertype.JobRow // that were looked at, nil for one that is no more
}

// lost reports whether nobody will carry out w.
func (q *Queue) lost(ctx context.Context, w store.Want, round *sweep) (bool, error) {
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
func (q *Queue) notBegun(ctx context.Context, w store.Want, round *sweep) (bool, error) {
	job, known := round.jobs[w.Job()]
	if !known {
		var err error
		if job, err = q.engine.JobGet(ctx, w.Job()); err != nil && !errors.Is(err, rivertype.ErrNotFound) {
			return false, err
		}
		round.jobs[w.Job()] = job
	}
	if job == nil {
		return true, nil
	}
	if job.State != rivertype.JobStateRunning || len(job.AttemptedBy) == 0 {
		return job.FinalizedAt != nil || q.missed(job, round), nil
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

// missed reports whether a job waits for a time that the clock was set back from, or that has long passed: whoever should
// see to that may wait for such a time itself.
func (q *Queue) missed(job *rivertype.JobRow, round *sweep) bool {
	late := q.cfg.Now().Sub(job.ScheduledAt)
	waits := job.State == rivertype.JobStateScheduled || job.State == rivertype.JobStateRetryable
	return round.back && late < 0 || waits && late > deepEvery*q.cfg.Sweep
}

// at reports whether this process is at a job.
func (q *Queue) at(job int64) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.active[job]
}

// gone reports whether a worker is gone for good. One that shares our file cannot lose its lock; another machine may
// lose its connection, and gets some time to come back.
func (q *Queue) gone(ctx context.Context, worker string, round *sweep) (bool, error) {
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
	round.suspects = round.suspects || !round.gone[worker]
	return round.gone[worker], nil
}
