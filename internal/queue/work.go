package queue

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"time"

	"github.com/riverqueue/river"
	"github.com/riverqueue/river/rivertype"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

const (
	watchQueue  = "watch"
	recordFor   = time.Minute     // how long we try to write down how work ended
	longestWait = 24 * time.Hour  // that a RetryAt is believed
	longestWay  = 3 * time.Second // that what was taken in waits for deliveries that still come
)

// wantArgs name wants of one kind. Their rows have everything else.
type wantArgs struct {
	Want  store.Kind `json:"want"`
	Name  string     `json:"name,omitempty"` // of the one want, in jobs of the first releases
	Names []string   `json:"names,omitempty"`
	After time.Time  `json:"after,omitzero"` // not to be begun before it
}

func (wantArgs) Kind() string { return "want" }

func (a wantArgs) names() []string {
	if a.Name != "" {
		return []string{a.Name}
	}
	return a.Names
}

type wantWorker struct {
	river.WorkerDefaults[wantArgs]
	q *Queue
}

func (w *wantWorker) Timeout(job *river.Job[wantArgs]) time.Duration {
	return w.q.limits(job.Args.Want).Timeout*time.Duration(len(job.Args.names())) + recordFor // ours comes first, and says why
}

func (q *Queue) limits(kind store.Kind) Limits {
	switch kind {
	case store.Report:
		return q.cfg.Report
	case store.Fix:
		return q.cfg.Fix
	}
	return q.cfg.Triage
}

// Work carries out wants, one after the other. Whatever happens, a want's row says what comes next, and River only waits.
func (w *wantWorker) Work(ctx context.Context, job *river.Job[wantArgs]) error {
	q, args := w.q, job.Args
	if early := args.After.Sub(q.cfg.Now()); early > 0 {
		return river.JobSnooze(early)
	}
	limits := q.limits(args.Want)
	q.begin(job.ID)
	defer q.end(job.ID)
	before := q.wayFor(job)
	q.giveWay(ctx, before)
	claims, err := q.cfg.Store.Claim(ctx, args.Want, args.names(), job.ID, q.worker, limits.PerRepo)
	switch {
	case errors.Is(err, store.ErrObsolete):
		return nil
	case errors.Is(err, store.ErrBusy):
		return river.JobSnooze(q.cfg.Sweep + rand.N(q.cfg.Sweep))
	case err != nil:
		q.cfg.Log.Error("work could not begin", "kind", args.Want, "names", args.names(), "error", err)
		return river.JobSnooze(limits.after(0))
	}
	ends, done := make([]store.End, len(claims)), q.together(ctx, claims, limits)
	for i, c := range claims {
		if !done[i] {
			q.giveWay(ctx, before)
			ends[i] = q.carryOut(ctx, c, limits)
		}
	}
	return q.finish(ctx, claims, ends)
}

// together triages those notices of a job that have not been tried before in one go, and says which of them are done. The
// others have to be carried out one by one.
func (q *Queue) together(ctx context.Context, claims []store.Claim, limits Limits) []bool {
	done := make([]bool, len(claims))
	var ids []string
	var at []int
	for i, c := range claims {
		if w := c.Want; w.Kind == store.Triage && w.Attempts+w.Deaths == 0 {
			ids, at = append(ids, w.Name), append(at, i)
		}
	}
	if len(ids) < 2 || q.cfg.Work.TriageAll == nil || ctx.Err() != nil {
		return done
	}
	bounded, cancel := context.WithTimeoutCause(ctx, limits.Timeout, tooLong{store.Triage, limits.Timeout})
	defer cancel()
	for i, err := range q.triageAll(bounded, ids) {
		done[at[i]] = err == nil // whoever failed may have been held up by another
	}
	return done
}

// triageAll calls the work's function. After a panic nobody knows whose fault it was.
func (q *Queue) triageAll(ctx context.Context, ids []string) (errs []error) {
	defer func() {
		if p := recover(); p != nil {
			q.cfg.Log.Warn("work panicked and is done one by one", "kind", store.Triage, "names", ids, "panic", p)
			errs = nil
		}
	}()
	return q.cfg.Work.TriageAll(ctx, ids)
}

// wayFor is until when a job gives way to deliveries that come in: what is acknowledged late is lost, what is triaged late
// is only late. What has waited for long enough already, behind others, waits no more.
func (q *Queue) wayFor(job *river.Job[wantArgs]) time.Time {
	now := time.Now()
	if job.Args.Want != store.Triage {
		return now
	}
	waited := max(q.cfg.Now().Sub(job.CreatedAt), 0) // less than nothing if the clock was set back
	return now.Add(longestWay - waited)
}

// giveWay waits while deliveries are coming in, until end.
func (q *Queue) giveWay(ctx context.Context, end time.Time) {
	for q.cfg.Busy() && time.Now().Before(end) && ctx.Err() == nil {
		time.Sleep(10 * time.Millisecond)
	}
}

// carryOut works on one want.
func (q *Queue) carryOut(ctx context.Context, c store.Claim, limits Limits) store.End {
	w := c.Want
	switch {
	case w.Deaths >= limits.Deaths: // its process died each time, so nobody could park it
		return store.End{Failed: w.Reason, Park: true}
	case ctx.Err() != nil:
		return q.judge(ctx, w, limits, ctx.Err())
	}
	bounded, cancel := context.WithTimeoutCause(ctx, limits.Timeout, tooLong{w.Kind, limits.Timeout})
	defer cancel()
	err := q.do(bounded, w)
	if cause := (tooLong{}); err != nil && errors.As(context.Cause(bounded), &cause) && !errors.As(err, &cause) {
		err = fmt.Errorf("%w: %w", cause, err)
	}
	return q.judge(ctx, w, limits, err)
}

// tooLong is why work that ran into its deadline was cut off.
type tooLong struct {
	kind store.Kind
	time time.Duration
}

func (t tooLong) Error() string {
	return fmt.Sprintf("one %s may take %s, and that was over", t.kind, t.time)
}

// do calls the work's function. A panic is a failure like any other.
func (q *Queue) do(ctx context.Context, w store.Want) (err error) {
	defer func() {
		if p := recover(); p != nil {
			q.cfg.Log.Error("work panicked", "kind", w.Kind, "name", w.Name, "panic", p, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	switch w.Kind {
	case store.Triage:
		return q.cfg.Work.Triage(ctx, w.Name)
	case store.Report:
		return q.cfg.Work.Report(ctx, hotfix.Fingerprint(w.Name))
	case store.Fix:
		return q.cfg.Work.Fix(ctx, hotfix.Fingerprint(w.Name))
	}
	return fmt.Errorf("nothing is known about work of kind %q: was it stored by a newer version?", w.Kind)
}

// judge decides what becomes of a want whose work returned err.
func (q *Queue) judge(ctx context.Context, w store.Want, limits Limits, err error) store.End {
	log := q.cfg.Log.With("kind", w.Kind, "name", w.Name)
	var later interface{ RetryAt() time.Time }
	switch {
	case err == nil:
		return store.End{}
	case errors.Is(ctx.Err(), context.Canceled): // we are stopping
		log.Info("work handed back")
		return store.End{Later: true}
	case errors.As(err, &later):
		pause := min(max(later.RetryAt().Sub(q.cfg.Now()), time.Second), longestWait)
		log.Info("work postponed", "for", pause, "error", err)
		return store.End{Failed: err.Error(), Later: true, Pause: pause + rand.N(pause/10+1)}
	case errors.Is(err, store.ErrFull): // that says nothing about the work
		log.Warn("work postponed, because the store takes nothing", "error", err)
		return store.End{Failed: err.Error(), Later: true, Pause: limits.after(0)}
	}
	attempts := w.Attempts + 1
	end := store.End{Failed: err.Error(), Park: attempts >= limits.Attempts, Pause: limits.after(w.Attempts)}
	if end.Park {
		log.Error("work parked", "attempts", attempts, "error", err)
	} else {
		log.Warn("work failed", "attempts", attempts, "error", err)
	}
	return end
}

// after is how long to wait after the failure that follows n others: longer each time, and never the same for two.
func (l Limits) after(n int) time.Duration {
	pause := l.Backoff
	for range n {
		if pause = 2 * pause; pause >= l.Longest {
			break
		}
	}
	pause = min(pause, l.Longest)
	return pause - pause/4 + rand.N(pause/2+1)
}

// finish writes down how the work ended, even if we are stopping, and returns what River should do.
func (q *Queue) finish(ctx context.Context, claims []store.Claim, ends []store.End) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), recordFor)
	defer cancel()
	for try := 50 * time.Millisecond; ; try = min(2*try, 5*time.Second) {
		again, err := q.cfg.Store.Finish(ctx, claims, ends)
		switch {
		case errors.Is(err, store.ErrObsolete):
			q.cfg.Log.Warn("work was taken over meanwhile", "kind", claims[0].Want.Kind, "name", claims[0].Want.Name)
			return nil
		case err == nil && !again:
			return nil
		case err == nil:
			return river.JobSnooze(ends[0].Pause)
		}
		select {
		case <-time.After(try):
		case <-ctx.Done(): // the sweep finds it when the store is back
			return fmt.Errorf("record the end of %s %s: %w", claims[0].Want.Kind, claims[0].Want.Name, err)
		}
	}
}

func (q *Queue) begin(job int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.active[job] = true
}

func (q *Queue) end(job int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	delete(q.active, job)
}

// watchArgs ask for one look at everything that changes by itself.
type watchArgs struct{}

func (watchArgs) Kind() string { return "watch" }

func (q *Queue) watchJob() (river.JobArgs, *river.InsertOpts) {
	return watchArgs{}, &river.InsertOpts{Queue: watchQueue, MaxAttempts: 1, UniqueOpts: river.UniqueOpts{
		ByState: []rivertype.JobState{rivertype.JobStateAvailable, rivertype.JobStatePending, rivertype.JobStateRunning,
			rivertype.JobStateRetryable, rivertype.JobStateScheduled}}}
}

type watchWorker struct {
	river.WorkerDefaults[watchArgs]
	q *Queue
}

func (w *watchWorker) Timeout(*river.Job[watchArgs]) time.Duration { return w.q.cfg.WatchTimeout }

// Work looks once, and forgets what is too old. If that fails, the next look comes soon enough.
func (w *watchWorker) Work(ctx context.Context, _ *river.Job[watchArgs]) error {
	if err := w.q.cfg.Work.Watch(ctx); err != nil {
		w.q.cfg.Log.Warn("watch failed", "error", err)
	}
	if err := w.q.cfg.Store.Prune(ctx, w.q.cfg.KeepNotices, w.q.cfg.KeepRuns); err != nil {
		w.q.cfg.Log.Warn("old rows were not removed", "error", err)
	}
	return nil
}
