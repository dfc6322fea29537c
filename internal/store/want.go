package store

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Kind is what is to be done.
type Kind string

// The kinds. The last two are those of hotfix.Next.
const (
	Triage Kind = "triage" // of the notice with this id
	Report Kind = Kind(hotfix.NextReport)
	Fix    Kind = Kind(hotfix.NextFix)
)

// A Want is work that was asked for and is not finished. Asking again while it waits changes nothing; asking again
// while it is under way makes it run once more afterwards, so that what was saved last is always acted on.
type Want struct {
	Kind     Kind
	Name     string // the notice's id or the case's fingerprint
	Lane     string // the repository
	Asked    time.Time
	Worker   string // "" if nobody is at it
	Started  time.Time
	Attempts int       // that failed
	Deaths   int       // of the process that was at it
	Reason   string    // why the latest one failed, or that its process died
	Parked   time.Time // zero unless it was given up

	job    int64 // in charge of it
	wanted int64 // how often it was asked for
}

// Enqueue makes one job for wants of one kind, in the transaction that stores them, and returns its number. It begins
// after the pause.
type Enqueue func(ctx context.Context, tx Tx, wants []Want, pause time.Duration) (int64, error)

// OnWant tells the store who makes jobs. Without one, wants stay in the store until a queue finds them. It is called
// once, before the store is used.
func (s *SQL) OnWant(f Enqueue) { s.enqueue = f }

// Want records, in tx, that this work is wanted.
func (s *SQL) Want(ctx context.Context, tx Tx, wants ...Want) error {
	wants = slices.SortedFunc(slices.Values(wants), func(a, b Want) int { // always in the same order, against deadlocks
		return cmp.Or(cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.Name, b.Name))
	})
	var idle []Want
	for _, w := range wants {
		var job int64
		err := first(ctx, tx.querier(), `INSERT INTO wants (kind, name, lane, wanted, asked) VALUES (?, ?, ?, 1, ?)
			ON CONFLICT (kind, name) DO UPDATE SET lane = CASE WHEN excluded.lane = '' THEN wants.lane ELSE excluded.lane END,
				wanted = wants.wanted + 1, asked = excluded.asked,
				attempts = CASE WHEN wants.parked > 0 THEN 0 ELSE wants.attempts END,
				deaths = CASE WHEN wants.parked > 0 THEN 0 ELSE wants.deaths END, parked = 0
			RETURNING job`, []any{string(w.Kind), w.Name, w.Lane, micros(s.now())}, &job)
		if err != nil {
			return err
		}
		if job == 0 {
			idle = append(idle, w)
		}
	}
	for _, w := range idle {
		if err := s.assign(ctx, tx, w, 0); err != nil {
			return err
		}
	}
	return nil
}

// assign makes a job for a want and writes its number into the row.
func (s *SQL) assign(ctx context.Context, tx Tx, w Want, pause time.Duration) error {
	if s.enqueue == nil {
		return nil
	}
	job, err := s.enqueue(ctx, tx, []Want{w}, pause)
	if err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	_, err = tx.querier().exec(ctx, "UPDATE wants SET job = ?, worker = '', started = 0 WHERE kind = ? AND name = ?",
		[]any{job, string(w.Kind), w.Name})
	return err
}

// jobWants is how many wants that arrive together share a job: to make and end one takes longer than most work.
const jobWants = 64

// wantNew records wants of one kind that cannot be there yet, in one statement.
func (s *SQL) wantNew(ctx context.Context, tx Tx, wants []Want) error {
	args := make([]any, 0, 5*len(wants))
	for part := range slices.Chunk(wants, jobWants) {
		var job int64
		if s.enqueue != nil {
			var err error
			if job, err = s.enqueue(ctx, tx, part, 0); err != nil {
				return fmt.Errorf("enqueue: %w", err)
			}
		}
		for _, w := range part {
			args = append(args, string(w.Kind), w.Name, int64(1), micros(s.now()), job)
		}
	}
	_, err := tx.querier().exec(ctx, "INSERT INTO wants (kind, name, wanted, asked, job) VALUES "+places(len(wants), 5), args)
	return err
}
