package store

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Volatile is a store in memory, for tests. It keeps the promises of SQL but durability, and passes the same suite.
type Volatile struct {
	mu      sync.Mutex
	locks   *locks
	notices map[string]hotfix.Notice
	cases   map[hotfix.Fingerprint]versioned
	runs    map[string][]byte
	next    map[hotfix.Fingerprint][]hotfix.Next
	names   map[string]hotfix.Fingerprint
	drops   []Drop
}

type versioned struct {
	body    []byte // encoded, so that nobody can change a stored case through a slice they still hold
	version int64
	at      hotfix.Case
}

// Memory returns an empty store in memory.
func Memory() *Volatile {
	return &Volatile{locks: newLocks(alone{}), notices: map[string]hotfix.Notice{}, cases: map[hotfix.Fingerprint]versioned{},
		runs: map[string][]byte{}, next: map[hotfix.Fingerprint][]hotfix.Next{},
		names: map[string]hotfix.Fingerprint{}}
}

// alone is the remote of a store that no other process can reach.
type alone struct{}

func (alone) try(ctx context.Context, _ int64) (bool, error)          { return ctx.Err() == nil, ctx.Err() }
func (alone) release(int64) error                                     { return nil }
func (alone) keep(context.Context, []int64) (lost []int64, err error) { return nil, nil }
func (alone) close() error                                            { return nil }

// Lock is as SQL.Lock.
func (v *Volatile) Lock(ctx context.Context, fp hotfix.Fingerprint) (unlock func(), err error) {
	return v.locks.take(ctx, caseLock(fp))
}

// SaveNotice is as SQL.SaveNotice. Nobody triages.
func (v *Volatile) SaveNotice(ctx context.Context, n hotfix.Notice) (fresh bool, err error) {
	if n.ID == "" {
		return false, errors.New(`save notice: "" is not an id`)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	if _, old := v.notices[n.ID]; old || ctx.Err() != nil {
		return false, ctx.Err()
	}
	v.notices[n.ID] = n
	return true, nil
}

// Notice is as SQL.Notice.
func (v *Volatile) Notice(_ context.Context, id string) (hotfix.Notice, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	n, ok := v.notices[id]
	if !ok {
		return n, fmt.Errorf("read notice %s: %w", id, ErrNotFound)
	}
	return n, nil
}

// Case is as SQL.Case.
func (v *Volatile) Case(_ context.Context, fp hotfix.Fingerprint) (hotfix.Case, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	stored, ok := v.cases[fp]
	if !ok {
		return hotfix.Case{}, fmt.Errorf("read case %s: %w", fp, ErrNotFound)
	}
	v.locks.mu.Lock()
	defer v.locks.mu.Unlock()
	if h := v.locks.held(caseLock(fp)); h != nil && !h.read {
		h.read, h.version = true, stored.version
	}
	var c hotfix.Case
	return c, json.Unmarshal(stored.body, &c)
}

// Find is as SQL.Find.
func (v *Volatile) Find(_ context.Context, repo hotfix.Repo, issue int) (hotfix.Fingerprint, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	best := hotfix.Case{}
	for _, stored := range v.cases {
		if c := stored.at; c.Repo.Is(repo) && c.Issue == issue && (best.Fingerprint == "" || c.Last.After(best.Last)) {
			best = c
		}
	}
	if best.Fingerprint == "" {
		return "", fmt.Errorf("find case of %s#%d: %w", repo, issue, ErrNotFound)
	}
	return best.Fingerprint, nil
}

// SaveCase is as SQL.SaveCase. What is wanted next is only remembered: see Next.
func (v *Volatile) SaveCase(ctx context.Context, c hotfix.Case, next ...hotfix.Next) error {
	body, err := json.Marshal(c)
	if err != nil {
		return fmt.Errorf("encode case %s: %w", c.Fingerprint, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.locks.mu.Lock()
	defer v.locks.mu.Unlock()
	h, version := v.locks.held(caseLock(c.Fingerprint)), int64(0)
	if h != nil {
		version = h.version
	}
	if ctx.Err() != nil {
		return fmt.Errorf("save case %s: %w", c.Fingerprint, ctx.Err())
	}
	if v.cases[c.Fingerprint].version != version {
		return fmt.Errorf("save case %s: %w", c.Fingerprint, ErrConflict)
	}
	if h != nil {
		h.read, h.version = true, version+1
	}
	v.cases[c.Fingerprint] = versioned{body: body, version: version + 1, at: c}
	v.next[c.Fingerprint] = append(v.next[c.Fingerprint], next...)
	for _, id := range c.Counts {
		if n, ok := v.notices[id]; ok {
			n.Counted = true
			v.notices[id] = n
		}
	}
	return nil
}

// Next returns, once, what was wanted of the cases that were saved.
func (v *Volatile) Next(fp hotfix.Fingerprint) []hotfix.Next {
	v.mu.Lock()
	defer v.mu.Unlock()
	next := v.next[fp]
	delete(v.next, fp)
	return next
}

// Cases is as SQL.Cases.
func (v *Volatile) Cases(_ context.Context, f CaseFilter) ([]hotfix.Case, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	var list []hotfix.Case
	for _, stored := range v.cases {
		var c hotfix.Case
		if err := json.Unmarshal(stored.body, &c); err != nil {
			return nil, err
		}
		tried := slices.ContainsFunc(c.Attempts, func(a hotfix.Attempt) bool { return a.Started.After(f.Tried) })
		if (f.Repo.IsZero() || c.Repo.Is(f.Repo)) && (f.Not.IsZero() || !c.Repo.Is(f.Not)) && (f.State == "" || c.State == f.State) && (f.Since.IsZero() || c.Last.After(f.Since)) && (f.Tried.IsZero() || tried) {
			list = append(list, c)
		}
	}
	slices.SortFunc(list, func(a, b hotfix.Case) int {
		if n := b.Last.Compare(a.Last); n != 0 {
			return n
		}
		return strings.Compare(string(b.Fingerprint), string(a.Fingerprint))
	})
	if f.After != "" {
		at := slices.IndexFunc(list, func(c hotfix.Case) bool { return c.Fingerprint == f.After })
		list = list[at+1:]
	}
	if f.Limit == 0 {
		f.Limit = 100
	}
	return list[:min(len(list), f.Limit)], nil
}

// Due is as SQL.Due, with every case due.
func (v *Volatile) Due(ctx context.Context, _ time.Time, look func(hotfix.Case)) error {
	cases, err := v.Cases(ctx, CaseFilter{Limit: math.MaxInt})
	for _, c := range cases {
		look(c)
	}
	return err
}

// SaveRun is as SQL.SaveRun.
func (v *Volatile) SaveRun(_ context.Context, id string, run *agent.Run) error {
	body, err := json.Marshal(run)
	if err != nil {
		return fmt.Errorf("encode run %s: %w", id, err)
	}
	v.mu.Lock()
	defer v.mu.Unlock()
	v.runs[id] = body
	return nil
}

// Run is as SQL.Run.
func (v *Volatile) Run(_ context.Context, id string) (*agent.Run, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	body, ok := v.runs[id]
	if !ok {
		return nil, fmt.Errorf("read run %s: %w", id, ErrNotFound)
	}
	run := new(agent.Run)
	return run, json.Unmarshal(body, run)
}

// Exclusive is as SQL.Exclusive.
func (v *Volatile) Exclusive(ctx context.Context, name string) (unlock func(), err error) {
	return v.locks.take(ctx, name)
}
