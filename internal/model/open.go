package model

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// An Asker is who a question is asked for: what the kernel sent with the delivery that it is about.
type Asker struct {
	Token        redact.Secret // the delivery's GitHub token
	Attestation  redact.Secret // the kernel's word for it
	Owner, Repo  string
	Installation string

	// Fresh is what token and word are at the moment of a question: they live for an hour, and a delivery may have waited.
	// nil: as they were delivered.
	Fresh func(context.Context) (token, attestation redact.Secret, err error)
}

// headers are those of a question that the gateway is asked on behalf of a.
func (a Asker) headers(ctx context.Context) (http.Header, error) {
	token, attestation := a.Token, a.Attestation
	if a.Fresh != nil {
		var err error
		if token, attestation, err = a.Fresh(ctx); err != nil {
			return nil, err
		}
	}
	h, err := KernelHeaders(attestation, a.Owner, a.Repo, a.Installation)(ctx)
	if err == nil {
		h.Set("Authorization", "Bearer "+token.Reveal())
	}
	return h, err
}

// Models are the models that an environment names, in the order in which they are asked.
type Models struct {
	configs []Config
	log     *slog.Logger
}

// Open reads HOTFIX_MODEL and the keys beside it. Several names, with commas between them, make a chain: one that
// cannot answer is left alone for a while and the next is asked.
func Open(getenv func(string) string, log *slog.Logger) (*Models, error) {
	names := strings.Split(getenv("HOTFIX_MODEL"), ",")
	m := &Models{log: log}
	for _, name := range names {
		if strings.TrimSpace(name) == "" && len(names) > 1 {
			return nil, errors.New("HOTFIX_MODEL holds an empty name: write names with one comma between them")
		}
		c, err := FromEnv(func(variable string) string {
			if variable == "HOTFIX_MODEL" {
				return strings.TrimSpace(name)
			}
			return getenv(variable)
		})
		if err != nil {
			return nil, err
		}
		c.Log = log
		if !c.borrows() {
			if _, err := New(c); err != nil {
				return nil, err
			}
		}
		m.configs = append(m.configs, c)
	}
	return m, nil
}

// borrows reports whether questions are asked with the delivery's token.
func (c *Config) borrows() bool { return c.Provider == UOS && c.Key.Empty() }

// Borrows reports whether some question needs a delivery's token: the gateway of UbiquityOS takes it in place of a key.
func (m *Models) Borrows() bool {
	for _, c := range m.configs {
		if c.borrows() {
			return true
		}
	}
	return false
}

// Name is the name of the model that is asked first, and its provider's.
func (m *Models) Name() string { return m.configs[0].Name }

// Provider is the provider that is asked first.
func (m *Models) Provider() string { return m.configs[0].Provider }

// Price is what tokens of the model that is asked first cost, nil if that is not known.
func (m *Models) Price() func(agent.Tokens) float64 { return Pricer(m.Name()) }

// Model returns who to ask where there is no delivery. The gateway is left out then, unless it has a key of its own.
func (m *Models) Model() (agent.Model, error) { return m.For(Asker{}) }

// For returns who to ask on behalf of a delivery.
func (m *Models) For(a Asker) (agent.Model, error) {
	var out []agent.Model
	for _, c := range m.configs {
		if c.borrows() {
			if a.Token.Empty() {
				continue
			}
			c.Key, c.Headers = a.Token, a.headers
		}
		one, err := New(c)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	switch len(out) {
	case 0:
		return nil, fmt.Errorf("%s: %s", UOS, "the gateway is asked with a delivery's token, and there is none here. "+keyHelp[UOS])
	case 1:
		return out[0], nil
	}
	return &Chain{Models: out, Log: m.log}, nil
}
