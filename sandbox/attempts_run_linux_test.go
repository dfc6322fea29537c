package sandbox_test

import (
	"bytes"
	"context"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// Attempts on whoever runs a command and waits for it. A careless runner shows the harm: it collects all output, asks
// politely for an end when the time is up, and sees no more than the shell that it has started.
var runnerAttempts = []struct {
	name, script string
	patience     time.Duration // of the careless runner, and the time that the box gives
	harmed       func(c careless) bool
	cause        string
	exit         int
}{
	{"30-sigstop-self", "kill -STOP $$; sleep 20", time.Second, careless.waits, sandbox.Timeout, 137},
	{"31-ignore-sigterm", "trap '' TERM INT HUP; sleep 20 & wait; sleep 20", time.Second, careless.waits, sandbox.Timeout, 137},
	{"32-pipe-holder", "setsid sleep 20 & exit 0", time.Second, careless.waits, sandbox.Exited, 0},
	{"39-log-flood", "yes | head -c 500000", time.Minute, func(c careless) bool { return len(c.out) > logMax+64<<10 }, sandbox.Exited, 0},
	{"40-log-control-chars", `printf '\033]0;title\007\033[31mred\r\n::set-env name=X::y\n\342\200\256evil\n'`, time.Minute,
		func(c careless) bool { return controls(c.out) }, sandbox.Exited, 0},
	{"63-fake-exit-code", "kill -9 $PPID; exit 5", time.Minute, func(c careless) bool { return c.exit != 5 }, sandbox.Exited, 5},
}

// logMax is how much of a command's output is kept.
const logMax = 128 << 10

// controls reports whether text would do something to a terminal, a page or GitHub's log that shows it.
func controls(text []byte) bool {
	return bytes.ContainsAny(text, "\x1b\r\x07\u202e") || bytes.Contains(text, []byte("\n::"))
}

// careless is what became of a careless runner.
type careless struct {
	out  []byte
	exit int
	late bool // it still waited some time after it had asked for an end
}

func (c careless) waits() bool { return c.late }

// runCarelessly runs a script as a careless runner does, and ends what it has left.
func runCarelessly(t *testing.T, dir, script string, patience time.Duration) careless {
	t.Helper()
	c := exec.Command("sh", "-c", `trap : TERM; sh -c "$0"; exit $?`, script)
	c.Dir, c.SysProcAttr = dir, &syscall.SysProcAttr{Setpgid: true}
	var out bytes.Buffer
	c.Stdout, c.Stderr = &out, &out
	require.NoError(t, c.Start())
	ended := make(chan error, 1)
	go func() { ended <- c.Wait() }()
	select {
	case <-ended:
		return careless{out: out.Bytes(), exit: c.ProcessState.ExitCode()}
	case <-time.After(patience):
	}
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGTERM) // who is asked may be gone
	late := false
	select {
	case <-ended:
	case <-time.After(patience):
		late = true
	}
	_ = syscall.Kill(-c.Process.Pid, syscall.SIGKILL)
	return careless{late: late}
}

func TestRunnerAttempts(t *testing.T) {
	t.Parallel()
	for _, a := range runnerAttempts {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			tree := plant(t, map[string]string{"a.txt": "a\n"})
			require.True(t, a.harmed(runCarelessly(t, tree.Dir, a.script, a.patience)), "a careless runner is not harmed")

			res, err := native(t).Run(context.Background(), tree, sandbox.Command{Args: []string{"sh", "-c", a.script}, Timeout: a.patience})
			require.NoError(t, err)
			require.Equal(t, a.cause, res.Cause)
			require.Equal(t, a.exit, res.Exit)
			out := []byte(res.Output.String())
			require.LessOrEqual(t, len(out), logMax+64<<10)
			require.False(t, controls(out), "%q", out)
		})
	}
}
