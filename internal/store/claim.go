package store

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"
)

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

// Claim lets job, which worker runs, begin on those of these wants that it is in charge of. At most perLane wants of a
// kind are under way in one lane, where each has a job of its own; 0 or less is no limit.
func (s *SQL) Claim(ctx context.Context, kind Kind, names []string, job int64, worker string, perLane int) ([]Claim, error) {
	var claims []Claim
	err := s.Write(ctx, func(tx Tx) error {
		claims = nil
		args := []any{worker, micros(s.now()), string(kind), job}
		for _, name := range names {
			args = append(args, name)
		}
		err := tx.querier().query(ctx, `UPDATE wants SET worker = ?, started = ? WHERE kind = ? AND job = ? AND name IN `+places(1, len(names))+`
			RETURNING name, wanted, lane, attempts, deaths, reason`, args, func(r rows) error {
			w := Want{Kind: kind, job: job}
			err := r.Scan(&w.Name, &w.wanted, &w.Lane, &w.Attempts, &w.Deaths, &w.Reason)
			claims = append(claims, Claim{Want: w, Worker: worker})
			return err
		})
		switch {
		case err != nil:
			return err
		case len(claims) == 0:
			return ErrObsolete
		case perLane > 0 && claims[0].Want.Lane != "":
			return roomIn(ctx, tx, claims[0].Want, perLane)
		}
		return nil
	})
	if err != nil {
		return nil, fmt.Errorf("begin %s %s: %w", kind, strings.Join(names, ", "), err)
	}
	return claims, nil
}

// roomIn returns ErrBusy if w, which has just begun, is one too many in its lane.
func roomIn(ctx context.Context, tx Tx, w Want, perLane int) error {
	q := tx.querier()
	if tx.PG != nil { // one claim in a lane at a time, or two would each not see the other
		if _, err := q.exec(ctx, "SELECT pg_advisory_xact_lock(?)", []any{number("lane " + string(w.Kind) + " " + w.Lane)}); err != nil {
			return err
		}
	}
	var busy int
	if err := first(ctx, q, "SELECT count(*) FROM wants WHERE kind = ? AND lane = ? AND worker <> ''", []any{string(w.Kind), w.Lane}, &busy); err != nil {
		return err
	}
	if busy > perLane {
		return ErrBusy
	}
	return nil
}

// An End is how work on a want ended.
type End struct {
	Failed string        // why it did not succeed; "" if it did
	Park   bool          // give it up, unless it was asked for again meanwhile
	Later  bool          // it did not really begin, or was interrupted: this was not an attempt
	Pause  time.Duration // before it is tried again
}

// Finish records the ends of what a job claimed. A want that was asked for again while it ran, or did not succeed and
// was not given up, goes on: if it was the only one of its job, again says so and the job stays in charge; else it
// gets a job of its own. If another job took over the only one, the error is ErrObsolete and nothing has changed.
func (s *SQL) Finish(ctx context.Context, claims []Claim, ends []End) (again bool, err error) {
	alone := len(claims) == 1
	err = s.Write(ctx, func(tx Tx) error {
		again = false
		for i, c := range claims {
			goesOn, err := finish(ctx, tx, c, ends[i], micros(s.now()))
			switch {
			case errors.Is(err, ErrObsolete) && !alone:
				continue
			case err != nil:
				return err
			case goesOn && alone:
				again = true
			case goesOn:
				if err := s.assign(ctx, tx, c.Want, ends[i].Pause); err != nil {
					return err
				}
			}
		}
		return nil
	})
	if err != nil {
		return false, fmt.Errorf("finish %s %s: %w", claims[0].Want.Kind, claims[0].Want.Name, err)
	}
	return again, nil
}

// finish records one end, and whether the work goes on.
func finish(ctx context.Context, tx Tx, c Claim, end End, now int64) (again bool, err error) {
	q, w := tx.querier(), c.Want
	key := []any{string(w.Kind), w.Name, w.job, c.Worker}
	const mine = " WHERE kind = ? AND name = ? AND job = ? AND worker = ?"
	succeeded := end.Failed == "" && !end.Later
	if succeeded { // and most were not asked for again
		n, err := q.exec(ctx, "DELETE FROM wants"+mine+" AND wanted = ?", append(key, w.wanted))
		if err != nil || n > 0 {
			return false, err
		}
	}
	var wanted int64
	err = first(ctx, q, "UPDATE wants SET started = started"+mine+" RETURNING wanted", key, &wanted) // takes the row's lock
	if errors.Is(err, ErrNotFound) {
		return false, ErrObsolete
	}
	if err != nil {
		return false, err
	}
	newer := wanted > w.wanted
	again = newer || !succeeded && !end.Park
	attempts, deaths, job, parked := w.Attempts, w.Deaths, w.job, int64(0)
	switch {
	case succeeded, end.Park && newer: // what was asked for since has all its attempts before it
		attempts, deaths = 0, 0
	case !end.Later:
		attempts++
	}
	if !again {
		job, parked = 0, now
	}
	_, err = q.exec(ctx, "UPDATE wants SET worker = '', started = 0, attempts = ?, deaths = ?, reason = ?, job = ?, parked = ?"+mine,
		append([]any{int64(attempts), int64(deaths), clean(end.Failed), job, parked}, key...))
	return again, err
}
