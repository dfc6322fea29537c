package daemon_test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A schedule is one order in which the calls of several processes reach GitHub, with what goes wrong. A seed decides
// all of it: no two calls are under way at once, and who goes next is drawn.
type schedule struct {
	t     *testing.T
	rnd   *rand.Rand
	gh    *forgetest.Forge
	token redact.Secret
	fault float64 // share of calls that fail

	killed bool // a process was

	mu      sync.Mutex
	waiting []*call
}

// A call is one request that waits for its turn.
type call struct {
	by   *process
	turn chan struct{}
}

// A process is one daemon that may be killed between two calls.
type process struct {
	s      *schedule
	daemon *daemon.Daemon
	store  *store.Volatile
	dead   bool
}

var errKilled = errors.New("killed")

// RoundTrip waits for its turn and then has the forge answer, or something go wrong.
func (p *process) RoundTrip(req *http.Request) (*http.Response, error) {
	c := &call{p, make(chan struct{})}
	p.s.mu.Lock()
	p.s.waiting = append(p.s.waiting, c)
	p.s.mu.Unlock()
	<-c.turn
	if p.dead {
		return nil, errKilled
	}
	lost := false
	if p.s.rnd.Float64() < p.s.fault {
		switch p.s.rnd.IntN(3) {
		case 0:
			return answer(req, http.StatusInternalServerError, `{"message": "Server Error"}`), nil
		case 1:
			lost = true // done, but nobody hears of it
		case 2:
			if req.Method == http.MethodGet {
				return answer(req, http.StatusOK, `[{"number": 1, "body"`), nil // a list that breaks off
			}
			return nil, errors.New("connection reset by peer")
		}
	}
	rec, in := httptest.NewRecorder(), req.Clone(req.Context())
	if in.Body == nil {
		in.Body = http.NoBody
	}
	p.s.gh.Handler().ServeHTTP(rec, in)
	resp := rec.Result()
	resp.Request = req
	if lost {
		return answer(req, http.StatusInternalServerError, `{"message": "Server Error"}`), nil
	}
	return resp, nil
}

func answer(req *http.Request, status int, body string) *http.Response {
	rec := httptest.NewRecorder()
	rec.Header().Set("Content-Type", "application/json")
	rec.WriteHeader(status)
	_, _ = rec.WriteString(body)
	resp := rec.Result()
	resp.Request = req
	return resp
}

// run gives turns, one after the other, until nobody is left.
func (s *schedule) run(done <-chan struct{}) {
	for {
		synctest.Wait()
		select {
		case <-done:
			return
		default:
		}
		s.mu.Lock()
		if len(s.waiting) == 0 { // all sleep: on a lock, or until they try again
			s.mu.Unlock()
			time.Sleep(250 * time.Millisecond)
			continue
		}
		i := s.rnd.IntN(len(s.waiting))
		c := s.waiting[i]
		s.waiting = append(s.waiting[:i], s.waiting[i+1:]...)
		s.mu.Unlock()
		close(c.turn)
	}
}

// start makes a process. Those of one database share a store.
func (s *schedule) start(shared *store.Volatile) *process {
	p := &process{s: s, store: shared}
	if shared == nil {
		p.store = store.Memory()
	}
	github, err := forge.New(forge.Config{API: s.gh.API(), Server: s.gh.URL(), Token: s.token, HTTP: &http.Client{Transport: p}, Now: time.Now})
	require.NoError(s.t, err)
	p.daemon, err = daemon.New(daemon.Config{Policy: triage.Policy{Allow: []hotfix.Repo{repo}}, Store: p.store, NoFix: "no model is configured",
		Recall: shared == nil, Settle: 5 * time.Second, Connect: func(redact.Secret) daemon.Forge { return github }, Key: []byte(strings.Repeat("k", 32)), Server: s.gh.URL(), Now: time.Now})
	require.NoError(s.t, err)
	return p
}

// deliver hands a failure to the process until it is taken in, as a queue does, or until the process is killed.
func (p *process) deliver(id string, tries int) bool {
	n := hotfix.Notice{ID: id, Event: "kernel.plugin_error", Failure: &hotfix.Failure{ID: id, Plugin: hotfix.Plugin{ID: "acme/adder", Kind: "workflow", Repo: repo},
		Message: redact.Scrub("TypeError: Reduce of empty array with no initial value"), At: time.Now()}}
	_, _ = p.store.SaveNotice(context.Background(), n)
	fp := triage.Fingerprint(*n.Failure)
	err := p.daemon.Handle(context.Background(), n)
	for i := 0; err != nil && i < tries && !p.dead; i++ {
		time.Sleep(time.Second)
		err = p.daemon.Report(context.Background(), fp)
	}
	return err == nil
}

// play runs one schedule: deliveries at once to processes of which some are killed, then a quiet time in which one
// more failure comes in, as it would. It returns how many failures were sent.
func (s *schedule) play(database bool, delay time.Duration) (sent int) {
	s.gh.ListDelay = delay
	var shared *store.Volatile
	if database {
		shared = store.Memory()
	}
	done := make(chan struct{})
	var group sync.WaitGroup
	for i := range 2 + s.rnd.IntN(4) {
		p := s.start(shared)
		killed := s.rnd.IntN(4) == 0
		after := time.Duration(s.rnd.IntN(3000)) * time.Millisecond
		begins := time.Duration(s.rnd.IntN(3)) * time.Second
		sent++
		s.killed = s.killed || killed
		group.Go(func() {
			time.Sleep(begins)
			p.deliver(fmt.Sprint("failure-", i), 30)
		})
		if killed {
			group.Go(func() {
				time.Sleep(begins + after)
				p.dead = true
			})
		}
	}
	go func() { group.Wait(); close(done) }()
	s.run(done)

	s.fault, s.gh.ListDelay = 0, 0
	last := s.start(shared)
	done = make(chan struct{})
	time.Sleep(time.Hour)
	go func() {
		defer close(done)
		require.True(s.t, last.deliver("the last", 3))
	}()
	s.run(done)
	return sent + 1
}

// Whatever the order, whatever breaks and whoever dies: when things have calmed down there is one open issue, and it
// is the first. With a database the count is exact, too. Without one, leases save most of the twins that were closed
// again; where the credential may not write refs, all goes on without.
func TestExactlyOneIssue(t *testing.T) {
	t.Parallel()
	const schedules, few = 600, 200
	var leased, unleased int // twins that were opened and closed again
	t.Run("modes", func(t *testing.T) {
		for _, mode := range []struct {
			name      string
			database  bool
			deny      []string
			schedules uint64
			twins     *int
		}{{"database", true, nil, schedules, new(int)}, {"leases", false, nil, schedules, &leased}, {"may not write refs", false, []string{"contents"}, few, &unleased}} {
			t.Run(mode.name, func(t *testing.T) {
				t.Parallel()
				gh, err := forgetest.Start()
				require.NoError(t, err)
				t.Cleanup(gh.Close)
				require.NoError(t, gh.AddRepo(repo, map[string]string{"README.md": "# adder\n"}))
				gh.Limit(1 << 30)
				token := gh.AddToken(forgetest.Access{Login: forgetest.BotLogin, Deny: mode.deny})
				for seed := range mode.schedules {
					twins, calm := oneSchedule(t, gh, token, seed, mode.database)
					if *mode.twins += twins; calm && mode.deny == nil {
						require.Zero(t, twins, "seed %d: nothing failed, and nobody died", seed)
					}
				}
			})
		}
	})
	t.Logf("twins that were opened and closed again: %d in %d schedules with leases, %d in %d without", leased, schedules, unleased, few)
	require.Greater(t, unleased, few/4, "or leases save nothing")
	require.Less(t, leased*few, unleased*schedules/4)
}

// oneSchedule returns how many issues too many were opened, and closed again. It was calm if nothing failed and nobody died.
func oneSchedule(t *testing.T, gh *forgetest.Forge, token redact.Secret, seed uint64, database bool) (twins int, calm bool) {
	var sent int
	synctest.Test(t, func(t *testing.T) {
		gh.Now = time.Now
		s := &schedule{t: t, rnd: rand.New(rand.NewPCG(seed, 7)), gh: gh, token: token, fault: []float64{0, 0.1, 0.3}[seed%3]}
		sent = s.play(database, []time.Duration{0, 2 * time.Second, time.Minute}[seed/3%3])
		calm = seed%3 == 0 && !s.killed
	})
	var open []forgetest.Issue
	issues := gh.Issues(repo)
	for _, i := range issues {
		if i.State == "open" {
			open = append(open, i)
		}
	}
	require.Len(t, open, 1, "seed %d: of %d", seed, len(issues))
	require.Equal(t, issues[0].Number, open[0].Number, "seed %d: the first one stays", seed)
	if database || calm { // the count is that of all failures, even if the issue is the only store
		require.Contains(t, open[0].Body, fmt.Sprintf("| Seen | %d times", sent), "seed %d", seed)
	}
	require.Empty(t, gh.Refs(repo.String()), "seed %d: a lease is left", seed)
	for _, i := range issues {
		require.NoError(t, gh.Delete(repo, i.Number))
	}
	return len(issues) - 1, calm
}
