// Package model asks language models. It wraps langchaingo, which sends one question and reads one answer, with what a
// service needs: typed errors, retries within a bound, whole histories, one form of token counts, and transcripts that
// can be recorded and replayed.
package model

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// The providers.
const (
	OpenAI    = "openai" // and everything that speaks its chat completions
	Anthropic = "anthropic"
	Ollama    = "ollama"
	Google    = "google"
	UOS       = "uos" // the gateway of UbiquityOS
)

var providers = []string{OpenAI, Anthropic, Ollama, Google, UOS}

// A Config says which model to ask, and how patiently.
type Config struct {
	Provider    string
	Name        string        // of the model, as the provider calls it; only uos may go without
	BaseURL     string        // "" is the provider's own
	Key         redact.Secret // ollama needs none
	MaxTokens   int           // of a reply, unless the question says; default 8192
	Temperature *float64      // unless the question says; nil leaves it to the provider
	OneCall     bool          // ask for no more than one tool call in a reply
	Timeout     time.Duration // of one try; default 5 minutes
	Patience    time.Duration // of all tries and the waits between them; default 10 minutes
	Retries     int           // after the first try; default 4, negative for none
	// Headers are added to each request; the uos gateway wants to know whose question it is.
	Headers func(context.Context) (http.Header, error)
	HTTP    http.RoundTripper                          // default: one of its own
	Wait    func(context.Context, time.Duration) error // how to wait between tries; default: by the clock
	Log     *slog.Logger
}

// New returns the model that c describes. Nothing is sent before the first question.
func New(c Config) (agent.Model, error) {
	if !slices.Contains(providers, c.Provider) {
		return nil, fmt.Errorf("there is no model provider %q: choose one of %s", c.Provider, strings.Join(providers, ", "))
	}
	if c.Name == "" && c.Provider != UOS {
		return nil, fmt.Errorf("%s: which model? Set HOTFIX_MODEL", c.Provider)
	}
	if err := c.address(); err != nil {
		return nil, err
	}
	if c.Key.Empty() && c.needsKey() {
		return nil, fmt.Errorf("%s: there is no key. %s", c.Provider, keyHelp[c.Provider])
	}
	c.MaxTokens = cmp.Or(c.MaxTokens, 8192)
	c.Timeout = cmp.Or(c.Timeout, 5*time.Minute)
	c.Patience = cmp.Or(c.Patience, 10*time.Minute)
	c.Retries = max(0, cmp.Or(c.Retries, 4))
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Wait == nil {
		c.Wait = wait
	}
	if c.HTTP == nil {
		c.HTTP = transport()
	}
	m := &remote{cfg: c, client: &http.Client{Transport: c.HTTP, CheckRedirect: stay}}
	m.wire = openaiWire{c}
	if c.Provider == Anthropic {
		m.wire = anthropicWire{c}
	}
	return m, nil
}

var keyHelp = map[string]string{
	OpenAI:    "Set OPENAI_API_KEY; a local server takes any value",
	Anthropic: "Set ANTHROPIC_API_KEY",
	Google:    "Set GEMINI_API_KEY",
	UOS:       "Set UOS_AI_TOKEN, or pass on the token of the delivery",
}

var addresses = map[string]string{
	OpenAI:    "https://api.openai.com/v1",
	Anthropic: "https://api.anthropic.com/v1",
	Ollama:    "http://127.0.0.1:11434/v1",
	Google:    "https://generativelanguage.googleapis.com/v1beta/openai",
	UOS:       "https://ai.ubq.fi/v1",
}

// address settles where to send questions. A key goes over plain HTTP to neighbours only.
func (c *Config) address() error {
	given := c.BaseURL
	c.BaseURL = strings.TrimRight(cmp.Or(given, addresses[c.Provider]), "/")
	u, err := url.Parse(c.BaseURL)
	if err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return fmt.Errorf("%s: %q is no address of a model: write https://host/path, without user, query or fragment", c.Provider, redact.Scrub(given))
	}
	if u.Scheme == "http" && !neighbour(u.Hostname()) && !c.Key.Empty() {
		return fmt.Errorf("%s: the key would go to %s without encryption: use https", c.Provider, u.Host)
	}
	return nil
}

func (c *Config) needsKey() bool {
	return c.Provider != Ollama && (c.Provider != OpenAI || c.BaseURL == addresses[OpenAI])
}

// legacyLimit reports whether the server may only know the old name of the bound on a reply.
func (c *Config) legacyLimit() bool { return c.BaseURL != addresses[OpenAI] }

// neighbour reports whether host is this machine, a private address, or a name without a dot.
func neighbour(host string) bool {
	if ip := net.ParseIP(host); ip != nil {
		return ip.IsLoopback() || ip.IsPrivate() || ip.IsLinkLocalUnicast()
	}
	return !strings.Contains(host, ".") || strings.HasSuffix(host, ".localhost") || strings.HasSuffix(host, ".internal")
}

// transport is Go's own, but for the time it waits for a reply to begin: models think for minutes.
func transport() http.RoundTripper {
	t, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return http.DefaultTransport
	}
	t = t.Clone()
	t.ResponseHeaderTimeout = 0
	return t
}

// stay refuses redirects: the key would go along, to wherever they point.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-t.C:
		return nil
	}
}

// A wire is how one kind of provider wants to be asked.
type wire interface {
	client(*exchange) (llms.Model, error)
	history([]llms.MessageContent) []llms.MessageContent
	request(object, *exchange) error
	reply(raw []byte, m *remote) (*reply, error)
}

// A remote is a model behind an address.
type remote struct {
	cfg    Config
	wire   wire
	client *http.Client
	memory
	mu      sync.Mutex
	learned []lesson
}

// Name returns the provider and the model's name.
func (m *remote) Name() string {
	if m.cfg.Name == "" {
		return m.cfg.Provider
	}
	return m.cfg.Provider + ":" + m.cfg.Name
}

// GenerateContent asks the model once. The response has one choice. A failure is an *APIError, or ctx's own error.
func (m *remote) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	x := &exchange{m: m, ctx: ctx}
	opts := m.options(options, x)
	llm, err := m.wire.client(x)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", m.Name(), err)
	}
	x.args = mendArguments(messages)
	resp, err := llm.GenerateContent(ctx, m.wire.history(x.args.messages), opts)
	switch {
	case ctx.Err() != nil:
		return nil, fmt.Errorf("ask %s: %w", m.Name(), ctx.Err())
	case x.err != nil:
		return nil, x.err
	case err != nil:
		return nil, fmt.Errorf("%s: %w", m.Name(), err)
	case x.got == nil || resp == nil:
		return nil, errors.New(m.Name() + ": asked nothing")
	}
	return x.response(resp), nil
}

// options settles what is sent with a question. Replies are never streamed: langchaingo mixes up the parallel calls of a
// stream, and takes one that breaks off for a whole.
func (m *remote) options(options []llms.CallOption, x *exchange) llms.CallOption {
	const unset = -1
	o := llms.CallOptions{Temperature: unset}
	for _, set := range options {
		set(&o)
	}
	x.opts.temperature = m.cfg.Temperature
	if o.Temperature != unset {
		x.opts.temperature = new(o.Temperature)
	}
	o.Temperature = 0
	if x.opts.temperature != nil {
		o.Temperature = *x.opts.temperature
	}
	x.opts.choice = o.ToolChoice
	o.StreamingFunc, o.StreamingReasoningFunc = nil, nil
	o.MaxTokens = cmp.Or(o.MaxTokens, m.cfg.MaxTokens)
	x.opts.limit = o.MaxTokens
	o.N, o.CandidateCount, o.Model = 0, 0, ""
	o.Tools = slices.Clone(o.Tools)
	for i, t := range o.Tools {
		if t.Function != nil {
			f := *t.Function
			f.Parameters = parameters(f.Parameters)
			o.Tools[i] = llms.Tool{Type: "function", Function: &f}
		}
	}
	return func(all *llms.CallOptions) { *all = o }
}

// parameters is a tool's schema as every provider takes it: an object, without the names that only programs need.
func parameters(schema any) object {
	var o object
	data, err := json.Marshal(schema)
	if err != nil || json.Unmarshal(data, &o) != nil || o == nil {
		o = object{}
	}
	delete(o, "$schema")
	delete(o, "$id")
	for key, least := range map[string]string{"type": `"object"`, "properties": "{}"} {
		if _, ok := o[key]; !ok {
			o[key] = json.RawMessage(least)
		}
	}
	return o
}
