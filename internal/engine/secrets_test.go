package engine_test

import (
	"bytes"
	"context"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// hunt is a test of a hostile repository: it looks for credentials wherever a process may find some, and fails so that
// its output is shown.
const hunt = `import { execSync } from "node:child_process";
import { test } from "node:test";
test("hunts", () => {
  const found = execSync("env; cat /proc/self/environ /proc/1/environ /proc/*/cmdline /root/.netrc /root/.config/gh/hosts.yml 2>/dev/null; " +
    "find / -xdev -type f -size -200k -newer /etc/hostname 2>/dev/null | head -200 | xargs cat 2>/dev/null; ls -la /proc/self/fd; true", { encoding: "utf8" });
  throw new Error(found);
});
`

// A watchedBox notes, from outside, the environment and the arguments of each process that this one starts while a command
// runs in it.
type watchedBox struct {
	sandbox.Box
	mu   sync.Mutex
	seen bytes.Buffer
}

// Run runs one command.
func (b *watchedBox) Run(ctx context.Context, t *sandbox.Tree, c sandbox.Command) (sandbox.Result, error) {
	done := make(chan struct{})
	var watch sync.WaitGroup
	watch.Go(func() {
		for {
			b.look()
			select {
			case <-done:
				return
			case <-time.After(5 * time.Millisecond):
			}
		}
	})
	defer watch.Wait()
	defer close(done)
	return b.Box.Run(ctx, t, c)
}

// look reads what every descendant of this process was started with.
func (b *watchedBox) look() {
	b.mu.Lock()
	defer b.mu.Unlock()
	parents := map[string]string{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat") // the pattern is right
	for _, stat := range stats {
		data, err := os.ReadFile(stat)
		if fields := strings.Fields(string(data[bytes.LastIndexByte(data, ')')+1:])); err == nil && len(fields) > 1 {
			parents[filepath.Base(filepath.Dir(stat))] = fields[1]
		}
	}
	self := strconv.Itoa(os.Getpid())
	for pid, up := range parents {
		for up != self && up != "" {
			up = parents[up]
		}
		if up == "" {
			continue
		}
		for _, what := range []string{"environ", "cmdline"} {
			data, err := os.ReadFile("/proc/" + pid + "/" + what)
			if err == nil && !bytes.Contains(b.seen.Bytes(), data) {
				b.seen.Write(append(data, '\n'))
			}
		}
	}
}

// No credential of the daemon reaches its log, foreign code, the model, a transcript, the store or anything that is
// published, though the failure itself quotes them and the model looks for them. The environment holds one, so this test
// cannot run beside others.
func TestNoCredentialGoesAnywhere(t *testing.T) {
	modelKey := "sk-" + "proj-" + strings.Repeat("Zk8q", 12)
	t.Setenv("OPENAI_API_KEY", modelKey)
	redact.NewSecret(modelKey) // as the model's configuration does
	native, err := sandbox.Native(sandbox.Config{})
	require.NoError(t, err)
	box := &watchedBox{Box: native}
	script := agenttest.Play(
		agenttest.Call("run-tests", map[string]any{}),
		agenttest.Call("read-file", map[string]any{"files": []map[string]any{{"path": "../../hotfix.db"}, {"path": ".git/config"}, {"path": "README.md"}}}),
		agenttest.Call("fetch-logs", map[string]any{}),
		agenttest.Call("give-up", map[string]any{"reason": "cause-unclear", "explanation": "Nothing was to be seen."}),
	)
	var log bytes.Buffer
	dir := t.TempDir()
	s, err := evals.NewStage(context.Background(), evals.StageConfig{Dir: dir, Allow: []hotfix.Repo{repo}, Model: script, Box: box, MaxSteps: 10,
		Log: slog.New(slog.NewJSONHandler(&log, &slog.HandlerOptions{Level: slog.LevelDebug}))})
	require.NoError(t, err)
	token := s.Forge.Token().Reveal()
	require.NoError(t, s.Forge.AddRepo(repo, map[string]string{"package.json": `{"name":"greet","type":"module","scripts":{"test":"node --test"}}`, "README.md": "greet\n", "hunt.test.js": hunt,
		"greet.js": "export const greet = (name) => name.trim();\n",
		"table.js": strings.Repeat("// filling\n", 1500)})) // too much to be shown whole, so that every tool is offered

	quoted := kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: repo.Owner, Repo: repo.Name, Ref: "main"}, Message: "HTTP 500: TypeError: token " + token + " and key " + modelKey,
		Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}.Payload()
	body := kerneltest.Sign(s.Key, kerneltest.Fields{Payload: quoted, Token: token, Settings: json.RawMessage(`{"modes":["issue","pr"]}`)})
	status, answer := post(t, s, "application/json", body)
	require.Equal(t, 200, status, answer)
	settle(t, s)

	cases, err := s.Engine.Store().Cases(context.Background(), store.CaseFilter{})
	require.NoError(t, err)
	require.Len(t, cases[0].Attempts, 1, "the model was asked: %v", cases[0].Decision)
	run, err := s.Engine.Store().Run(context.Background(), cases[0].Attempts[0].RunID)
	require.NoError(t, err)
	require.Len(t, run.Steps, 4, run.Because)
	transcript, err := json.Marshal(run)
	require.NoError(t, err)
	seen, err := json.Marshal(script.Asked())
	require.NoError(t, err)
	published, err := json.Marshal(s.Forge.Issues(repo))
	require.NoError(t, err)
	require.Contains(t, string(transcript), "PATH=", "the hunt did look around")
	require.Contains(t, string(published), "[REDACTED", "and the failure did quote a secret")

	require.Contains(t, box.seen.String(), "PATH=", "child processes were looked at while they ran")
	places := map[string][]byte{"child processes": box.seen.Bytes(), "the log": log.Bytes(), "the transcript": transcript, "what the model saw": seen, "what was published": published}
	require.NoError(t, s.Close())
	nowhere(t, dir, map[string]string{"the GitHub token": token, "the model's key": modelKey}, places)
}

// nowhere adds the files in dir to the places, and requires that no secret is in any of them: whole, encoded or most of it.
func nowhere(t *testing.T, dir string, secrets map[string]string, places map[string][]byte) {
	t.Helper()
	require.NoError(t, filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err == nil && !d.IsDir() {
			places["the file "+d.Name()], err = os.ReadFile(path)
		}
		return err
	}))
	require.Contains(t, places, "the file hotfix.db")
	for name, secret := range secrets {
		for _, form := range []string{secret, base64.StdEncoding.EncodeToString([]byte(secret)), hex.EncodeToString([]byte(secret)), secret[:len(secret)-4]} {
			for place, data := range places {
				require.False(t, bytes.Contains(data, []byte(form)), "%s is in %s", name, place)
			}
		}
	}
}
