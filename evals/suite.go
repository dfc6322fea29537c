package evals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A Suite is many fixtures run side by side.
type Suite struct {
	Options
	Fixtures []*Fixture
	Tries    int    // of each fixture; 0 is one
	AtOnce   int    // fixtures side by side; 0 is one
	Folder   string // where each result is kept as soon as it is there; "" keeps none
	Resume   bool   // results in Folder count if the fixture is still the same
	Ended    func(Progress)
}

// A Progress is where a suite stands after a result.
type Progress struct {
	Result *Result
	Done   int
	Of     int
	Kept   bool // it was there already
	Left   time.Duration
}

// A Report is what came of a suite.
type Report struct {
	Score
	Made    time.Time `json:"made"`
	Model   string    `json:"model,omitempty"` // of live runs
	Results []*Result `json:"results"`
}

// task is one try at one fixture.
type task struct {
	f   *Fixture
	try int
}

func (t task) file() string {
	if t.try == 0 {
		return t.f.Name + ".json"
	}
	return fmt.Sprintf("%s.%d.json", t.f.Name, t.try)
}

// Run runs everything. A fixture whose stage fails is a result with a problem; the error is about the suite itself.
func (s *Suite) Run(ctx context.Context) (*Report, error) {
	began := time.Now()
	tasks := s.tasks()
	results := make([]*Result, len(tasks))
	kept := 0
	if s.Folder != "" {
		if err := os.MkdirAll(s.Folder, 0o755); err != nil {
			return nil, fmt.Errorf("results: %w", err)
		}
	}
	for i, t := range tasks {
		if s.Resume && s.Folder != "" {
			if results[i] = s.former(t); results[i] != nil {
				kept++
			}
		}
	}
	if err := s.work(ctx, tasks, results, kept); err != nil {
		return nil, err
	}
	r := &Report{Score: Sum(results), Made: began.UTC().Truncate(time.Second), Results: results}
	r.Seconds = time.Since(began).Seconds()
	return r, nil
}

// tasks are all tries. Those that take long come first, so that no core waits for one at the end.
func (s *Suite) tasks() []task {
	var out []task
	for _, f := range s.Fixtures {
		if s.Tries <= 0 {
			out = append(out, task{f, 0})
		}
		for try := range s.Tries {
			out = append(out, task{f, try + 1})
		}
	}
	slices.SortStableFunc(out, func(a, b task) int { return len(b.f.Model) - len(a.f.Model) })
	return out
}

// former is the result of a task from an earlier run, nil if there is none that still counts: what broke, as when the
// model could not be reached, is tried again.
func (s *Suite) former(t task) *Result {
	text, err := os.ReadFile(filepath.Join(s.Folder, t.file()))
	if err != nil {
		return nil
	}
	var r Result
	if json.Unmarshal(text, &r) != nil || r.Fixture != t.f.Digest() || r.broke() {
		return nil
	}
	return &r
}

// broke reports whether the stage or an attempt broke, which says nothing about the model.
func (r *Result) broke() bool {
	return r.Digest == "" || slices.ContainsFunc(r.Outcomes, func(o string) bool { return strings.HasSuffix(o, " "+string(hotfix.Broken)) })
}

// work fills results in, some tasks at a time.
func (s *Suite) work(ctx context.Context, tasks []task, results []*Result, kept int) error {
	began, done := time.Now(), kept
	var mu sync.Mutex
	var failed error
	ended := func(r *Result, old bool) {
		p := Progress{Result: r, Done: done, Of: len(tasks), Kept: old}
		if fresh := done - kept; fresh > 0 {
			p.Left = time.Since(began) / time.Duration(fresh) * time.Duration(len(tasks)-done)
		}
		if s.Ended != nil {
			s.Ended(p)
		}
	}
	var todo []int
	for i, r := range results {
		if r == nil {
			todo = append(todo, i)
			continue
		}
		ended(r, true)
	}
	next := make(chan int)
	var workers sync.WaitGroup
	for range max(1, s.AtOnce) {
		workers.Go(func() {
			for i := range next {
				r, err := s.one(ctx, tasks[i])
				if ctx.Err() != nil {
					continue // it was cut short
				}
				mu.Lock()
				results[i], failed = r, errors.Join(failed, err)
				done++
				ended(r, false)
				mu.Unlock()
			}
		})
	}
	for _, i := range todo {
		if ctx.Err() != nil {
			break
		}
		next <- i
	}
	close(next)
	workers.Wait()
	if ctx.Err() != nil {
		return fmt.Errorf("stopped after %d of %d: %w", done, len(tasks), context.Cause(ctx))
	}
	slices.SortStableFunc(results, func(a, b *Result) int { return strings.Compare(a.Name, b.Name) })
	return failed
}

// one runs one task and keeps its result.
func (s *Suite) one(ctx context.Context, t task) (*Result, error) {
	r, err := Run(ctx, t.f, s.Options)
	if err != nil {
		r = &Result{Name: t.f.Name, Fixture: t.f.Digest(), Kind: t.f.World.Kind, Problems: []string{"the stage failed: " + err.Error()}, Page: Page{Prose: t.f.Prose}}
	}
	r.Try = t.try
	if s.Folder == "" || ctx.Err() != nil { // what was cut short is not kept
		return r, nil //nolint:nilerr // the result says that the stage failed
	}
	encoded, err := json.Marshal(r)
	if err != nil {
		return r, fmt.Errorf("result of %s: %w", t.f.Name, err)
	}
	return r, os.WriteFile(filepath.Join(s.Folder, t.file()), encoded, 0o644)
}

// ReadReport reads what `evals run --json` printed, or the folder of its results.
func ReadReport(path string) (*Report, error) {
	if in, err := os.Stat(path); err == nil && in.IsDir() {
		path = filepath.Join(path, "report.json")
	}
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("report: %w", err)
	}
	var r Report
	if err := json.Unmarshal(text, &r); err != nil {
		return nil, fmt.Errorf("report %s: %w", path, err)
	}
	return &r, nil
}
