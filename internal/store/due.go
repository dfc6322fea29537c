package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// OnDue tells the store who knows when the time may next mean something to a case; the zero time is never. Without that,
// every case is always due. It is called once, before the store is used.
func (s *SQL) OnDue(f func(hotfix.Case) time.Time) { s.due = f }

// always is long ago.
const always = 1

func (s *SQL) dueAt(c hotfix.Case) int64 {
	if s.due == nil {
		return always
	}
	at := s.due(c)
	if at.IsZero() {
		return 0
	}
	return max(at.UnixMicro(), always)
}

// duePage is how many cases are read at once.
const duePage = 200

// dueCases lists what is due, page by page.
const dueCases = "SELECT fingerprint, due, version, body FROM cases WHERE due > 0 AND due <= ? AND (due, fingerprint) > (?, ?) ORDER BY due, fingerprint LIMIT ?"

// A dueCase is a case as it was read, and when it was due.
type dueCase struct {
	fp           string
	due, version int64
	body         string
}

// Due has look see every case that the time may mean something to at now. One whose time is later than was noted, because
// the rules have changed or nobody knew them, is left out from then on. A case that cannot be read does not stop the others.
func (s *SQL) Due(ctx context.Context, now time.Time, look func(hotfix.Case)) error {
	var errs []error
	for last := (dueCase{}); ; {
		var page []dueCase
		err := s.db().query(ctx, dueCases, []any{micros(now), last.due, last.fp, int64(duePage)}, func(r rows) error {
			var c dueCase
			err := r.Scan(&c.fp, &c.due, &c.version, &c.body)
			page = append(page, c)
			return err
		})
		if err != nil {
			return errors.Join(append(errs, fmt.Errorf("list due cases: %w", classify(err)))...)
		}
		for _, row := range page {
			var c hotfix.Case
			if err := json.Unmarshal([]byte(row.body), &c); err != nil {
				errs = append(errs, fmt.Errorf("decode case %s: %w", row.fp, err))
				continue
			}
			due := s.dueAt(c)
			if due > 0 && due <= micros(now) {
				look(c)
			} else if err := s.rest(ctx, row, due); err != nil {
				errs = append(errs, err)
			}
		}
		if len(page) < duePage {
			return errors.Join(errs...)
		}
		last = page[len(page)-1]
	}
}

// rest notes when a case is due, unless it was saved since it was read.
func (s *SQL) rest(ctx context.Context, row dueCase, due int64) error {
	err := s.Write(ctx, func(tx Tx) error {
		_, err := tx.querier().exec(ctx, "UPDATE cases SET due = ? WHERE fingerprint = ? AND version = ?", []any{due, row.fp, row.version})
		return err
	})
	if err != nil {
		return fmt.Errorf("note when case %s is due: %w", row.fp, err)
	}
	return nil
}
