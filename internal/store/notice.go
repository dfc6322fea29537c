package store

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

const (
	tokenLife     = time.Hour        // of GitHub's installation tokens
	batchMax      = 256              // notices in one transaction
	batchPatience = 20 * time.Second // for one transaction
	batchBusy     = 4                // notices in one transaction, or more, and it is worth a moment to wait for others
	batchLinger   = time.Millisecond
)

// An arrival is a notice on its way into the store, together with whoever waits for it.
type arrival struct {
	id, event, body, token string
	at, expires, rawUntil  int64
	fresh                  bool
	err                    error
	stored                 chan struct{} // closed when fresh and err are known
	lead                   chan struct{} // gets a value when this caller must store the next batch
	nominated              bool
}

// SaveNotice stores n together with the wish that it be triaged. It returns when both are safe on disk; fresh is
// false if a notice with this id was there before, and then nothing has changed. Callers that arrive together share
// one transaction.
func (s *SQL) SaveNotice(ctx context.Context, n hotfix.Notice) (fresh bool, err error) {
	a, err := s.arrive(n)
	if err != nil {
		return false, err
	}
	s.batch.Lock()
	s.batch.pending = append(s.batch.pending, a)
	first := !s.batch.led
	s.batch.led = true
	s.batch.Unlock()
	if first {
		s.storeBatch(ctx)
	} else if err := s.follow(ctx, a); err != nil {
		return false, err
	}
	if a.err != nil {
		return false, fmt.Errorf("save notice %s: %w", n.ID, a.err)
	}
	return a.fresh, nil
}

func (s *SQL) arrive(n hotfix.Notice) (*arrival, error) {
	if n.ID == "" || !utf8.ValidString(n.ID) || strings.ContainsRune(n.ID, 0) {
		return nil, fmt.Errorf("save notice: %q is not an id", n.ID)
	}
	body, err := json.Marshal(n)
	if err != nil {
		return nil, fmt.Errorf("encode notice %s: %w", n.ID, err)
	}
	now := s.now()
	a := &arrival{id: n.ID, event: clean(n.Event), body: string(body), at: micros(now),
		stored: make(chan struct{}), lead: make(chan struct{}, 1)}
	if len(n.Raw) > 0 {
		a.rawUntil = micros(n.RawUntil)
	}
	if !n.Token.Empty() {
		a.token, a.expires = s.sealed(n), micros(now.Add(tokenLife))
	}
	return a, nil
}

// clean makes text of s that every database takes.
func clean(s string) string {
	return strings.ReplaceAll(strings.ToValidUTF8(s, "\uFFFD"), "\x00", "\uFFFD")
}

// follow waits until a has been stored by another caller, or stores the next batch if that falls to this one.
func (s *SQL) follow(ctx context.Context, a *arrival) error {
	done := ctx.Done()
	for {
		select {
		case <-a.stored:
			return nil
		case <-a.lead:
			s.storeBatch(ctx)
			return nil
		case <-done:
			s.batch.Lock()
			if i := slices.Index(s.batch.pending, a); i >= 0 && !a.nominated {
				s.batch.pending = slices.Delete(s.batch.pending, i, i+1)
				s.batch.Unlock()
				return ctx.Err()
			}
			s.batch.Unlock()
			done = nil // it is being stored, or others wait for this caller: too late to leave
		}
	}
}

// storeBatch stores everything that waits, the caller's own among it, then hands the lead to whoever came since.
// One caller's impatience must not fail the others, so it does not end with ctx.
func (s *SQL) storeBatch(ctx context.Context) {
	s.batch.Lock()
	if s.batch.latest >= batchBusy && len(s.batch.pending) < s.batch.latest {
		s.batch.Unlock()
		time.Sleep(batchLinger)
		s.batch.Lock()
	}
	batch := s.batch.pending[:min(len(s.batch.pending), batchMax)]
	s.batch.pending = slices.Clone(s.batch.pending[len(batch):])
	s.batch.latest = len(batch)
	s.batch.Unlock()

	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), batchPatience)
	defer cancel()
	err := s.insertNotices(ctx, batch)
	if err != nil && len(batch) > 1 && !errors.Is(err, ErrFull) {
		for _, a := range batch { // one of them is at fault; the others should not suffer
			a.err = s.insertNotices(ctx, []*arrival{a})
		}
	} else {
		for _, a := range batch {
			a.err = err
		}
	}
	for _, a := range batch {
		close(a.stored)
	}
	s.batch.Lock()
	defer s.batch.Unlock()
	if len(s.batch.pending) == 0 {
		s.batch.led = false
		return
	}
	s.batch.pending[0].nominated = true
	s.batch.pending[0].lead <- struct{}{}
}

// insertNotices stores the arrivals in one transaction and marks the fresh ones. It goes by id, so that two machines
// that store the same notices never wait for each other in a circle.
func (s *SQL) insertNotices(ctx context.Context, batch []*arrival) error {
	sorted := slices.SortedStableFunc(slices.Values(batch), func(a, b *arrival) int { return cmp.Compare(a.id, b.id) })
	unique := slices.CompactFunc(slices.Clone(sorted), func(a, b *arrival) bool { return a.id == b.id })
	args := make([]any, 0, 7*len(unique))
	byID := make(map[string]*arrival, len(unique))
	for _, a := range unique {
		args = append(args, a.id, a.event, a.at, a.body, a.token, a.expires, a.rawUntil)
		byID[a.id] = a
	}
	var fresh []string
	err := s.write(ctx, s.notices, func(tx Tx) error {
		fresh = fresh[:0]
		var wants []Want
		err := tx.querier().query(ctx, "INSERT INTO notices (id, event, at, body, token, expires, raw_until) VALUES "+
			places(len(unique), 7)+" ON CONFLICT (id) DO NOTHING RETURNING id", args, func(r rows) error {
			var id string
			if err := r.Scan(&id); err != nil {
				return err
			}
			fresh = append(fresh, id)
			wants = append(wants, Want{Kind: Triage, Name: id})
			return nil
		})
		if err != nil || len(wants) == 0 {
			return err
		}
		return s.wantNew(ctx, tx, wants)
	})
	if err == nil {
		for _, id := range fresh {
			byID[id].fresh = true
		}
	}
	return err
}

// Notice returns the notice with this id. Its token is empty once it has expired.
func (s *SQL) Notice(ctx context.Context, id string) (hotfix.Notice, error) {
	var body, token string
	var expires, counted int64
	if err := s.first(ctx, "read notice "+id, "SELECT body, token, expires, counted FROM notices WHERE id = ?", []any{clean(id)},
		&body, &token, &expires, &counted); err != nil {
		return hotfix.Notice{}, err
	}
	var n hotfix.Notice
	if err := json.Unmarshal([]byte(body), &n); err != nil {
		return hotfix.Notice{}, fmt.Errorf("decode notice %s: %w", id, err)
	}
	n.Token, n.Attestation, n.Counted = redact.Secret{}, redact.Secret{}, counted == 1
	if s.now().Before(fromMicros(expires)) {
		n.Token, n.Attestation = apart(s.box.open(id, token))
	}
	return n, nil
}

// rawAtOnce is how many payloads are forgotten in one go.
const rawAtOnce = 500

// forgetRaw takes the payloads out of notices that have kept them for as long as was wanted.
func forgetRaw(ctx context.Context, q querier, now time.Time) error {
	bodies := map[string]string{}
	err := q.query(ctx, "SELECT id, body FROM notices WHERE raw_until > 0 AND raw_until <= ? LIMIT ?", []any{micros(now), int64(rawAtOnce)}, func(r rows) error {
		var id, body string
		err := r.Scan(&id, &body)
		bodies[id] = body
		return err
	})
	for id, body := range bodies {
		var n hotfix.Notice
		if err == nil {
			err = json.Unmarshal([]byte(body), &n)
		}
		if err != nil {
			break
		}
		n.Raw = nil
		slim, encodeErr := json.Marshal(n)
		if err = encodeErr; err == nil {
			_, err = q.exec(ctx, "UPDATE notices SET body = ?, raw_until = 0 WHERE id = ?", []any{string(slim), id})
		}
	}
	return err
}

// sealed is a notice's token with the kernel's word for it. Neither holds a line break.
func (s *SQL) sealed(n hotfix.Notice) string {
	return n.Token.Seal(func(token string) string {
		return n.Attestation.Seal(func(attestation string) string {
			if attestation != "" {
				token += "\n" + attestation
			}
			return s.box.seal(n.ID, token)
		})
	})
}

// apart takes apart what was sealed.
func apart(s string) (token, attestation redact.Secret) {
	first, second, _ := strings.Cut(s, "\n")
	return redact.StoredSecret(first), redact.StoredSecret(second)
}

// DropToken erases the token of a notice that needs it no more.
func (s *SQL) DropToken(ctx context.Context, id string) error {
	_, err := s.db().exec(ctx, "UPDATE notices SET token = '', expires = 0 WHERE id = ?", []any{clean(id)})
	if err != nil {
		return fmt.Errorf("drop token of notice %s: %w", id, classify(err))
	}
	return nil
}

// A NoticeRow is a notice in a list.
type NoticeRow struct {
	At      time.Time // when it arrived
	Waiting bool      // it has not been triaged
	Notice  hotfix.Notice
}

// Notices lists notices, newest first, without their tokens.
func (s *SQL) Notices(ctx context.Context, limit int) ([]NoticeRow, error) {
	var list []NoticeRow
	err := s.db().query(ctx, `SELECT n.body, n.at, CASE WHEN w.name IS NULL THEN 0 ELSE 1 END
		FROM notices n LEFT JOIN wants w ON w.kind = 'triage' AND w.name = n.id ORDER BY n.at DESC, n.id LIMIT ?`,
		[]any{int64(limit)}, func(r rows) error {
			var body string
			var at, waiting int64
			if err := r.Scan(&body, &at, &waiting); err != nil {
				return err
			}
			row := NoticeRow{At: fromMicros(at), Waiting: waiting == 1}
			list = append(list, row)
			return json.Unmarshal([]byte(body), &list[len(list)-1].Notice)
		})
	if err != nil {
		return nil, fmt.Errorf("list notices: %w", classify(err))
	}
	return list, nil
}
