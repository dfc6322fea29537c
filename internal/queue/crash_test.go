package queue_test

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"hash/fnv"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

// The environment of a child: this test program again, as one machine of several.
const (
	childDSN  = "HOTFIX_TEST_CHILD_DSN"
	childDir  = "HOTFIX_TEST_CHILD_DIR"
	childName = "HOTFIX_TEST_CHILD_NAME"
)

// caseCount is how many cases the notices of the crash test are about.
const caseCount = 5

func caseOf(id string) hotfix.Fingerprint {
	h := fnv.New32()
	_, _ = io.WriteString(h, id)
	return hotfix.Fingerprint(fmt.Sprintf("v1-%d", h.Sum32()%caseCount))
}

// A machine is what a child does: it counts each notice in its case, and reports and fixes the case.
type machine struct {
	store *store.SQL
	dir   string
}

func (m *machine) triage(ctx context.Context, id string) error {
	fp := caseOf(id)
	unlock, err := m.store.Lock(ctx, fp)
	if err != nil {
		return err
	}
	defer unlock()
	c, err := m.store.Case(ctx, fp)
	if errors.Is(err, store.ErrNotFound) {
		c, err = hotfix.Case{Fingerprint: fp, Repo: hotfix.Repo{Owner: "o", Name: string(fp)}}, nil
	}
	if err != nil {
		return err
	}
	n, err := m.store.Notice(ctx, id)
	if err != nil {
		return err
	}
	if c.Observe(hotfix.Sighting{Failure: *n.Failure, Names: []string{id}}) == hotfix.Duplicate {
		return nil
	}
	return m.store.SaveCase(ctx, c, hotfix.NextReport, hotfix.NextFix)
}

// report writes the case's count into a file, as a forge would be told.
func (m *machine) report(ctx context.Context, fp hotfix.Fingerprint) error {
	c, err := m.store.Case(ctx, fp)
	if err != nil {
		return err
	}
	return m.say("reports", "%s %d\n", fp, c.Count)
}

// fix complains if another process fixes the same case. The kernel watches that, not the store.
func (m *machine) fix(_ context.Context, fp hotfix.Fingerprint) error {
	f, err := os.OpenFile(filepath.Join(m.dir, string(fp)+".fix"), os.O_CREATE|os.O_RDWR, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		return m.say("violations", "two fix %s at once: %v\n", fp, err)
	}
	time.Sleep(3 * time.Millisecond) // work
	return nil
}

// say appends a line in one write.
func (m *machine) say(file, format string, args ...any) error {
	f, err := os.OpenFile(filepath.Join(m.dir, file), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer f.Close()
	_, err = fmt.Fprintf(f, format, args...)
	return err
}

// child serves like a machine would until its input ends. If it has a name it also takes notices, as fast as it can,
// and prints the id of each when it is safe.
func child(dsn, dir, name string) int {
	ctx := context.Background()
	fail := func(err error) int { fmt.Fprintln(os.Stderr, name, err); return 1 }
	s, err := store.Open(ctx, store.Config{DSN: dsn})
	if err != nil {
		return fail(err)
	}
	m := &machine{store: s, dir: dir}
	limits := queue.Limits{AtOnce: 4, Attempts: 100, Backoff: 10 * time.Millisecond, Longest: 50 * time.Millisecond}
	q, err := queue.New(ctx, queue.Config{Store: s, Triage: limits, Report: limits, Fix: limits, Sweep: 100 * time.Millisecond,
		Absence: 300 * time.Millisecond, Work: queue.Work{Triage: m.triage, Report: m.report, Fix: m.fix,
			Watch: func(context.Context) error { return nil }}})
	if err == nil {
		err = q.Start(ctx)
	}
	if err != nil {
		return fail(err)
	}
	var ids atomic.Int64
	for range 4 {
		go func() {
			for name != "" {
				id := fmt.Sprintf("%s-%d", name, ids.Add(1))
				n := storetest.Notice(id)
				if _, err := s.SaveNotice(ctx, n); err != nil {
					fail(err)
					continue
				}
				fmt.Println(id) // one write each
			}
		}()
	}
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := q.Stop(ctx); err != nil {
		return fail(err)
	}
	return 0
}

// A process is a running child.
type process struct {
	cmd   *exec.Cmd
	stdin io.Closer
	ended sync.WaitGroup
}

// launch starts a child whose acknowledged ids go to acks.
func launch(t *testing.T, dsn, dir, name string, acks chan<- string) *process {
	self, err := os.Executable()
	require.NoError(t, err)
	p := &process{cmd: exec.Command(self)}
	p.cmd.Env = append(os.Environ(), childDSN+"="+dsn, childDir+"="+dir, childName+"="+name)
	p.cmd.Stderr = os.Stderr
	p.stdin, err = p.cmd.StdinPipe()
	require.NoError(t, err)
	out, err := p.cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, p.cmd.Start())
	p.ended.Go(func() {
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			if err != nil { // what has no end of line was not said
				return
			}
			acks <- strings.TrimSpace(line)
		}
	})
	return p
}

func (p *process) kill(t *testing.T) {
	require.NoError(t, p.cmd.Process.Kill())
	p.ended.Wait()
	_ = p.cmd.Wait() // "signal: killed"
}

func TestCrash(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			crash(t, db.address(t))
		})
	}
}

// crash kills machines under load, then lets the last one finish, and looks at what is left.
func crash(t *testing.T, dsn string) {
	const rounds, perRound = 5, 80
	dir := t.TempDir()
	acks := make(chan string, 1<<16)
	acknowledged := map[string]bool{}
	stays := launch(t, dsn, dir, "", acks)
	for round := range rounds {
		p := launch(t, dsn, dir, fmt.Sprintf("m%d", round), acks)
		for range perRound {
			select {
			case id := <-acks:
				acknowledged[id] = true
			case <-time.After(patience):
				t.Fatal("nothing is acknowledged")
			}
		}
		p.kill(t)
		if round%2 == 1 {
			stays.kill(t)
			stays = launch(t, dsn, dir, "", acks)
		}
	}
	h := newHouse(t, dsn)
	h.idle()
	require.NoError(t, stays.stdin.Close())
	stays.ended.Wait()
	require.NoError(t, stays.cmd.Wait(), "it stops in peace")
	for len(acks) > 0 {
		acknowledged[<-acks] = true
	}
	verify(t, h, dir, acknowledged)
}

func verify(t *testing.T, h *house, dir string, acknowledged map[string]bool) {
	ctx := t.Context()
	rows, err := h.store.Notices(ctx, 1<<20)
	require.NoError(t, err)
	stored := map[string]bool{}
	expect := map[hotfix.Fingerprint]int{}
	for _, r := range rows {
		require.False(t, r.Waiting, r.Notice.ID)
		stored[r.Notice.ID] = true
		expect[caseOf(r.Notice.ID)]++
	}
	for id := range acknowledged {
		require.True(t, stored[id], "%s was acknowledged and is lost", id)
	}
	reports, err := os.ReadFile(filepath.Join(dir, "reports"))
	require.NoError(t, err)
	latest := map[hotfix.Fingerprint]string{}
	for line := range strings.Lines(string(reports)) {
		fp, count, _ := strings.Cut(strings.TrimSpace(line), " ")
		latest[hotfix.Fingerprint(fp)] = count
	}
	for fp, n := range expect {
		c, err := h.store.Case(ctx, fp)
		require.NoError(t, err)
		require.Equal(t, n, c.Count, "every notice counts once in %s", fp)
		require.Equal(t, fmt.Sprint(n), latest[fp], "the last report of %s says how it is", fp)
	}
	violations, err := os.ReadFile(filepath.Join(dir, "violations"))
	require.True(t, errors.Is(err, os.ErrNotExist), "%s", violations)
	parked, err := h.store.Parked(ctx)
	require.NoError(t, err)
	require.Empty(t, parked)
	t.Logf("%d acknowledged, %d stored, %d cases", len(acknowledged), len(stored), len(expect))
}
