package storetest

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"runtime"
	"strconv"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
)

// shared is the server of this test process, started by whoever needs it first.
var shared struct {
	sync.Mutex
	server *Server
	err    error
}

var databases atomic.Int64

// atOnce is how many tests run at once for each processor: those with a database wait more than they work.
const atOnce = 3

// Main runs a package's tests and then stops the server that they may have started. Call it from TestMain.
func Main(m *testing.M) int {
	flag.Parse()
	if f := flag.Lookup("test.parallel"); f.Value.String() == f.DefValue {
		_ = f.Value.Set(strconv.Itoa(atOnce * runtime.GOMAXPROCS(0))) // a number
	}
	status := m.Run()
	shared.Lock()
	defer shared.Unlock()
	if shared.server != nil {
		shared.server.remove()
	}
	return status
}

// Postgres returns the address of an empty database on a private PostgreSQL server.
func Postgres(t testing.TB) string {
	t.Helper()
	shared.Lock()
	defer shared.Unlock()
	if shared.server == nil && shared.err == nil {
		shared.server, shared.err = newServer()
	}
	require.NoError(t, shared.err)
	return shared.server.Database(t)
}

// A Server is a PostgreSQL that listens on a socket in a directory of its own.
type Server struct {
	dir, bin string
	as       *syscall.Credential
	cmd      *exec.Cmd
	gone     chan struct{}
}

// StartPostgres starts a server that the test may stop and start again.
func StartPostgres(t testing.TB) *Server {
	t.Helper()
	s, err := newServer()
	if s != nil {
		t.Cleanup(s.remove)
	}
	require.NoError(t, err)
	return s
}

func newServer() (*Server, error) {
	bin, err := binaries()
	if err != nil {
		return nil, err
	}
	dir, err := os.MkdirTemp("", "pg") // a socket's path must be short
	if err != nil {
		return nil, err
	}
	s := &Server{dir: dir, bin: bin}
	if s.as, err = ordinaryUser(dir); err != nil {
		return s, err
	}
	initdb := s.command("initdb", "-D", "data", "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
	if out, err := initdb.CombinedOutput(); err != nil {
		return s, fmt.Errorf("initdb: %w: %s", err, out)
	}
	return s, s.Start()
}

func (s *Server) command(name string, args ...string) *exec.Cmd {
	cmd := exec.Command(filepath.Join(s.bin, name), args...)
	cmd.Dir, cmd.Env = s.dir, []string{"PATH=" + s.bin + ":/usr/bin:/bin", "LC_ALL=C", "HOME=" + s.dir}
	cmd.SysProcAttr = &syscall.SysProcAttr{Credential: s.as, Pdeathsig: syscall.SIGQUIT}
	return cmd
}

// Start starts the server and returns when it answers.
func (s *Server) Start() error {
	s.cmd = s.command("postgres", "-D", "data", "-k", s.dir, "-c", "listen_addresses=", "-c", "max_connections=200")
	log, err := os.Create(filepath.Join(s.dir, "log"))
	if err != nil {
		return err
	}
	defer log.Close()
	s.cmd.Stdout, s.cmd.Stderr = log, log
	started, cmd, gone := make(chan error), s.cmd, make(chan struct{})
	s.gone = gone
	go func() {
		runtime.LockOSThread() // the server dies with the thread that started it
		started <- cmd.Start()
		_ = cmd.Wait()
		close(gone)
	}()
	if err := <-started; err != nil {
		return fmt.Errorf("start postgres: %w", err)
	}
	return s.await()
}

// Stop ends the server as a crash would: nobody is told.
func (s *Server) Stop() {
	if s.cmd == nil || s.cmd.Process == nil {
		return
	}
	_ = s.cmd.Process.Signal(syscall.SIGQUIT)
	<-s.gone
}

func (s *Server) remove() {
	s.Stop()
	_ = os.RemoveAll(s.dir)
}

// Database returns the address of a new, empty database.
func (s *Server) Database(t testing.TB) string {
	t.Helper()
	ctx, name := context.Background(), fmt.Sprintf("test%d", databases.Add(1))
	conn, err := pgx.Connect(ctx, s.dsn("postgres"))
	require.NoError(t, err)
	defer conn.Close(ctx)
	_, err = conn.Exec(ctx, "CREATE DATABASE "+name)
	require.NoError(t, err)
	return s.dsn(name) + "&pool_max_conns=8"
}

func (s *Server) dsn(database string) string {
	query := url.Values{"host": {s.dir}, "user": {"postgres"}, "sslmode": {"disable"}}
	return "postgres:///" + database + "?" + query.Encode()
}

// await returns when the server answers.
func (s *Server) await() error {
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	for {
		conn, err := pgx.Connect(ctx, s.dsn("postgres"))
		if err == nil {
			return conn.Close(ctx)
		}
		select {
		case <-s.gone:
			out, _ := os.ReadFile(filepath.Join(s.dir, "log"))
			return fmt.Errorf("postgres ended at once: %s", out)
		case <-ctx.Done():
			return fmt.Errorf("postgres does not answer: %w", err)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// binaries returns the directory of the newest PostgreSQL server.
func binaries() (string, error) {
	best, version := "", -1
	for _, pattern := range []string{"/usr/lib/postgresql/*/bin/postgres", "/usr/pgsql-*/bin/postgres"} {
		found, _ := filepath.Glob(pattern) // the patterns are well formed
		for _, f := range found {
			dir := filepath.Dir(f)
			if v, _ := strconv.Atoi(filepath.Base(filepath.Dir(dir))); v > version {
				best, version = dir, v
			}
		}
	}
	if best != "" {
		return best, nil
	}
	if f, err := exec.LookPath("postgres"); err == nil {
		return filepath.Dir(f), nil
	}
	return "", errors.New("no PostgreSQL server is installed: run `make setup`, or install the Debian package postgresql")
}

// ordinaryUser gives dir to somebody who is not root, because PostgreSQL refuses to run as root. It returns nil if we
// are not root.
func ordinaryUser(dir string) (*syscall.Credential, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	u, err := user.Lookup("postgres")
	if err != nil {
		if u, err = user.Lookup("nobody"); err != nil {
			return nil, err
		}
	}
	uid, err := strconv.ParseUint(u.Uid, 10, 32)
	if err != nil {
		return nil, err
	}
	gid, err := strconv.ParseUint(u.Gid, 10, 32)
	if err != nil {
		return nil, err
	}
	return &syscall.Credential{Uid: uint32(uid), Gid: uint32(gid)}, os.Chown(dir, int(uid), int(gid))
}
