package metrics

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A figure is something that the store knows.
func figure(name, help string, labels ...string) *prometheus.Desc {
	return prometheus.NewDesc(namespace+"_"+name, help, labels, nil)
}

var (
	up       = figure("store_up", "1 if the store answers.")
	cases    = figure("cases", "Problems, by where they stand.", "state")
	failures = figure("failures_24h", "Failures in the last 24 hours, of the plugins that failed most.", "plugin")
	work     = figure("work", "Pieces of work, by what has become of them.", "kind", "state")
	oldest   = figure("work_oldest_seconds", "For how long the oldest work that is neither done nor given up has been wanted.", "kind")
	attempts = figure("attempts_24h", "Attempts that began in the last 24 hours, by how they ended.", "ending")
	spent    = figure("cost_dollars_24h", "What the attempts of the last 24 hours cost, where the model's price is known.")
	used     = figure("tokens_24h", "Tokens that the attempts of the last 24 hours used.")
	breaker  = figure("breaker_open", "1 while no new issues are opened because there were too many.")
)

// pluginsMax bounds how many plugins have a figure of their own.
const pluginsMax = 50

// Watch has figures read from s. silence is how long the breaker stays open.
func (m *Metrics) Watch(s *store.SQL, silence time.Duration, now func() time.Time) {
	if silence <= 0 {
		silence = time.Hour
	}
	m.registry.MustRegister(&collector{s, silence, now})
}

type collector struct {
	store   *store.SQL
	silence time.Duration
	now     func() time.Time
}

// Describe is as prometheus.Collector says.
func (c *collector) Describe(to chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{up, cases, failures, work, oldest, attempts, spent, used, breaker} {
		to <- d
	}
}

// Collect reads every figure. A store that does not answer has one figure, which says so.
func (c *collector) Collect(to chan<- prometheus.Metric) {
	ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
	defer cancel()
	var list []prometheus.Metric
	add := func(d *prometheus.Desc, value float64, labels ...string) {
		list = append(list, prometheus.MustNewConstMetric(d, prometheus.GaugeValue, value, labels...))
	}
	for _, read := range []func(context.Context, func(*prometheus.Desc, float64, ...string)) error{c.cases, c.failures, c.work, c.attempts, c.breaker} {
		if read(ctx, add) != nil {
			to <- prometheus.MustNewConstMetric(up, prometheus.GaugeValue, 0)
			return
		}
	}
	add(up, 1)
	for _, m := range list {
		to <- m
	}
}

func (c *collector) cases(ctx context.Context, add func(*prometheus.Desc, float64, ...string)) error {
	standings, err := c.store.Standings(ctx, "")
	by := map[hotfix.State]int{}
	for _, s := range standings {
		by[s.State] += s.Cases
	}
	for state, n := range by {
		add(cases, float64(n), string(state))
	}
	return err
}

func (c *collector) failures(ctx context.Context, add func(*prometheus.Desc, float64, ...string)) error {
	tallies, err := c.store.Rates(ctx, c.now().Add(-24*time.Hour), 1)
	by := map[string]int{}
	var names []string
	for _, t := range tallies {
		if by[t.Of] == 0 {
			names = append(names, t.Of)
		}
		by[t.Of] += t.N
	}
	slices.SortFunc(names, func(a, b string) int { return by[b] - by[a] })
	for _, name := range names[:min(len(names), pluginsMax)] {
		add(failures, float64(by[name]), name)
	}
	return err
}

func (c *collector) work(ctx context.Context, add func(*prometheus.Desc, float64, ...string)) error {
	counts, err := c.store.Counts(ctx)
	for _, kind := range []store.Kind{store.Triage, store.Report, store.Fix} {
		n := counts[kind]
		add(work, float64(n.Waiting), string(kind), "waiting")
		add(work, float64(n.Running), string(kind), "running")
		add(work, float64(n.Parked), string(kind), "given-up")
		age := 0.0
		if !n.Oldest.IsZero() {
			age = max(0, c.now().Sub(n.Oldest).Seconds())
		}
		add(oldest, age, string(kind))
	}
	return err
}

func (c *collector) attempts(ctx context.Context, add func(*prometheus.Desc, float64, ...string)) error {
	list, err := c.store.Spent(ctx, c.now().Add(-24*time.Hour))
	by, cost, tokens := map[hotfix.Ending]int{}, 0.0, 0
	for _, s := range list {
		by[s.Ending] += s.Attempts
		cost, tokens = cost+s.Cost, tokens+s.Tokens
	}
	for ending, n := range by {
		if ending == "" {
			ending = "under-way"
		}
		add(attempts, float64(n), string(ending))
	}
	add(spent, cost)
	add(used, float64(tokens))
	return err
}

func (c *collector) breaker(ctx context.Context, add func(*prometheus.Desc, float64, ...string)) error {
	page, err := c.store.Case(ctx, "page")
	if errors.Is(err, store.ErrNotFound) {
		add(breaker, 0)
		return nil
	}
	open := 0.0
	if err == nil && c.now().Before(page.First.Add(c.silence)) {
		open = 1
	}
	add(breaker, open)
	return err
}
