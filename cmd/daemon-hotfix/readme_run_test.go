package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
)

// A reader follows the README on a machine of their own: with these programs, this home and no credentials.
type reader struct {
	bin  string // of `make build` and of `go run ./cmd/evals`
	home string
	top  string // the clone
}

// newReader builds what the README has one build.
func newReader(t *testing.T) *reader {
	t.Helper()
	top, err := filepath.Abs("../..")
	require.NoError(t, err)
	r := &reader{bin: t.TempDir(), home: t.TempDir(), top: top}
	for _, build := range [][]string{{"make", "build"}, {"go", "build", "-o", filepath.Join(r.bin, "evals"), "./cmd/evals"}} {
		c := exec.Command(build[0], build[1:]...)
		c.Dir = top
		out, err := c.CombinedOutput()
		require.NoError(t, err, "%s", out)
	}
	require.NoError(t, os.Symlink(filepath.Join(top, "bin", "daemon-hotfix"), filepath.Join(r.bin, "daemon-hotfix")))
	return r
}

// command is one program of the README, begun in dir.
func (r *reader) command(ctx context.Context, dir string, env []string, name string, args ...string) *exec.Cmd {
	if path := filepath.Join(r.bin, name); exists(path) {
		name = path
	}
	c := exec.CommandContext(ctx, name, args...)
	c.Dir = dir
	c.Env = append([]string{"HOME=" + r.home, "PATH=" + os.Getenv("PATH"), "TMPDIR=" + os.TempDir()}, env...)
	for _, name := range []string{"GOCACHE", "GOMODCACHE"} { // what is built already need not be built again
		if value, err := exec.Command("go", "env", name).Output(); err == nil {
			c.Env = append(c.Env, name+"="+strings.TrimSpace(string(value)))
		}
	}
	return c
}

// runs runs a command to its end and returns what it printed.
func (r *reader) runs(t *testing.T, c *exec.Cmd, status int) string {
	t.Helper()
	out, _ := c.CombinedOutput() // its status says more
	require.Equal(t, status, c.ProcessState.ExitCode(), "%s: %s", c, out)
	return string(out)
}

// words splits a line as a shell does that knows blanks and double quotes.
func words(line string) (out []string) {
	for _, m := range regexp.MustCompile(`"([^"]*)"|\S+`).FindAllStringSubmatch(line, -1) {
		if strings.HasPrefix(m[0], `"`) {
			m[0] = m[1]
		}
		out = append(out, m[0])
	}
	return out
}

// Each command of the README is run, as its reader would.
func TestReadmeCommandsRun(t *testing.T) {
	t.Parallel()
	r := newReader(t)
	ways := map[string]func(*testing.T, *reader, []string){
		"make demo": demoed, "make test": printed, "make build": built, "make eval": evaluated, "make bench": measured,
		"daemon-hotfix fix": fixed, "daemon-hotfix init": initialised, "daemon-hotfix doctor": examined, "daemon-hotfix serve": served,
		"daemon-hotfix sandbox": checked, "evals run": ranFixture, "evals record": recordedFixture, "evals compare": comparedRuns,
	}
	for _, line := range readmeCommands(t) {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			args := words(strings.Replace(strings.TrimPrefix(line, "bin/"), "go run ./cmd/evals", "evals", 1))
			way := ways[args[0]+" "+args[1]]
			require.NotNil(t, way, "nothing runs it")
			way(t, r, args)
		})
	}
}

// demoed runs the demo to its end.
func demoed(t *testing.T, r *reader, args []string) {
	out := r.runs(t, r.command(t.Context(), r.top, nil, "make", args[1:]...), 0)
	require.Contains(t, out, "POST /repos/acme/task-estimator/pulls")
}

// measured runs the target's command over one room.
func measured(t *testing.T, r *reader, args []string) {
	out := r.runs(t, r.command(t.Context(), r.top, nil, "make", append([]string{"-n"}, args[1:]...)...), 0)
	require.Contains(t, out, ".ci/bench docs/performance.md")
	table := filepath.Join(t.TempDir(), "performance.md")
	r.runs(t, r.command(t.Context(), r.top, []string{"ONLY=internal/kernel$"}, filepath.Join(r.top, ".ci/bench"), table), 0)
	text, err := os.ReadFile(table)
	require.NoError(t, err)
	require.Contains(t, string(text), "| internal/kernel | Open/failure | ")
}

// printed says what a target would do: `make test` is what runs this.
func printed(t *testing.T, r *reader, args []string) {
	out := r.runs(t, r.command(t.Context(), r.top, nil, "make", append([]string{"-n"}, args[1:]...)...), 0)
	require.Contains(t, out, "go test -timeout 20m ./...")
}

// built starts what `make build` made for newReader.
func built(t *testing.T, r *reader, _ []string) {
	require.NotEmpty(t, r.runs(t, r.command(t.Context(), t.TempDir(), nil, "daemon-hotfix", "--version"), 0))
}

// evaluated runs what `make eval` runs, with one fixture instead of all.
func evaluated(t *testing.T, r *reader, args []string) {
	out := r.runs(t, r.command(t.Context(), r.top, nil, "make", append([]string{"-n"}, args[1:]...)...), 0)
	steps := regexp.MustCompile(`(?m)^go run \./cmd/evals (.*)$`).FindAllStringSubmatch(out, -1)
	require.Len(t, steps, 2)
	for _, step := range steps {
		do := words(strings.Replace(step[1], "out/evals", t.TempDir(), 1))
		if do[0] == "run" {
			do = append(do, quick)
		}
		r.runs(t, r.command(t.Context(), r.top, nil, "evals", do...), 0)
	}
}

// fixed runs a fix on a small repository whose test fails, with a model that answers from a script.
func fixed(t *testing.T, r *reader, args []string) {
	server := modeltest.OpenAI(patchOf(edits{mend, prove}), draft)
	defer server.Close()
	dir := ratioDir(t, true)
	require.NoError(t, os.WriteFile(filepath.Join(dir, "test/none.test.js"), []byte("import { test } from \"node:test\";\nimport { ratio } from \"../src/ratio.js\";\ntest(\"none\", () => ratio(null, 2));\n"), 0o600))
	commit := exec.Command("git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-qam", "a test that fails")
	add := exec.Command("git", "add", ".")
	add.Dir, commit.Dir = dir, dir
	require.NoError(t, add.Run())
	require.NoError(t, commit.Run())
	r.runs(t, r.command(t.Context(), dir, []string{"OPENAI_BASE_URL=" + server.URL, "HOTFIX_MODEL=openai:scripted"}, args[0], args[1:]...), 0)
	patch, err := os.ReadFile(filepath.Join(dir, "fix.diff"))
	require.NoError(t, err)
	require.Contains(t, string(patch), "part?.size ?? 0")
}

// initialised writes the files of an installation into an empty directory.
func initialised(t *testing.T, r *reader, args []string) {
	dir := t.TempDir()
	r.runs(t, r.command(t.Context(), dir, nil, args[0], args[1:]...), 0)
	files, err := filepath.Glob(filepath.Join(dir, "hotfix-install", "*"))
	require.NoError(t, err)
	require.GreaterOrEqual(t, len(files), 3, "%v", files)
}

// examined runs doctor on a machine without credentials, which it finds something to say about. GitHub is not asked here.
func examined(t *testing.T, r *reader, args []string) {
	c := r.command(t.Context(), t.TempDir(), nil, args[0], append(args[1:], "--offline")...)
	out, _ := c.CombinedOutput() // its status says more
	require.LessOrEqual(t, c.ProcessState.ExitCode(), 1, "%s", out)
	require.Contains(t, string(out), "sandbox")
}

// served starts the daemon, asks whether it is well and stops it as systemd does.
func served(t *testing.T, r *reader, args []string) {
	env := []string{"HOTFIX_LISTEN=127.0.0.1:0", "HOTFIX_DASHBOARD=none", "HOTFIX_LOG_FORMAT=json", "HOTFIX_DATA=" + t.TempDir()}
	c := r.command(t.Context(), t.TempDir(), env, args[0], args[1:]...)
	var log bytes.Buffer
	pipe, err := c.StderrPipe()
	require.NoError(t, err)
	require.NoError(t, c.Start())
	lines := json.NewDecoder(io.TeeReader(pipe, &log))
	address := ""
	for address == "" {
		var line struct{ Msg, Address string }
		require.NoError(t, lines.Decode(&line), "%s", &log)
		if line.Msg == "listening" {
			address = line.Address
		}
	}
	res, err := http.Get(address + "/healthz")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, http.StatusOK, res.StatusCode)
	require.NoError(t, c.Process.Signal(syscall.SIGTERM))
	_, _ = io.Copy(&log, pipe) // until it ends
	require.NoError(t, c.Wait(), "%s", &log)
}

// checked shows what the sandbox holds.
func checked(t *testing.T, r *reader, args []string) {
	require.Contains(t, r.runs(t, r.command(t.Context(), t.TempDir(), nil, args[0], args[1:]...), 0), "namespaces")
}

// quick is a fixture that is over at once.
const quick = "node-not-allowed"

// ranFixture plays one fixture instead of all.
func ranFixture(t *testing.T, r *reader, args []string) {
	require.Contains(t, r.runs(t, r.command(t.Context(), r.top, nil, args[0], append(args[1:], quick)...), 0), "1 of 1 as wanted")
}

// recordedFixture records a copy of the fixture, from a model that answers as the recorded one did.
func recordedFixture(t *testing.T, r *reader, args []string) {
	name := args[2]
	source, err := os.ReadFile(filepath.Join(r.top, "evals/fixtures", name+".txtar"))
	require.NoError(t, err)
	_, transcript, ok := strings.Cut(string(source), "\n-- model.jsonl --\n")
	require.True(t, ok)
	var replies []modeltest.Reply
	for line := range strings.Lines(transcript) {
		if strings.HasPrefix(line, "-- ") {
			break
		}
		var turn struct {
			N     int
			Reply string
			Calls []struct {
				ID, Name  string
				Arguments json.RawMessage
			}
		}
		require.NoError(t, json.Unmarshal([]byte(line), &turn))
		reply := modeltest.Reply{Text: turn.Reply, In: 100, Out: 10}
		for _, c := range turn.Calls {
			reply.Calls = append(reply.Calls, modeltest.Call{ID: c.ID, Name: c.Name, Args: string(c.Arguments)})
		}
		if turn.N > 0 {
			replies = append(replies, reply)
		}
	}
	require.NotEmpty(t, replies)
	server := modeltest.OpenAI(replies...)
	defer server.Close()
	dir := t.TempDir()
	copied := filepath.Join(dir, name+".txtar")
	require.NoError(t, os.WriteFile(copied, source, 0o600))
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	r.runs(t, r.command(ctx, r.top, []string{"OPENAI_BASE_URL=" + server.URL, "HOTFIX_MODEL=openai:scripted"}, args[0], append(args[1:], "--dir", dir)...), 0)
	now, err := os.ReadFile(copied)
	require.NoError(t, err)
	require.Contains(t, string(now), `"model":"openai:scripted"`)
}

// comparedRuns compares two runs of one fixture.
func comparedRuns(t *testing.T, r *reader, args []string) {
	dir := t.TempDir()
	for _, name := range args[2:] {
		var report bytes.Buffer
		c := r.command(t.Context(), r.top, nil, "evals", "run", "--quiet", "--json", quick)
		c.Stdout = &report
		require.NoError(t, c.Run())
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), report.Bytes(), 0o600))
	}
	r.runs(t, r.command(t.Context(), dir, nil, args[0], args[1:]...), 0)
}
