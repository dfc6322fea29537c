// Package queue carries out what the store says is wanted: at least once, a bounded number at a time, again after a
// crash, on one machine or many. River, in the store's own database, decides who does what when; the store's wants
// say what is still to be done, so a job that got lost is found and made anew.
package queue

import (
	"context"
	"crypto/rand"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/riverqueue/river"
	"github.com/riverqueue/river/riverdriver"
	"github.com/riverqueue/river/riverdriver/riverpgxv5"
	"github.com/riverqueue/river/riverdriver/riversqlite"
	"github.com/riverqueue/river/rivermigrate"
	"github.com/riverqueue/river/rivertype"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// Work is what there is to do. Each function must be safe to call again after it was cut off at any point. An error
// with a method RetryAt() time.Time says when it is worth trying again; that does not count as an attempt.
type Work struct {
	Triage func(ctx context.Context, noticeID string) error
	// TriageAll triages several notices that came together and returns the error of each. Without it they are triaged one by
	// one, as are those that failed before.
	TriageAll func(ctx context.Context, noticeIDs []string) []error
	Report    func(context.Context, hotfix.Fingerprint) error
	Fix       func(context.Context, hotfix.Fingerprint) error
	Watch     func(context.Context) error
}

// Limits bound one kind of work. What is zero has a default.
type Limits struct {
	AtOnce   int           // on this machine
	PerRepo  int           // in one repository, over all machines; negative is no limit
	Timeout  time.Duration // for one attempt
	Attempts int           // that fail before it is parked
	Deaths   int           // of the process that was at it, before it is parked; most have other reasons, and blame all that was in hand
	Backoff  time.Duration // after the first failure; doubled after each
	Longest  time.Duration // that a backoff may become
}

// A Config says what to do, and how much of it at once.
type Config struct {
	Store *store.SQL
	Work  Work

	Triage, Report, Fix Limits
	WatchEvery          time.Duration // 0 is five minutes
	WatchTimeout        time.Duration // 0 is ten minutes
	KeepNotices         time.Duration // so long is a delivery that comes again recognised; 0 is thirty days, negative for ever
	KeepRuns            time.Duration // 0 is ninety days, negative for ever
	Grace               time.Duration // what is under way may finish within it when the queue stops; 0 is twenty seconds
	Sweep               time.Duration // how often lost work, and a full lane, is looked at again; 0 is five seconds
	Absence             time.Duration // how long another machine may be out of reach before its work is taken over; 0 is ten seconds
	Busy                func() bool   // whether deliveries are coming in faster than one by one; triage then waits a little. nil is never
	Now                 func() time.Time
	Log                 *slog.Logger

	clock rivertype.TimeGenerator // River's, if Now was given
}

// A Queue does the store's wanted work.
type Queue struct {
	cfg    Config
	engine engine
	worker string // our name while we live

	mu     sync.Mutex
	active map[int64]bool       // the jobs that this process is at
	absent map[string]time.Time // workers that do not answer, and since when; the sweep's own
	doubts map[int64]bool       // jobs of ours that we were not at in the latest deep sweep; the sweep's own
	leave  func()               // says that we live no more
	quit   context.CancelFunc
	swept  chan struct{}
}

// engine is a River client on either database.
type engine interface {
	Start(context.Context) error
	Stop(context.Context) error
	JobGet(ctx context.Context, id int64) (*rivertype.JobRow, error)
	insert(ctx context.Context, tx store.Tx, params []river.InsertManyParams) ([]*rivertype.JobInsertResult, error)
}

type client[T any] struct {
	*river.Client[T]
	in func(store.Tx) T
}

func (c client[T]) insert(ctx context.Context, tx store.Tx, params []river.InsertManyParams) ([]*rivertype.JobInsertResult, error) {
	return c.InsertManyTx(ctx, c.in(tx), params)
}

// New prepares a queue and its tables. From now on, what the store saves has jobs made for it.
func New(ctx context.Context, cfg Config) (*Queue, error) {
	if cfg.Store == nil || cfg.Work.Triage == nil || cfg.Work.Report == nil || cfg.Work.Fix == nil || cfg.Work.Watch == nil {
		return nil, errors.New("queue: Store and all four kinds of Work are required")
	}
	cfg.defaults()
	q := &Queue{cfg: cfg, worker: rand.Text(), active: map[int64]bool{}, absent: map[string]time.Time{}}
	unlock, err := cfg.Store.Exclusive(ctx, "migrate queue")
	if err != nil {
		return nil, err
	}
	defer unlock()
	if db := cfg.Store.Lite(); db != nil {
		q.engine, err = connect(ctx, riversqlite.New(db), q.config(), func(tx store.Tx) *sql.Tx { return tx.Lite })
	} else {
		q.engine, err = connect(ctx, riverpgxv5.New(cfg.Store.PG()), q.config(), func(tx store.Tx) pgx.Tx { return tx.PG })
	}
	if err != nil {
		return nil, err
	}
	cfg.Store.OnWant(q.enqueue)
	return q, nil
}

func (c *Config) defaults() {
	c.Triage = c.Triage.or(Limits{AtOnce: 16, Timeout: 2 * time.Minute, Attempts: 8, Deaths: 40, Backoff: 2 * time.Second, Longest: 10 * time.Minute})
	c.Report = c.Report.or(Limits{AtOnce: 4, Timeout: 5 * time.Minute, Attempts: 8, Deaths: 40, Backoff: 5 * time.Second, Longest: 30 * time.Minute})
	c.Fix = c.Fix.or(Limits{AtOnce: 1, PerRepo: 1, Timeout: 45 * time.Minute, Attempts: 3, Deaths: 10, Backoff: time.Minute, Longest: time.Hour})
	defaultTo(&c.WatchEvery, 5*time.Minute)
	defaultTo(&c.WatchTimeout, 10*time.Minute)
	defaultTo(&c.KeepNotices, 30*24*time.Hour)
	defaultTo(&c.KeepRuns, 90*24*time.Hour)
	defaultTo(&c.Grace, 20*time.Second)
	defaultTo(&c.Sweep, 5*time.Second)
	defaultTo(&c.Absence, 10*time.Second)
	if c.Busy == nil {
		c.Busy = func() bool { return false }
	}
	if c.Now == nil {
		c.Now = time.Now
	} else {
		c.clock = clock{c.Now}
	}
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
}

// A clock is River's view of ours.
type clock struct{ now func() time.Time }

func (c clock) Now() time.Time { return c.now() }

func (c clock) NowOrNil() *time.Time { return new(c.now()) }

func (l Limits) or(other Limits) Limits {
	defaultTo(&l.AtOnce, other.AtOnce)
	defaultTo(&l.PerRepo, other.PerRepo)
	defaultTo(&l.Timeout, other.Timeout)
	defaultTo(&l.Attempts, other.Attempts)
	defaultTo(&l.Deaths, other.Deaths)
	defaultTo(&l.Backoff, other.Backoff)
	defaultTo(&l.Longest, other.Longest)
	return l
}

func defaultTo[T comparable](v *T, otherwise T) {
	if zero := *new(T); *v == zero {
		*v = otherwise
	}
}

func connect[T any](ctx context.Context, driver riverdriver.Driver[T], cfg *river.Config, in func(store.Tx) T) (engine, error) {
	migrator, err := rivermigrate.New(driver, &rivermigrate.Config{Logger: cfg.Logger})
	if err != nil {
		return nil, fmt.Errorf("prepare queue: %w", err)
	}
	if _, err := migrator.Migrate(ctx, rivermigrate.DirectionUp, nil); err != nil {
		return nil, fmt.Errorf("bring the queue's tables up to date: %w", err)
	}
	c, err := river.NewClient(driver, cfg)
	if err != nil {
		return nil, fmt.Errorf("prepare queue: %w", err)
	}
	return client[T]{c, in}, nil
}

// config is how we use River: it never retries or gives up by itself, because the wants decide that.
func (q *Queue) config() *river.Config {
	workers := river.NewWorkers()
	river.AddWorker(workers, &wantWorker{q: q})
	river.AddWorker(workers, &watchWorker{q: q})
	return &river.Config{
		ID:      q.worker, // so that a job says which of us took it
		Workers: workers,
		Logger:  q.cfg.Log,
		Queues: map[string]river.QueueConfig{
			string(store.Triage): {MaxWorkers: q.cfg.Triage.AtOnce, FetchPollInterval: 250 * time.Millisecond},
			string(store.Report): {MaxWorkers: q.cfg.Report.AtOnce},
			string(store.Fix):    {MaxWorkers: q.cfg.Fix.AtOnce},
			watchQueue:           {MaxWorkers: 1},
		},
		PeriodicJobs: []*river.PeriodicJob{river.NewPeriodicJob(river.PeriodicInterval(q.cfg.WatchEvery), q.watchJob,
			&river.PeriodicJobOpts{RunOnStart: true})},
		FetchCooldown:               10 * time.Millisecond, // what is announced within it is found only by the next poll
		MaxAttempts:                 1000,                  // ours are counted in the wants
		JobTimeout:                  30 * time.Second,
		RescueStuckJobsAfter:        time.Minute, // and not before a job's own timeout
		SoftStopTimeout:             q.cfg.Grace,
		CompletedJobRetentionPeriod: time.Hour,
		Test:                        river.TestConfig{Time: q.cfg.clock},
	}
}

// Start begins to work and returns. Stop ends it; ctx does not.
func (q *Queue) Start(ctx context.Context) error {
	leave, err := q.cfg.Store.Exclusive(ctx, alive(q.worker))
	if err != nil {
		return fmt.Errorf("start queue: %w", err)
	}
	ctx = context.WithoutCancel(ctx)
	if err := q.engine.Start(ctx); err != nil {
		leave()
		return fmt.Errorf("start queue: %w", err)
	}
	q.leave = leave
	sweeping, quit := context.WithCancel(ctx)
	q.quit, q.swept = quit, make(chan struct{})
	go q.sweeps(sweeping)
	return nil
}

// Stop takes no more work, lets what is under way finish within the grace period, and hands the rest back. It
// returns an error if work does not even end when it is cancelled, before ctx is done.
func (q *Queue) Stop(ctx context.Context) error {
	if q.leave == nil {
		return nil
	}
	err := q.engine.Stop(ctx)
	q.quit()
	<-q.swept
	q.leave()
	q.leave = nil
	if err != nil {
		return fmt.Errorf("stop queue: %w", err)
	}
	return nil
}

// enqueue makes a job for new wants, in the transaction that stores them.
func (q *Queue) enqueue(ctx context.Context, tx store.Tx, wants []store.Want, pause time.Duration) (int64, error) {
	args := wantArgs{Want: wants[0].Kind, Names: make([]string, len(wants))}
	for i, w := range wants {
		args.Names[i] = w.Name
	}
	if pause > 0 {
		args.After = q.cfg.Now().Add(pause)
	}
	results, err := q.engine.insert(ctx, tx, []river.InsertManyParams{{Args: args, InsertOpts: &river.InsertOpts{Queue: string(args.Want)}}})
	if err != nil {
		return 0, err
	}
	return results[0].Job.ID, nil
}
