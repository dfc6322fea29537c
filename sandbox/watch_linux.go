package sandbox

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// A watchdog ends a box whose processes hold more memory together than they may. It stands in where no cgroup is ours.
type watchdog struct {
	fired atomic.Bool
	stop  chan struct{}
	gone  chan struct{}
}

const watchEvery = 50 * time.Millisecond

// watch looks at the box of the first process pid until end is called.
func watch(pid int, limit int64, kill func()) *watchdog {
	w := &watchdog{stop: make(chan struct{}), gone: make(chan struct{})}
	go func() {
		defer close(w.gone)
		tick := time.NewTicker(watchEvery)
		defer tick.Stop()
		for {
			select {
			case <-w.stop:
				return
			case <-tick.C:
			}
			if held(pid, 0) > limit {
				w.fired.Store(true)
				kill()
				return
			}
		}
	}()
	return w
}

// end stops the watchdog and reports whether it had to bite.
func (w *watchdog) end() bool {
	if w == nil {
		return false
	}
	close(w.stop)
	<-w.gone
	return w.fired.Load()
}

// held sums the memory of a process and all its descendants, files of programs left out. In a box every process
// descends from the first.
func held(pid, depth int) int64 {
	sum := memoryOf(pid)
	lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", pid))
	for _, list := range lists {
		children, _ := os.ReadFile(list) // gone meanwhile, or the kernel's last word
		for _, c := range strings.Fields(string(children)) {
			if n, err := strconv.Atoi(c); err == nil && depth < 64 {
				sum += held(n, depth+1)
			}
		}
	}
	return sum
}

// memoryOf is the anonymous and shared memory of one process in bytes.
func memoryOf(pid int) int64 {
	status, err := os.ReadFile(fmt.Sprintf("/proc/%d/status", pid))
	if err != nil {
		return 0 // gone meanwhile
	}
	var sum int64
	for line := range strings.Lines(string(status)) {
		if k, v, _ := strings.Cut(line, ":"); k == "RssAnon" || k == "RssShmem" {
			n, _ := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(v), " kB"), 10, 64)
			sum += n << 10
		}
	}
	return sum
}
