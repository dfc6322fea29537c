package model_test

import (
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
)

func TestPrice(t *testing.T) {
	t.Parallel()
	const m = 1_000_000
	tests := []struct {
		name  string
		model string
		u     model.Usage
		want  float64
		ok    bool
	}{
		{name: "in and out", model: "gpt-5.4-mini", u: model.Usage{In: m, Out: m}, want: 5.25, ok: true},
		{name: "cached tokens are cheaper", model: "gpt-5.4-mini", u: model.Usage{In: m, Cached: m}, want: 0.075, ok: true},
		{name: "writing the cache is dearer", model: "claude-sonnet-5-5", u: model.Usage{In: 3 * m, Cached: m, Written: m}, want: 2 + 0.1 + 2.5, ok: true},
		{name: "a dated name", model: "claude-haiku-4-5-20251001", u: model.Usage{Out: m}, want: 5, ok: true},
		{name: "another dated name", model: "gpt-5.4-2026-03-05", u: model.Usage{In: m}, want: 2.5, ok: true},
		{name: "a gateway's name", model: "openai/gpt-5.4-mini:free", u: model.Usage{In: m}, want: 0.75, ok: true},
		{name: "the name of one of our models", model: "openai:gpt-5.4-mini", u: model.Usage{In: m}, want: 0.75, ok: true},
		{name: "a long prompt", model: "claude-haiku-5-5", u: model.Usage{In: 200_000, Cached: 100_000, Out: m}, want: 0.05 + 0.005 + 2.5, ok: true},
		{name: "unknown", model: "qwen3:8b", u: model.Usage{In: m}},
		{name: "unknown, but the provider says", model: "qwen3:8b", u: model.Usage{In: m, Cost: 0.5}, want: 0.5, ok: true},
		{name: "a longer name is another model", model: "gpt-5.4-mini-pro", u: model.Usage{In: m}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			usd, ok := model.Price(tt.model, tt.u)
			require.Equal(t, tt.ok, ok)
			require.InDelta(t, tt.want, usd, 1e-9)
		})
	}
}

func TestAPriceListIsChecked(t *testing.T) {
	t.Parallel()
	p, err := model.LoadPrices([]byte(`{"models":{"m":{"in":1,"out":2,"cached":0.1}}}`))
	require.NoError(t, err)
	usd, ok := p.Of("m", model.Usage{In: 1e6})
	require.True(t, ok)
	require.InDelta(t, 1, usd, 1e-9)
	_, err = model.LoadPrices([]byte(`{"models":{"m":{"in":1,"out":2,"cached":3}}}`))
	require.EqualError(t, err, "read price list: the prices of m make no sense")
	_, err = model.LoadPrices([]byte(`{`))
	require.ErrorContains(t, err, "read price list")
}

func TestUsageOfNothing(t *testing.T) {
	t.Parallel()
	for _, r := range []*llms.ContentResponse{nil, {}, {Choices: []*llms.ContentChoice{nil}}, {Choices: []*llms.ContentChoice{{}}}} {
		require.Zero(t, model.UsageOf(r))
	}
}

func TestPricer(t *testing.T) {
	t.Parallel()
	require.Nil(t, model.Pricer("ollama:qwen3:8b"))
	require.InDelta(t, 0.75+4.5+0.075, model.Pricer("openai:gpt-5.4-mini")(agent.Tokens{In: 2e6, Cached: 1e6, Out: 1e6}), 1e-9)
}
