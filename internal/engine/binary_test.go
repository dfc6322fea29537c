package engine_test

import (
	"bufio"
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// binary is the daemon's own program, built once.
var binary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(programs, "daemon-hotfix")
	out, err := exec.Command("go", "build", "-o", path, "../../cmd/daemon-hotfix").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("build the daemon: %w: %s", err, out)
	}
	return path, nil
})

// programs is a directory for what is built.
var programs string

func withPrograms(run func() int) int {
	var err error
	if programs, err = os.MkdirTemp("", "hotfix-programs-"); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer os.RemoveAll(programs)
	return run()
}

// A site is a GitHub and a store, and the daemons that serve them.
type site struct {
	t     testing.TB
	forge *forgetest.Forge
	dsn   string
	dir   string
	model string // address of the model, "" for no fixes
	own   bool   // the daemons have a credential of their own, so that it does not matter what token a delivery brings
}

func newSite(t testing.TB, dsn string) *site {
	f, err := forgetest.Start()
	require.NoError(t, err)
	t.Cleanup(f.Close)
	f.Limit(1 << 30)
	require.NoError(t, f.AddRepo(repo, adder))
	f.AddUser("eve", "read", repo)
	s := &site{t: t, forge: f, dsn: dsn, dir: t.TempDir()}
	require.NoError(t, os.WriteFile(filepath.Join(s.dir, "kernel.pem"), kerneltest.PublicPEM(kernelKey()), 0o600))
	return s
}

// A serving is one running daemon.
type serving struct {
	cmd     *exec.Cmd
	address string
	log     bytes.Buffer
	ended   chan struct{} // closed when it has ended
	state   *os.ProcessState
}

var listening = regexp.MustCompile(`msg=listening address=(\S+)`)

// serve starts a daemon called name and waits until it listens. Names keep their data.
func (s *site) serve(name string, flags ...string) *serving {
	s.t.Helper()
	program, err := binary()
	require.NoError(s.t, err)
	data := filepath.Join(s.dir, name)
	require.NoError(s.t, os.MkdirAll(data, 0o700))
	require.NoError(s.t, os.WriteFile(filepath.Join(data, "key"), bytes.Repeat([]byte("k"), 32), 0o600))
	args := append([]string{"serve", "--listen", "127.0.0.1:0", "--data", data, "--store", s.dsn, "--allow", "acme/*",
		"--public-key", filepath.Join(s.dir, "kernel.pem"), "--api-url", s.forge.API(), "--server-url", s.forge.URL(), "--limit-writes", "0",
		"--breaker-per-hour", "0", "--breaker-per-day", "0", "--breaker-overall", "0"}, flags...)
	env := []string{"PATH=" + os.Getenv("PATH"), "HOME=" + s.dir}
	if s.own {
		env = append(env, "GITHUB_TOKEN="+s.forge.Token().Reveal())
	}
	if s.model == "" {
		args = append(args, "--no-fix")
	} else {
		env = append(env, "OPENAI_API_KEY=k", "HOTFIX_MODEL=acted", "OPENAI_BASE_URL="+s.model)
	}
	d := &serving{cmd: exec.Command(program, args...), ended: make(chan struct{})}
	d.cmd.Env = env
	d.cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := d.cmd.StderrPipe()
	require.NoError(s.t, err)
	found, started := make(chan string, 1), make(chan error, 1)
	go func() {
		// The order to die belongs to the thread that gives it, which must live as long as the program.
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := d.cmd.Start()
		if started <- err; err != nil {
			return
		}
		lines := bufio.NewReader(out)
		for {
			line, err := lines.ReadString('\n')
			d.log.WriteString(line)
			if m := listening.FindStringSubmatch(line); m != nil {
				found <- m[1]
			}
			if err != nil {
				break
			}
		}
		_ = d.cmd.Wait() // state says how it ended
		d.state = d.cmd.ProcessState
		close(d.ended)
	}()
	require.NoError(s.t, <-started)
	s.t.Cleanup(d.kill)
	select {
	case d.address = <-found:
	case <-d.ended:
		s.t.Fatalf("it ended at once: %s", d.log.String())
	case <-time.After(patience):
		s.t.Fatal("it does not listen")
	}
	return d
}

// kill ends a daemon as a power cut would.
func (d *serving) kill() {
	_ = d.cmd.Process.Kill() // it may have ended
	<-d.ended
}

// stop asks a daemon to end, and returns how it did.
func (d *serving) stop(t testing.TB, within time.Duration) {
	t.Helper()
	require.NoError(t, d.cmd.Process.Signal(syscall.SIGTERM))
	select {
	case <-d.ended:
	case <-time.After(within):
		t.Fatalf("it does not end within %s: %s", within, d.log.String())
	}
	require.Equal(t, 0, d.state.ExitCode(), d.log.String())
}

// post sends a request and reports whether it was acknowledged.
func post200(address string, body []byte) (bool, error) {
	res, err := http.Post(address, "application/json", bytes.NewReader(body))
	if err != nil {
		return false, err
	}
	text, err := io.ReadAll(res.Body)
	if err = errors.Join(err, res.Body.Close()); err != nil {
		return false, err
	}
	if res.StatusCode == http.StatusOK {
		return true, nil
	}
	return false, fmt.Errorf("status %d: %s", res.StatusCode, text)
}

// problems are what the plugin of these tests can fail with: each is a case.
var problems = []string{"alpha is not a function", "beta is not iterable", "gamma is undefined", "delta is null", "epsilon is not a constructor"}

// request makes the n-th request of a sender: a failure, or now and then a question of a person.
func (s *site) request(sender string, n int) (id string, body []byte) {
	id = fmt.Sprintf("%s-%d", sender, n)
	token := s.forge.Token().Reveal()
	if n%10 == 9 {
		number := rand.IntN(1 << 40)
		payload := map[string]any{"action": "created", "issue": map[string]any{"number": 1},
			"repository": map[string]any{"name": repo.Name, "owner": map[string]any{"login": repo.Owner}},
			"comment": map[string]any{"id": number, "body": "/hotfix help", "author_association": "MEMBER", "created_at": time.Now().Format(time.RFC3339),
				"user": map[string]any{"login": "eve", "type": "User"}},
			"sender": map[string]any{"login": "eve", "type": "User"}}
		return id, kerneltest.Sign(kernelKey(), kerneltest.Fields{StateID: id, Event: "issue_comment.created", Payload: payload,
			Command: map[string]any{"name": "hotfix", "parameters": map[string]any{"action": "help"}}, Token: token})
	}
	f := kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: repo.Owner, Repo: repo.Name, Ref: "main"}, Message: problems[rand.IntN(len(problems))],
		StateID: "of-" + id, Webhook: kerneltest.Webhook{Event: "issues.opened", Delivery: "hook-" + id, Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}
	return id, kerneltest.Sign(kernelKey(), kerneltest.Fields{StateID: id, Payload: f.Payload(), Token: token})
}

// A load sends requests until it is stopped, and knows what was acknowledged.
type load struct {
	mu           sync.Mutex
	acknowledged []string
	address      string
	stop         context.CancelFunc
	done         sync.WaitGroup
}

func (s *site) load(senders int) *load {
	ctx, stop := context.WithCancel(context.Background())
	l := &load{stop: stop}
	for sender := range senders {
		name := fmt.Sprintf("%c%d", 'a'+sender, rand.IntN(1<<40))
		l.done.Go(func() {
			for n := 0; ctx.Err() == nil; n++ {
				id, body := s.request(name, n)
				for ctx.Err() == nil {
					if ok, _ := post200(l.at(), body); ok {
						l.mu.Lock()
						l.acknowledged = append(l.acknowledged, id)
						l.mu.Unlock()
						break
					}
					time.Sleep(5 * time.Millisecond) // it was killed, or is away: the same once more
				}
			}
		})
	}
	s.t.Cleanup(l.end)
	return l
}

func (l *load) at() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.address
}

func (l *load) to(d *serving) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.address = d.address
}

func (l *load) end() {
	l.stop()
	l.done.Wait()
}

func (l *load) count() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.acknowledged)
}

// open opens the store beside the daemons.
func (s *site) open() *store.SQL {
	db, err := store.Open(context.Background(), store.Config{DSN: s.dsn})
	require.NoError(s.t, err)
	s.t.Cleanup(func() { require.NoError(s.t, db.Close()) })
	return db
}

// settle waits until nothing is wanted.
func (s *site) settle(db *store.SQL) {
	s.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(20 * time.Millisecond) {
		wanted, err := db.Wanted(context.Background())
		require.NoError(s.t, err)
		if len(wanted) == 0 {
			return
		}
		require.True(s.t, time.Now().Before(end), "still at work: %+v", wanted[0])
	}
}

// verify looks at everything that the load left behind: nothing is lost, and nothing is there twice.
func (s *site) verify(acknowledged []string) {
	s.t.Helper()
	ctx, db := context.Background(), s.open()
	s.settle(db)
	rows, err := db.Notices(ctx, 1<<20)
	require.NoError(s.t, err)
	stored, failures, questions := map[string]bool{}, 0, map[string]int{}
	for _, r := range rows {
		stored[r.Notice.ID] = true
		if r.Notice.Command != nil {
			questions[r.Notice.Command.ID] = 0
		} else {
			failures++
		}
	}
	for _, id := range acknowledged {
		require.True(s.t, stored[id], "%s was acknowledged and is lost", id)
	}
	parked, err := db.Parked(ctx)
	require.NoError(s.t, err)
	require.Empty(s.t, parked)
	cases, err := db.Cases(ctx, store.CaseFilter{})
	require.NoError(s.t, err)
	count := 0
	for _, c := range cases {
		count += c.Count
		require.NotZero(s.t, c.Issue)
	}
	require.Equal(s.t, failures, count, "every failure counts once")
	issues := s.forge.Issues(repo)
	require.Len(s.t, issues, len(cases), "one issue for each case, also counting closed ones")
	comments := 0
	for _, i := range issues {
		require.Equal(s.t, "open", i.State)
		for _, c := range i.Comments {
			require.True(s.t, strings.Contains(c.Body, "/hotfix"), c.Body)
			comments++
		}
	}
	require.Equal(s.t, len(questions), comments, "every question is answered once")
	s.t.Logf("%d acknowledged, %d stored, %d cases, %d answers", len(acknowledged), len(rows), len(cases), comments)
}
