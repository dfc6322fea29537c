package store

import (
	"cmp"
	"context"
	"errors"
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

// Enqueue makes one job for each want, in the transaction that stores them, and returns their numbers.
type Enqueue func(ctx context.Context, tx Tx, wants []Want) ([]int64, error)

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
	return s.assign(ctx, tx, idle)
}

// assign makes a job for each want and writes its number into the row.
func (s *SQL) assign(ctx context.Context, tx Tx, wants []Want) error {
	if len(wants) == 0 || s.enqueue == nil {
		return nil
	}
	jobs, err := s.enqueue(ctx, tx, wants)
	if err != nil {
		return fmt.Errorf("enqueue: %w", err)
	}
	for i, w := range wants {
		_, err := tx.querier().exec(ctx, "UPDATE wants SET job = ?, worker = '', started = 0 WHERE kind = ? AND name = ?",
			[]any{jobs[i], string(w.Kind), w.Name})
		if err != nil {
			return err
		}
	}
	return nil
}

// wantNew records wants that cannot be there yet, in one statement.
func (s *SQL) wantNew(ctx context.Context, tx Tx, wants []Want) error {
	jobs := make([]int64, len(wants))
	if s.enqueue != nil {
		var err error
		if jobs, err = s.enqueue(ctx, tx, wants); err != nil {
			return fmt.Errorf("enqueue: %w", err)
		}
	}
	args := make([]any, 0, 5*len(wants))
	for i, w := range wants {
		args = append(args, string(w.Kind), w.Name, int64(1), micros(s.now()), jobs[i])
	}
	_, err := tx.querier().exec(ctx, "INSERT INTO wants (kind, name, wanted, asked, job) VALUES "+places(len(wants), 5), args)
	return err
}

// A Claim is the right of one job to work on a want.
type Claim struct {
	Want   Want
	Worker string
}

// The answers of Claim.
var (
	// ErrObsolete means that the want is done, or that another job is in charge of it.
	ErrObsolete = errors.New("another job is in charge of this, or it is done")
	// ErrBusy means that as many wants of this lane as may be are under way.
	ErrBusy = errors.New("enough of this is under way in this lane")
)

// Claim lets job, which worker runs, begin on a want. At most perLane wants of a kind are under way in one lane;
// 0 or less is no limit.
func (s *SQL) Claim(ctx context.Context, kind Kind, name string, job int64, worker string, perLane int) (Claim, error) {
	claim := Claim{Want: Want{Kind: kind, Name: name, job: job}, Worker: worker}
	err := s.Write(ctx, func(tx Tx) error {
		q := tx.querier()
		w := &claim.Want
		err := first(ctx, q, `UPDATE wants SET worker = ?, started = ? WHERE kind = ? AND name = ? AND job = ?
			RETURNING wanted, lane, attempts, deaths, reason`,
			[]any{worker, micros(s.now()), string(kind), name, job}, &w.wanted, &w.Lane, &w.Attempts, &w.Deaths, &w.Reason)
		if errors.Is(err, ErrNotFound) {
			return ErrObsolete
		}
		if err != nil || perLane <= 0 || w.Lane == "" {
			return err
		}
		if tx.PG != nil { // one claim in a lane at a time, or two would each not see the other
			if _, err := q.exec(ctx, "SELECT pg_advisory_xact_lock(?)", []any{number("lane " + string(kind) + " " + w.Lane)}); err != nil {
				return err
			}
		}
		var busy int
		if err := first(ctx, q, "SELECT count(*) FROM wants WHERE kind = ? AND lane = ? AND worker <> ''",
			[]any{string(kind), w.Lane}, &busy); err != nil {
			return err
		}
		if busy > perLane {
			return ErrBusy
		}
		return nil
	})
	if err != nil {
		return Claim{}, fmt.Errorf("begin %s %s: %w", kind, name, err)
	}
	return claim, nil
}

// An End is how work on a want ended.
type End struct {
	Failed string // why it did not succeed; "" if it did
	Park   bool   // give it up, unless it was asked for again meanwhile
	Later  bool   // it did not really begin, or was interrupted: this was not an attempt
}

// Finish records the end of claimed work. again reports that the job stays in charge: the want was asked for again
// while it ran, or did not succeed and was not given up. If another job took over, the error is ErrObsolete and
// nothing has changed.
func (s *SQL) Finish(ctx context.Context, c Claim, end End) (again bool, err error) {
	w := c.Want
	err = s.Write(ctx, func(tx Tx) error {
		q := tx.querier()
		key := []any{string(w.Kind), w.Name, w.job, c.Worker}
		const mine = " WHERE kind = ? AND name = ? AND job = ? AND worker = ?"
		var wanted int64
		err := first(ctx, q, "UPDATE wants SET started = started"+mine+" RETURNING wanted", key, &wanted) // takes the row's lock
		if errors.Is(err, ErrNotFound) {
			return ErrObsolete
		}
		if err != nil {
			return err
		}
		succeeded, newer := end.Failed == "" && !end.Later, wanted > w.wanted
		again = newer || !succeeded && !end.Park
		if succeeded && !newer {
			_, err = q.exec(ctx, "DELETE FROM wants"+mine, key)
			return err
		}
		attempts, deaths, job, parked := w.Attempts, w.Deaths, w.job, int64(0)
		switch {
		case succeeded, end.Park && newer: // what was asked for since has all its attempts before it
			attempts, deaths = 0, 0
		case !end.Later:
			attempts++
		}
		if !again {
			job, parked = 0, micros(s.now())
		}
		_, err = q.exec(ctx, "UPDATE wants SET worker = '', started = 0, attempts = ?, deaths = ?, reason = ?, job = ?, parked = ?"+mine,
			append([]any{int64(attempts), int64(deaths), clean(end.Failed), job, parked}, key...))
		return err
	})
	if err != nil {
		return false, fmt.Errorf("finish %s %s: %w", w.Kind, w.Name, err)
	}
	return again, nil
}
