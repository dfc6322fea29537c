package model

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

// rest is how long a model that failed is left alone, unless it asked for more.
const rest = 5 * time.Minute

// A Chain asks the first of its models that is fit. One that is out of reach, overloaded, out of quota or has a bad key
// is left alone for a while, and the next is asked. Too long conversations, refusals and wrong questions are not the
// model's illness and end the chain. Who answered is in the reply's GenerationInfo.
type Chain struct {
	Models []agent.Model
	Log    *slog.Logger
	Now    func() time.Time // nil: time.Now

	mu   sync.Mutex
	sick map[int]time.Time // until when
}

// Name names the models in order.
func (c *Chain) Name() string {
	names := make([]string, len(c.Models))
	for i, m := range c.Models {
		names[i] = nameOf(m)
	}
	return strings.Join(names, ", else ")
}

// GenerateContent asks until one model answers. Its error is the one of the last model, and names the others.
func (c *Chain) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	if len(c.Models) == 0 {
		return nil, ErrNone
	}
	var errs []error
	for _, i := range c.order() {
		m := c.Models[i]
		resp, err := m.GenerateContent(ctx, messages, options...)
		if err == nil {
			c.note(resp, m)
			return resp, nil
		}
		errs = append(errs, err)
		var e *APIError
		if ctx.Err() != nil || !errors.As(err, &e) || !e.ill() {
			return nil, err
		}
		c.leave(i, max(rest, e.RetryAfter))
		if c.Log != nil {
			c.Log.Warn("a model cannot answer", "model", nameOf(m), "err", err.Error())
		}
	}
	if len(errs) == 1 {
		return nil, errs[0]
	}
	return nil, fmt.Errorf("none of %d models can answer: %w", len(errs), errors.Join(errs...))
}

// ill reports whether another model may be well.
func (e *APIError) ill() bool { return e.Temporary() || errors.Is(e, ErrQuota) || errors.Is(e, ErrKey) }

// order is who to ask: those that are fit, then, if none is, all.
func (c *Chain) order() []int {
	c.mu.Lock()
	defer c.mu.Unlock()
	now := c.now()
	var fit, all []int
	for i := range c.Models {
		all = append(all, i)
		if !now.Before(c.sick[i]) {
			fit = append(fit, i)
		}
	}
	if len(fit) == 0 {
		return all
	}
	return fit
}

func (c *Chain) leave(i int, d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.sick == nil {
		c.sick = map[int]time.Time{}
	}
	c.sick[i] = c.now().Add(d)
}

func (c *Chain) now() time.Time {
	if c.Now == nil {
		return time.Now()
	}
	return c.Now()
}

// note writes into the reply who gave it, where its model did not.
func (c *Chain) note(resp *llms.ContentResponse, m agent.Model) {
	if resp == nil || len(resp.Choices) == 0 || resp.Choices[0] == nil {
		return
	}
	choice := resp.Choices[0]
	if choice.GenerationInfo == nil {
		choice.GenerationInfo = map[string]any{}
	}
	if _, ok := choice.GenerationInfo[keyProvider]; !ok {
		choice.GenerationInfo[keyProvider] = nameOf(m)
	}
}
