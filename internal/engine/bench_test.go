package engine_test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

const (
	burst   = 4000 // deliveries in one benchmark
	callers = 64   // that send at once
)

// signedBodies are deliveries that all differ, about a few problems. To sign them takes longer than to take them in.
var signedBodies = sync.OnceValue(func() [][]byte {
	bodies := make([][]byte, burst)
	var wg sync.WaitGroup
	for part := range 2 {
		wg.Go(func() {
			for i := part; i < burst; i += 2 {
				f := kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: repo.Owner, Repo: repo.Name, Ref: "main"}, Message: problems[i%len(problems)],
					Webhook: kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}
				bodies[i] = kerneltest.Sign(kernelKey(), kerneltest.Fields{Payload: f.Payload(), Token: fmt.Sprintf("ghs_%036d", i)})
			}
		})
	}
	wg.Wait()
	return bodies
})

// A peer is a process that takes deliveries in.
type peer struct {
	address string
	process *os.Process
	kill    func()
	dsn     string // of the daemon's store
}

// startSDK starts a worker of the official SDK that only verifies signatures.
func startSDK(t testing.TB) peer {
	script, err := os.ReadFile("testdata/sdk/worker.mjs")
	require.NoError(t, err)
	dir := "../../.tools/sdk"
	_, err = os.Stat(filepath.Join(dir, "node_modules"))
	require.NoError(t, err, "run `make setup` first")
	cmd := exec.Command("node", "--input-type=module", "-")
	cmd.Dir, cmd.Stdin, cmd.Stderr = dir, bytes.NewReader(script), os.Stderr
	cmd.Env = append(os.Environ(), "KERNEL_PUBLIC_KEY="+string(kerneltest.PublicPEM(kernelKey())))
	cmd.SysProcAttr = &syscall.SysProcAttr{Pdeathsig: syscall.SIGKILL}
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	kill := sync.OnceFunc(func() { _ = cmd.Process.Kill(); _ = cmd.Wait() })
	t.Cleanup(kill)
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	return peer{strings.TrimSpace(line), cmd.Process, kill, ""}
}

// peers are what the benchmarks compare: the worker first, so that the others know its figures.
var peers = []struct {
	name  string
	start func(testing.TB) peer
}{
	{"sdk", startSDK},
	{"sqlite", func(t testing.TB) peer { return benchDaemon(t, databases[0].address(t)) }},
	{"postgres", func(t testing.TB) peer { return benchDaemon(t, databases[1].address(t)) }},
}

// caughtUp waits until every delivery that a daemon has taken in is triaged and reported.
func (p peer) caughtUp(t testing.TB) {
	if p.dsn == "" {
		return
	}
	s, err := store.Open(t.Context(), store.Config{DSN: p.dsn})
	require.NoError(t, err)
	defer s.Close()
	untilIdle(t, s, patience)
}

func benchDaemon(t testing.TB, dsn string) peer {
	s := newSite(t, dsn)
	s.own = true
	d := s.serve("one")
	return peer{d.address, d.cmd.Process, d.kill, dsn}
}

func sendOne(client *http.Client, address string, body []byte) error {
	res, err := client.Post(address, "application/json", bytes.NewReader(body))
	if err != nil {
		return err
	}
	return answered(res)
}

func answered(res *http.Response) error {
	defer res.Body.Close()
	text, err := io.ReadAll(res.Body)
	if err == nil && res.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d: %s", res.StatusCode, text)
	}
	return err
}

func percentile(sorted []time.Duration, p float64) float64 {
	return float64(sorted[int(p*float64(len(sorted)-1))].Microseconds()) / 1000
}

// BenchmarkAcknowledge measures how many deliveries a second are acknowledged, durably but for the SDK's worker, which
// keeps nothing, and how long each takes, with 64 callers at once. Triage gives way meanwhile: how many a second are
// settled, triaged and reported, from the first request to the last of them, is a figure of its own. The processor time that
// each took until it was acknowledged, and until it was settled, depends less on what else the machine does.
func BenchmarkAcknowledge(b *testing.B) {
	requests, sdk, sdkCPU := make([][]byte, burst), 0.0, 0.0
	for i, body := range signedBodies() {
		requests[i] = posted(body)
	}
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) {
			var spent, settled, cpu, door time.Duration
			var took []time.Duration
			for b.Loop() {
				b.StopTimer()
				peer := p.start(b)
				b.StartTimer()
				start, before := time.Now(), processor(b, peer)
				took = send(b, peer.address, requests)
				spent, door = spent+time.Since(start), door+processor(b, peer)-before
				peer.caughtUp(b)
				settled, cpu = settled+time.Since(start), cpu+processor(b, peer)-before
				b.StopTimer()
				b.ReportMetric(memory(b, peer, "VmHWM"), "peak-MB")
				peer.kill()
				b.StartTimer()
			}
			rate, each := float64(burst*b.N)/spent.Seconds(), float64(cpu.Microseconds())/float64(burst*b.N)
			b.ReportMetric(rate, "deliveries/s")
			b.ReportMetric(float64(door.Microseconds())/float64(burst*b.N), "cpu-µs/acknowledged")
			b.ReportMetric(each, "cpu-µs/settled")
			b.ReportMetric(percentile(took, 0.5), "p50-ms")
			b.ReportMetric(percentile(took, 0.99), "p99-ms")
			if p.name == "sdk" {
				sdk, sdkCPU = rate, each
			} else if sdk > 0 {
				b.ReportMetric(rate/sdk, "xsdk")
				b.ReportMetric(float64(burst*b.N)/settled.Seconds(), "settled/s")
				b.ReportMetric(each/sdkCPU, "xsdk-cpu")
			}
		})
	}
}

// BenchmarkSteady measures how long an acknowledgement takes when 500 deliveries arrive every second.
func BenchmarkSteady(b *testing.B) {
	const rate, seconds = 500, 6
	bodies := signedBodies()[:rate*seconds]
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) {
			var took []time.Duration
			for b.Loop() {
				b.StopTimer()
				peer := p.start(b)
				b.StartTimer()
				took = sendEvery(b, peer.address, bodies, time.Second/rate)
				b.StopTimer()
				peer.kill()
				b.StartTimer()
			}
			b.ReportMetric(percentile(took, 0.5), "p50-ms")
			b.ReportMetric(percentile(took, 0.99), "p99-ms")
		})
	}
}

// sendEvery posts a body every pause, whether those before were answered or not, and returns how long each took
// from the moment it was due, sorted.
func sendEvery(t testing.TB, address string, bodies [][]byte, pause time.Duration) []time.Duration {
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 256}}
	defer client.CloseIdleConnections()
	took := make([]time.Duration, len(bodies))
	var wg sync.WaitGroup
	begin := time.Now()
	for i, body := range bodies {
		due := begin.Add(time.Duration(i) * pause)
		time.Sleep(time.Until(due))
		wg.Go(func() {
			if err := sendOne(client, address, body); err != nil {
				t.Error(err)
			}
			took[i] = time.Since(due)
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took
}

// BenchmarkIdle measures the memory of a process that has started and has nothing to do.
func BenchmarkIdle(b *testing.B) {
	for _, p := range peers {
		b.Run(p.name, func(b *testing.B) {
			for b.Loop() {
				peer := p.start(b)
				time.Sleep(3 * time.Second)
				b.ReportMetric(memory(b, peer, "VmRSS"), "idle-MB")
				peer.kill()
			}
		})
	}
}

// memory reads a line of what the system knows of a process, in MB.
func memory(t testing.TB, p peer, line string) float64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", p.process.Pid))
	require.NoError(t, err)
	m := regexp.MustCompile(`(?m)^` + line + `:\s+(\d+) kB`).FindSubmatch(status)
	require.NotNil(t, m)
	kb, err := strconv.Atoi(string(m[1]))
	require.NoError(t, err)
	return float64(kb) / 1024
}

// processor is the time that a process has had a processor for, in the program and in the kernel.
func processor(t testing.TB, p peer) time.Duration {
	stat, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", p.process.Pid))
	require.NoError(t, err)
	fields := strings.Fields(string(stat[bytes.LastIndexByte(stat, ')')+2:])) // the name before it may hold blanks
	user, err := strconv.Atoi(fields[11])
	require.NoError(t, err)
	system, err := strconv.Atoi(fields[12])
	require.NoError(t, err)
	return time.Duration(user+system) * time.Second / 100 // Linux counts in hundredths, whatever its own clock
}
