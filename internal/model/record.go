package model

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"sync"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// Record returns a model that asks m and writes each turn to w as a line of JSON, without secrets. The header is
// written at once; its Version, and its Model and Recorded if they are empty, are filled in.
func Record(m agent.Model, h Header, w io.Writer) (agent.Model, error) {
	h.Version = Version
	if h.Recorded.IsZero() {
		h.Recorded = time.Now().UTC().Truncate(time.Second)
	}
	if h.Model == "" {
		h.Model = nameOf(m)
	}
	h.Note, h.Model = redact.Scrub(h.Note).String(), redact.Scrub(h.Model).String()
	r := &recorder{model: m, out: w}
	if err := r.write(h); err != nil {
		return nil, fmt.Errorf("record: %w", err)
	}
	return r, nil
}

// nameOf is what a model is called.
func nameOf(m agent.Model) string {
	if n, ok := m.(interface{ Name() string }); ok {
		return n.Name()
	}
	return ""
}

type recorder struct {
	model agent.Model
	out   io.Writer

	mu     sync.Mutex
	reader reader
	n      int
	last   view
}

// Name is the name of the model that is recorded.
func (r *recorder) Name() string { return nameOf(r.model) }

// GenerateContent asks the model and writes the turn. A turn that cannot be written fails: half a transcript is none.
func (r *recorder) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	started := time.Now()
	resp, err := r.model.GenerateContent(ctx, messages, options...)
	if err != nil && (ctx.Err() != nil || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)) {
		return nil, err // we gave up; that says nothing about the model
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	r.n++
	t := r.turn(r.reader.view(messages, options))
	t.Took = time.Since(started).Round(time.Millisecond).String()
	if err != nil {
		t.Error = turnError(err)
	} else {
		t.answer(resp)
	}
	if failed := r.write(t); failed != nil {
		return nil, fmt.Errorf("record step %d: %w", r.n, failed)
	}
	return resp, err
}

// turn writes down what a question shows, as far as it is new.
func (r *recorder) turn(v view) Turn {
	t := Turn{N: r.n, Digest: v.digest()}
	for t.Same < len(v.shown) && t.Same < len(r.last.shown) && v.shown[t.Same] == r.last.shown[t.Same] {
		t.Same++
	}
	t.Shown = v.shown[t.Same:]
	if !maps.Equal(v.tools, r.last.tools) {
		t.Tools = v.tools
	}
	r.last = v
	return t
}

// answer writes down a reply.
func (t *Turn) answer(resp *llms.ContentResponse) {
	t.Usage = UsageOf(resp)
	if resp == nil {
		return
	}
	for _, c := range resp.Choices {
		if c == nil {
			continue
		}
		if t.Reply != "" && c.Content != "" {
			t.Reply += "\n"
		}
		t.Reply += c.Content
		t.Stop = c.StopReason
		for _, call := range c.ToolCalls {
			if call.FunctionCall != nil {
				t.Calls = append(t.Calls, TurnCall{ID: call.ID, Name: redact.Scrub(call.FunctionCall.Name).String(),
					Arguments: cleanArguments(call.FunctionCall.Arguments)})
			}
		}
	}
	t.Reply = redact.Scrub(t.Reply).String()
}

func (r *recorder) write(v any) error {
	_, err := io.WriteString(r.out, encode(v)+"\n")
	return err
}
