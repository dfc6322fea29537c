// Package metrics tells Prometheus and OpenTelemetry what the daemon does. What the store knows is read from it when
// somebody asks, so that it is right after a restart and the same on every machine; only calls are counted here.
package metrics

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

const namespace = "daemon_hotfix"

// A Metrics counts calls, and collects from the store.
type Metrics struct {
	registry *prometheus.Registry

	calls    *prometheus.CounterVec
	callTime *prometheus.HistogramVec
	tokens   *prometheus.CounterVec
	github   *prometheus.CounterVec
	left     *prometheus.GaugeVec
	limit    *prometheus.GaugeVec
}

// New returns metrics that know of no store yet.
func New() *Metrics {
	m := &Metrics{
		registry: prometheus.NewRegistry(),
		calls: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "model_calls_total",
			Help: "Questions to the model, by how they ended."}, []string{"model", "result"}),
		callTime: prometheus.NewHistogramVec(prometheus.HistogramOpts{Namespace: namespace, Name: "model_call_seconds",
			Help: "How long the model took to answer.", Buckets: []float64{.5, 1, 2, 5, 10, 20, 40, 80, 160}}, []string{"model"}),
		tokens: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "model_tokens_total",
			Help: "Tokens that questions to the model used."}, []string{"model", "kind"}),
		github: prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: namespace, Name: "github_requests_total",
			Help: "Requests to GitHub, by the status of the answer; 0 is no answer."}, []string{"status"}),
		left: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "github_rate_remaining",
			Help: "Requests that GitHub said are left, in its latest answer."}, []string{"resource"}),
		limit: prometheus.NewGaugeVec(prometheus.GaugeOpts{Namespace: namespace, Name: "github_rate_limit",
			Help: "Requests that GitHub allows in an hour, in its latest answer."}, []string{"resource"}),
	}
	m.registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		m.calls, m.callTime, m.tokens, m.github, m.left, m.limit,
		prometheus.NewCounterFunc(prometheus.CounterOpts{Namespace: namespace, Name: "redaction_failures_total",
			Help: "Texts that could not be judged and were withheld whole."}, func() float64 { return float64(redact.Withheld()) }))
	return m
}

// Handler answers what Prometheus asks.
func (m *Metrics) Handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// Transport counts requests to GitHub and remembers what it says of its limits.
func (m *Metrics) Transport(next http.RoundTripper) http.RoundTripper {
	if next == nil {
		next = http.DefaultTransport
	}
	return transport{m, next}
}

type transport struct {
	m    *Metrics
	next http.RoundTripper
}

// RoundTrip is as http.RoundTripper says.
func (t transport) RoundTrip(req *http.Request) (*http.Response, error) {
	resp, err := t.next.RoundTrip(req)
	if err != nil {
		t.m.github.WithLabelValues("0").Inc()
		return resp, err
	}
	t.m.github.WithLabelValues(strconv.Itoa(resp.StatusCode)).Inc()
	resource := resp.Header.Get("X-Ratelimit-Resource")
	for header, gauge := range map[string]*prometheus.GaugeVec{"X-Ratelimit-Remaining": t.m.left, "X-Ratelimit-Limit": t.m.limit} {
		if n, err := strconv.Atoi(resp.Header.Get(header)); err == nil && resource != "" && len(resource) < 40 {
			gauge.WithLabelValues(resource).Set(float64(n))
		}
	}
	return resp, nil
}

// observe counts one question to the model.
func (m *Metrics) observe(model, result string, took time.Duration, in, out, cached int) {
	m.calls.WithLabelValues(model, result).Inc()
	m.callTime.WithLabelValues(model).Observe(took.Seconds())
	for kind, n := range map[string]int{"in": in, "out": out, "cached": cached} {
		m.tokens.WithLabelValues(model, kind).Add(float64(n))
	}
}
