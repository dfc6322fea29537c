package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"time"

	"modernc.org/sqlite"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/engine"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// machineEnv holds the machine that this test program shall be, as a process of its own that can be killed.
const machineEnv = "HOTFIX_TEST_MACHINE"

// noon is the time on every machine of these tests.
var noon = time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)

// A machine is one process with an engine: the real one, but for the commands of the box, which are acted out unless it
// is told otherwise.
type machine struct {
	DSN, Dir, API, Server, Model string
	Key                          []byte // signs markers
	Public                       string // the kernel's key
	Die                          int64  // the transaction that it does not live to commit, in SQLite; 0: none
	Real                         bool   // its box is a real one
}

// run serves until its input ends, then says how many transactions there were.
func (m machine) run() error {
	ctx := context.Background()
	count := dieBefore(m.Die)
	cfg, err := m.config()
	if err != nil {
		return err
	}
	e, err := engine.Open(ctx, cfg)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return err
	}
	if err := e.Start(ctx); err != nil {
		return err
	}
	server := &http.Server{Handler: e.Handler(), ReadHeaderTimeout: time.Minute}
	go func() { _ = server.Serve(listener) }() // ends with Shutdown
	fmt.Println(listener.Addr())
	_, _ = io.Copy(io.Discard, os.Stdin)
	if err := server.Shutdown(ctx); err != nil {
		return err
	}
	if err := e.Stop(ctx); err != nil {
		return err
	}
	fmt.Println(count.Load())
	return nil
}

func (m machine) config() (engine.Config, error) {
	public, err := kernel.ParseKey([]byte(m.Public))
	if err != nil {
		return engine.Config{}, err
	}
	github, err := forge.New(forge.Config{API: m.API, Server: m.Server})
	if err != nil {
		return engine.Config{}, err
	}
	llm, err := model.New(model.Config{Provider: model.OpenAI, Name: "acted", BaseURL: m.Model, Key: redact.NewSecret("k")})
	if err != nil {
		return engine.Config{}, err
	}
	var box sandbox.Box = actedBox{}
	if m.Real {
		if box, err = sandbox.Native(sandbox.Config{}); err != nil {
			return engine.Config{}, err
		}
	}
	limits := queue.Limits{AtOnce: 2, Attempts: 50, Backoff: 20 * time.Millisecond, Longest: 100 * time.Millisecond}
	return engine.Config{
		Store:    store.Config{DSN: m.DSN, Key: m.Key},
		Kernel:   kernel.Options{Key: public},
		Manifest: daemon.NewManifest("ubiquity-os-marketplace/daemon-hotfix@main", ""),
		Queue: queue.Config{Triage: limits, Report: limits, Fix: limits, Sweep: 50 * time.Millisecond, Absence: 200 * time.Millisecond,
			WatchEvery: time.Hour},
		Daemon: daemon.Config{
			Policy:  triage.Policy{Allow: []hotfix.Repo{repo}, MaxFixesPerDay: 9, MaxAttempts: 3, MaxFiles: 8, MaxLines: 300},
			Connect: func(token redact.Secret) daemon.Forge { return github.With(token) }, Model: llm, Box: box,
			Budget: agent.Budget{Steps: 20, Tokens: 400_000, Wall: 15 * time.Minute},
			Key:    m.Key, Server: m.Server, Scratch: m.Dir, Now: func() time.Time { return noon },
		},
	}, nil
}

// housekeeping are River's tables about its processes, written every few seconds. Nothing else depends on them.
var housekeeping = []string{"river_leader", "river_notification", "river_queue", "river_client", "river_client_queue"}

// dieBefore counts the transactions of this process in SQLite, and kills it when one is about to be committed. Between
// two commits nothing changes on disk, so this is the same as dying anywhere since the one before.
func dieBefore(n int64) *atomic.Int64 {
	var count atomic.Int64
	sqlite.RegisterConnectionHook(func(conn sqlite.ExecQuerierContext, _ string) error {
		hooks, touched := conn.(sqlite.HookRegisterer), false
		hooks.RegisterPreUpdateHook(func(d sqlite.SQLitePreUpdateData) {
			touched = touched || !slices.Contains(housekeeping, d.TableName)
		})
		hooks.RegisterCommitHook(func() int32 {
			if touched && count.Add(1) == n {
				_ = syscall.Kill(os.Getpid(), syscall.SIGKILL)
				select {} // it takes a moment
			}
			touched = false
			return 0
		})
		return nil
	})
	return &count
}

// The plugin of these tests adds numbers; the sum of nothing is a crash.
var adder = map[string]string{
	"package.json":   `{"name": "adder", "type": "module", "private": true, "scripts": {"test": "node --test"}}` + "\n",
	"src/add.js":     "export function add(list) {\n  return list.reduce((a, b) => a + b);\n}\n",
	"test/a.test.js": "import { add } from \"../src/add.js\";\n",
}

// An actedBox acts out "node --test" for the adder.
type actedBox struct{}

// Run says what the tests of t would.
func (actedBox) Run(_ context.Context, t *sandbox.Tree, c sandbox.Command) (sandbox.Result, error) {
	source, err := t.Read("src/add.js")
	if err != nil {
		return sandbox.Result{}, err
	}
	line, r := c.Args[len(c.Args)-1], sandbox.Result{Cause: sandbox.Exited}
	tap := "TAP version 13\n"
	if !strings.Contains(line, "empty.test.js") {
		tap += "# Subtest: adds\nok 1 - adds\n"
	}
	if t.Has("test/empty.test.js") {
		verdict, why := "ok", ""
		if !strings.Contains(source, ", 0)") {
			verdict, why, r.Exit = "not ok", "  ---\n  error: '"+emptySum+"'\n  ...\n", 1
		}
		tap += "# Subtest: adds nothing\n" + verdict + " 2 - adds nothing\n" + why
	}
	r.Output, r.Report = redact.Scrub(tap), []byte(tap)
	return r, nil
}

// machineMain is what a process with machineEnv does instead of running tests.
func machineMain(raw string) int {
	var m machine
	err := json.Unmarshal([]byte(raw), &m)
	if err == nil {
		err = m.run()
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "machine:", err)
		return 1
	}
	return 0
}
