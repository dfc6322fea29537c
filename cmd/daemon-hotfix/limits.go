package main

import (
	"errors"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/queue"
)

// limitFlags bound how much is done at once, and how fast.
type limitFlags struct {
	Fixes        int           `help:"Most attempts at fixes at once on this machine." default:"1"`
	FixesPerRepo int           `help:"Most attempts at fixes at once in one repository, over all machines." default:"1"`
	FixTime      time.Duration `help:"Longest time for an attempt with everything around it; three in vain and it is parked." default:"45m"`
}

// keepFlags say how long what is done with is kept; 0 is for ever. Cases are always kept.
type keepFlags struct {
	Deliveries time.Duration `help:"How long deliveries are kept, and recognised when they come again." default:"720h"`
	Runs       time.Duration `help:"How long the transcripts of attempts are kept." default:"2160h"`
}

// stopMargin is what the daemon has to shut down after the grace period.
const stopMargin = 10 * time.Second

// queue is the configuration that the flags describe.
func (c *serveCmd) queue() (queue.Config, error) {
	l := c.Limit
	switch {
	case l.Fixes < 1 || l.FixesPerRepo < 1:
		return queue.Config{}, errors.New("--limit-fixes and --limit-fixes-per-repo must be at least 1; --no-fix switches fixes off")
	case l.FixTime <= c.Budget.Wall:
		return queue.Config{}, errors.New("--limit-fix-time must be longer than --budget-wall, or an attempt is cut off before its budget is spent")
	case c.Github.Writes < 0 || c.Keep.Deliveries < 0 || c.Keep.Runs < 0 || c.Grace < 0:
		return queue.Config{}, errors.New("--limit-writes, --keep-deliveries, --keep-runs and --grace must not be negative")
	}
	return queue.Config{
		Fix:         queue.Limits{AtOnce: l.Fixes, PerRepo: l.FixesPerRepo, Timeout: l.FixTime},
		KeepNotices: forEver(c.Keep.Deliveries), KeepRuns: forEver(c.Keep.Runs), Grace: max(c.Grace, time.Millisecond),
	}, nil
}

// forEver turns 0 into what the queue takes for no bound.
func forEver(d time.Duration) time.Duration {
	if d == 0 {
		return -1
	}
	return d
}
