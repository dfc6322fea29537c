package engine_test

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model/modeltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// patience is how long a test waits for what must happen.
const patience = 2 * time.Minute

// kernelKey signs every request of these tests; to make one takes longer than most of them.
var kernelKey = sync.OnceValue(kerneltest.NewKey)

// A world is everything outside of a machine: GitHub behind a proxy that can cut the machine off, the model, the store.
type world struct {
	t       *testing.T
	forge   *forgetest.Forge
	proxy   *httptest.Server
	model   *modeltest.Server
	machine machine
	wire    *wire  // between the machine and its store, if that is PostgreSQL
	direct  string // the store's own address, if the machine has another
	key     *rsa.PrivateKey

	mu     sync.Mutex
	child  *child
	writes int // on GitHub so far
	dieAt  int // the write after which the machine dies, before it hears of it; 0: none
	starts int
	store  *store.SQL
}

func newWorld(t *testing.T, dsn string) *world {
	w := &world{t: t, key: kernelKey()}
	var err error
	w.forge, err = forgetest.Start()
	require.NoError(t, err)
	t.Cleanup(w.forge.Close)
	w.forge.Now = func() time.Time { return noon }
	w.forge.Limit(1 << 30)
	require.NoError(t, w.forge.AddRepo(repo, adder))
	w.forge.AddUser("eve", "read", repo)
	w.model = modeltest.OpenAI(slices.Repeat([]modeltest.Reply{{Do: answer}}, 64)...)
	t.Cleanup(w.model.Close)
	target, err := url.Parse(w.forge.URL())
	require.NoError(t, err)
	reverse := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	w.proxy = httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) { w.pass(reverse, rw, r) }))
	t.Cleanup(w.proxy.Close)
	w.machine = machine{DSN: dsn, Dir: t.TempDir(), API: w.proxy.URL + "/api/v3", Server: w.proxy.URL, Model: w.model.URL,
		Key: bytes.Repeat([]byte("k"), 32), Public: string(kerneltest.PublicPEM(w.key))}
	t.Cleanup(w.kill)
	return w
}

// answer is the model: what it says depends on how often it has spoken, so that a question can be asked again.
func answer(r modeltest.Request) modeltest.Reply {
	const regression = "import assert from \"node:assert\";\nimport { test } from \"node:test\";\nimport { add } from \"../src/add.js\";\ntest(\"adds nothing\", () => assert.equal(add([]), 0));\n"
	edit := func(path, old, new string) any {
		return map[string]any{"edits": []any{map[string]any{"path": path, "old": old, "new": new}}}
	}
	said := 0
	for _, m := range r.Body["messages"].([]any) {
		if m.(map[string]any)["role"] == "assistant" {
			said++
		}
	}
	turns := []struct {
		tool string
		args any
	}{
		{"write-patch", edit("test/empty.test.js", "", regression)},
		{"write-patch", edit("src/add.js", "(a, b) => a + b)", "(a, b) => a + b, 0)")},
		{"open-pr", map[string]any{"title": "Add nothing up to zero", "explanation": "`reduce` needs a first value.", "risk": "None."}},
	}
	turn := turns[min(said, len(turns)-1)]
	args, err := json.Marshal(turn.args)
	if err != nil {
		panic(err) // strings only
	}
	return modeltest.Reply{Calls: []modeltest.Call{{ID: fmt.Sprintf("call-%d", said), Name: turn.tool, Args: string(args)}}, In: 100, Out: 10}
}

// pass hands a request on to GitHub and counts the writes. After the one that it was told, the machine is killed
// before the answer can reach it.
func (w *world) pass(to http.Handler, rw http.ResponseWriter, r *http.Request) {
	read := r.Method == http.MethodGet || strings.HasSuffix(r.URL.Path, "/graphql") || strings.HasSuffix(r.URL.Path, "/git-upload-pack")
	if read {
		to.ServeHTTP(rw, r)
		return
	}
	rec := httptest.NewRecorder()
	to.ServeHTTP(rec, r)
	w.mu.Lock()
	w.writes++
	doomed := w.writes == w.dieAt
	w.mu.Unlock()
	if doomed {
		w.kill()
		return
	}
	for k, v := range rec.Header() {
		rw.Header()[k] = v
	}
	rw.WriteHeader(rec.Code)
	_, _ = rw.Write(rec.Body.Bytes())
}

// A child is a running machine.
type child struct {
	cmd     *exec.Cmd
	stdin   io.Closer
	out     *bufio.Reader
	address string
	stderr  bytes.Buffer
	gone    chan struct{}
}

// start starts the machine. It may die before it has an address.
func (w *world) start() *child {
	config, err := json.Marshal(w.machine)
	require.NoError(w.t, err)
	self, err := os.Executable()
	require.NoError(w.t, err)
	c := &child{cmd: exec.Command(self), gone: make(chan struct{})}
	c.cmd.Env = append(os.Environ(), machineEnv+"="+string(config))
	c.cmd.Stderr = &c.stderr
	c.stdin, err = c.cmd.StdinPipe()
	require.NoError(w.t, err)
	out, err := c.cmd.StdoutPipe()
	require.NoError(w.t, err)
	require.NoError(w.t, c.cmd.Start())
	c.out = bufio.NewReader(out)
	w.mu.Lock()
	w.child, w.starts = c, w.starts+1
	w.mu.Unlock()
	line, err := c.out.ReadString('\n')
	if err != nil {
		c.reap()
		return c
	}
	c.address = "http://" + strings.TrimSpace(line)
	return c
}

// reap waits for the end of a process that is dying.
func (c *child) reap() {
	_ = c.cmd.Wait() // "signal: killed"
	select {
	case <-c.gone:
	default:
		close(c.gone)
	}
}

// kill ends the machine as a power cut would.
func (w *world) kill() {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.child != nil {
		_ = w.child.cmd.Process.Kill() // it may be dead already
	}
}

// living returns the machine, started anew if it died.
func (w *world) living() *child {
	w.t.Helper()
	w.mu.Lock()
	c := w.child
	w.mu.Unlock()
	for try := 0; c == nil || c.address == "" || !c.alive(); try++ {
		require.Less(w.t, try, 3, "it does not stay up: %s", stderr(c))
		c = w.start()
		w.machine.Die = 0 // one death is enough
	}
	return c
}

func stderr(c *child) string {
	if c == nil {
		return ""
	}
	return c.stderr.String()
}

// alive asks the process itself: whoever is dead does not answer.
func (c *child) alive() bool {
	res, err := http.Get(c.address + "/healthz")
	if err != nil {
		return false
	}
	return res.Body.Close() == nil && res.StatusCode == http.StatusOK
}

// stop ends the machine in peace and returns what it printed last.
func (w *world) stop() string {
	c := w.living()
	require.NoError(w.t, c.stdin.Close())
	line, _ := c.out.ReadString('\n')
	require.NoError(w.t, c.cmd.Wait(), stderr(c))
	w.mu.Lock()
	w.child = nil
	w.mu.Unlock()
	return strings.TrimSpace(line)
}

// deliver posts a request until it is acknowledged, as whoever sees a failed delivery sends it again.
func (w *world) deliver(body []byte) {
	w.t.Helper()
	for end := time.Now().Add(patience); ; {
		res, err := http.Post(w.living().address, "application/json", bytes.NewReader(body))
		if err == nil {
			text, _ := io.ReadAll(res.Body)
			require.NoError(w.t, res.Body.Close())
			if res.StatusCode == http.StatusOK {
				return
			}
			require.Equal(w.t, http.StatusServiceUnavailable, res.StatusCode, "%s", text)
		}
		require.True(w.t, time.Now().Before(end), "it is not acknowledged: %v\n%s", err, stderr(w.child))
	}
}

// settle waits until nothing is wanted.
func (w *world) settle() {
	w.t.Helper()
	for end := time.Now().Add(patience); ; time.Sleep(5 * time.Millisecond) {
		w.living()
		wanted := w.wanted()
		if len(wanted) == 0 {
			return
		}
		require.True(w.t, time.Now().Before(end), "still at work: %+v\n%s", wanted, stderr(w.child))
	}
}

// open opens the store beside the machine.
func (w *world) open() *store.SQL {
	if w.store == nil {
		var err error
		w.store, err = store.Open(context.Background(), store.Config{DSN: cmp.Or(w.direct, w.machine.DSN), Key: w.machine.Key})
		require.NoError(w.t, err)
		w.t.Cleanup(func() { require.NoError(w.t, w.store.Close()) })
	}
	return w.store
}

func (w *world) wanted() []store.Want {
	wants, err := w.open().Wanted(context.Background())
	require.NoError(w.t, err)
	return wants
}

// failure is a signed report that the adder failed. Equal ids are one delivery.
func (w *world) failure(id, message string) []byte {
	f := kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: repo.Owner, Repo: repo.Name, Ref: "main"}, Message: message, StateID: "of-" + id, At: noon,
		Webhook: kerneltest.Webhook{Event: "issues.opened", Delivery: "hook-" + id, Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}
	payload := f.Payload()
	for _, part := range []string{"context", "logTrail"} { // always the same, so that two stories can be compared
		payload[part].(map[string]any)["requestId"] = "request-" + id
	}
	return kerneltest.Sign(w.key, kerneltest.Fields{StateID: id, Payload: payload, Token: w.forge.Token().Reveal(), Now: noon})
}

// command is what the kernel sends when somebody writes a command.
func (w *world) command(id int, by, verb string, issue int) []byte {
	payload := map[string]any{"action": "created", "issue": map[string]any{"number": issue},
		"repository": map[string]any{"name": repo.Name, "owner": map[string]any{"login": repo.Owner}},
		"comment": map[string]any{"id": id, "body": "/hotfix " + verb, "author_association": "MEMBER", "created_at": noon.Format(time.RFC3339),
			"user": map[string]any{"login": by, "type": "User"}},
		"sender": map[string]any{"login": by, "type": "User"}}
	return kerneltest.Sign(w.key, kerneltest.Fields{StateID: "command-" + strconv.Itoa(id), Event: "issue_comment.created", Payload: payload,
		Command: map[string]any{"name": "hotfix", "parameters": map[string]any{"action": verb}}, Token: w.forge.Token().Reveal(), Now: noon})
}
