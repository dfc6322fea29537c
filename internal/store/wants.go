package store

import (
	"context"
	"fmt"
	"time"
)

const wantColumns = "kind, name, lane, asked, worker, started, attempts, deaths, reason, parked, job, wanted"

func scanWant(r rows) (Want, error) {
	var w Want
	var asked, started, parked int64
	err := r.Scan(&w.Kind, &w.Name, &w.Lane, &asked, &w.Worker, &started, &w.Attempts, &w.Deaths, &w.Reason, &parked, &w.job, &w.wanted)
	w.Asked, w.Started, w.Parked = fromMicros(asked), fromMicros(started), fromMicros(parked)
	return w, err
}

func (s *SQL) wants(ctx context.Context, what, where string, args ...any) ([]Want, error) {
	var list []Want
	err := s.db().query(ctx, "SELECT "+wantColumns+" FROM wants WHERE "+where, args, func(r rows) error {
		w, err := scanWant(r)
		list = append(list, w)
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("list %s: %w", what, classify(err))
	}
	return list, nil
}

// Parked lists what was given up, the latest first.
func (s *SQL) Parked(ctx context.Context) ([]Want, error) {
	return s.wants(ctx, "parked work", "parked > 0 ORDER BY parked DESC, kind, name LIMIT 1000")
}

// Wanted lists what is waiting or under way, oldest first.
func (s *SQL) Wanted(ctx context.Context) ([]Want, error) {
	return s.wants(ctx, "wanted work", "parked = 0 ORDER BY asked, kind, name LIMIT 1000")
}

// Stray lists wants that may have nobody to carry them out: those without a job, those begun by a worker, which may be
// gone, and if deep, those that wait. A queue looks at each.
func (s *SQL) Stray(ctx context.Context, deep bool) ([]Want, error) {
	where := "parked = 0 AND (job = 0 OR worker <> '') ORDER BY asked, kind, name LIMIT 1000"
	if deep {
		where = "parked = 0 ORDER BY asked, kind, name LIMIT 1000"
	}
	return s.wants(ctx, "stray work", where)
}

// Job returns the number of the job in charge, 0 if there is none.
func (w Want) Job() int64 { return w.job }

// Reassign gives a want to a new job, if the job in charge is still the one that w names. If its worker died, that is
// counted: what kills a process must not do so for ever.
func (s *SQL) Reassign(ctx context.Context, w Want) error {
	err := s.Write(ctx, func(tx Tx) error {
		n, err := tx.querier().exec(ctx, `UPDATE wants SET worker = '', started = 0,
				deaths = deaths + CASE WHEN worker = '' THEN 0 ELSE 1 END,
				reason = CASE WHEN worker = '' THEN reason ELSE 'the process that was at it died' END
			WHERE kind = ? AND name = ? AND job = ? AND worker = ? AND parked = 0`,
			[]any{string(w.Kind), w.Name, w.job, w.Worker})
		if err != nil || n == 0 {
			return err
		}
		return s.assign(ctx, tx, w, 0)
	})
	if err != nil {
		return fmt.Errorf("reassign %s %s: %w", w.Kind, w.Name, err)
	}
	return nil
}

// Release takes a parked want up again. ErrNotFound if it is not parked.
func (s *SQL) Release(ctx context.Context, kind Kind, name string) error {
	return s.unpark(ctx, "release", kind, name,
		func(tx Tx) error { return s.Want(ctx, tx, Want{Kind: kind, Name: name}) })
}

// Drop forgets a parked want. ErrNotFound if it is not parked.
func (s *SQL) Drop(ctx context.Context, kind Kind, name string) error {
	return s.unpark(ctx, "drop", kind, name, func(tx Tx) error {
		_, err := tx.querier().exec(ctx, "DELETE FROM wants WHERE kind = ? AND name = ?", []any{string(kind), clean(name)})
		return err
	})
}

func (s *SQL) unpark(ctx context.Context, verb string, kind Kind, name string, f func(Tx) error) error {
	err := s.Write(ctx, func(tx Tx) error {
		n, err := tx.querier().exec(ctx, "UPDATE wants SET wanted = wanted WHERE kind = ? AND name = ? AND parked > 0",
			[]any{string(kind), clean(name)})
		if err != nil {
			return err
		}
		if n == 0 {
			return ErrNotFound
		}
		return f(tx)
	})
	if err != nil {
		return fmt.Errorf("%s %s %s: %w", verb, kind, name, err)
	}
	return nil
}

// A Count is how much of one kind is wanted.
type Count struct {
	Waiting, Running, Parked int
	Oldest                   time.Time // when the oldest that is neither done nor parked was asked for
}

// Counts says how much work of each kind there is.
func (s *SQL) Counts(ctx context.Context) (map[Kind]Count, error) {
	counts := map[Kind]Count{}
	err := s.db().query(ctx, `SELECT kind, sum(CASE WHEN parked = 0 AND worker = '' THEN 1 ELSE 0 END),
		sum(CASE WHEN parked = 0 AND worker <> '' THEN 1 ELSE 0 END), sum(CASE WHEN parked > 0 THEN 1 ELSE 0 END),
		coalesce(min(CASE WHEN parked = 0 THEN asked END), 0) FROM wants GROUP BY kind`, nil, func(r rows) error {
		var kind Kind
		var c Count
		var oldest int64
		err := r.Scan(&kind, &c.Waiting, &c.Running, &c.Parked, &oldest)
		c.Oldest = fromMicros(oldest)
		counts[kind] = c
		return err
	})
	if err != nil {
		return nil, fmt.Errorf("count work: %w", classify(err))
	}
	return counts, nil
}

// Prune forgets expired tokens, and notices and runs that are older than these ages; what is still wanted stays. An
// age of 0 or less keeps everything.
func (s *SQL) Prune(ctx context.Context, notices, runs time.Duration) error {
	now := s.now()
	err := s.Write(ctx, func(tx Tx) error {
		q := tx.querier()
		_, err := q.exec(ctx, "UPDATE notices SET token = '', expires = 0 WHERE expires > 0 AND expires <= ?", []any{micros(now)})
		if err == nil {
			err = forgetRaw(ctx, q, now)
		}
		if err == nil && notices > 0 {
			_, err = q.exec(ctx, `DELETE FROM notices WHERE at < ?
				AND NOT EXISTS (SELECT 1 FROM wants WHERE kind = 'triage' AND name = notices.id)`, []any{micros(now.Add(-notices))})
		}
		if err == nil && notices > 0 {
			_, err = q.exec(ctx, "DELETE FROM drops WHERE last < ?", []any{micros(now.Add(-notices))})
		}
		if err == nil && runs > 0 {
			_, err = q.exec(ctx, "DELETE FROM runs WHERE at < ?", []any{micros(now.Add(-runs))})
		}
		return err
	})
	if err != nil {
		return fmt.Errorf("prune: %w", err)
	}
	return nil
}
