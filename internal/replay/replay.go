// Package replay plays a recorded run again: the model's replies, the tools' results and the clock come from the record,
// so the loop is all that can come to something else. It says where it first does.
package replay

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

// A Divergence is where a run that was played again first came to something else. Step 0 is the end of the run.
type Divergence struct {
	Step int
	What string
}

func (d *Divergence) String() string {
	if d.Step == 0 {
		return "at its end: " + d.What
	}
	return fmt.Sprintf("at step %d: %s", d.Step, d.What)
}

// Run plays then again within its budget, with the tools' present definitions, and returns where it diverges; nil if
// nowhere. An error means that the record cannot be played.
func Run(ctx context.Context, then *agent.Run, tools []agent.Tool, budget agent.Budget) (*Divergence, error) {
	if then.Stop == "" {
		return nil, fmt.Errorf("run %s is still under way", then.Task.ID)
	}
	if then.Stop == agent.Cancelled || then.Stop == agent.Broken {
		return nil, fmt.Errorf("run %s was cut off (%s: %s), so there is no end to compare with", then.Task.ID, then.Stop, then.Because)
	}
	p := &player{then: then, used: map[[2]int]bool{}}
	budget.Wall = 0 // the clock is the record's
	a := agent.Agent{Model: p, Budget: budget, Now: p.now}
	known := map[string]bool{}
	for _, t := range tools {
		known[t.Definition().Name] = true
		a.Tools = append(a.Tools, &recorded{Tool: t, p: p})
	}
	for i, s := range then.Steps {
		for _, c := range s.Calls {
			if c.Fault == "" && c.Err == "" && !known[c.Tool] {
				return &Divergence{i + 1, "the tool " + c.Tool + " is gone since it was recorded"}, nil
			}
		}
	}
	now, err := a.Run(ctx, then.Task)
	if err != nil && p.asked <= len(then.Steps) && ctx.Err() != nil {
		return nil, err
	}
	return compare(then, now, err), nil
}

// compare names the first difference.
func compare(then, now *agent.Run, err error) *Divergence {
	for i := range min(len(then.Steps), len(now.Steps)) {
		if what := stepDiffers(then.Steps[i], now.Steps[i]); what != "" {
			return &Divergence{i + 1, what}
		}
	}
	switch {
	case len(now.Steps) < len(then.Steps):
		return &Divergence{len(now.Steps) + 1, fmt.Sprintf("the run ended here (%s %s); it went on when it was recorded", now.Stop, now.Because)}
	case err != nil || len(now.Steps) > len(then.Steps):
		return &Divergence{len(then.Steps) + 1, fmt.Sprintf("the run goes on; it ended here (%s) when it was recorded", then.Stop)}
	case now.Stop != then.Stop:
		return &Divergence{0, fmt.Sprintf("it ended as %s, ends as %s", then.Stop, now.Stop)}
	}
	return nil
}

// stepDiffers says how a step differs, "" if it does not. How long things took is no difference.
func stepDiffers(then, now agent.Step) string {
	if then.Reply != now.Reply {
		return fmt.Sprintf("the reply was %q, is %q", then.Reply, now.Reply)
	}
	if len(then.Calls) != len(now.Calls) {
		return fmt.Sprintf("%d calls were made, %d are", len(then.Calls), len(now.Calls))
	}
	for i := range then.Calls {
		was, is := then.Calls[i], now.Calls[i]
		for _, part := range []struct{ name, was, is string }{
			{"the tool", was.Tool, is.Tool}, {"what was asked of " + was.Tool, string(was.Args), string(is.Args)},
			{"the answer of " + was.Tool, was.Result, is.Result}, {"the mistake told for " + was.Tool, was.Err, is.Err},
			{"how " + was.Tool + " ended the run", string(was.Stop), string(is.Stop)},
		} {
			if part.was != part.is {
				return fmt.Sprintf("%s was %q, is %q", part.name, part.was, part.is)
			}
		}
	}
	if then.Note != now.Note || then.Nudge != now.Nudge {
		return fmt.Sprintf("the loop told the model %q, tells it %q", then.Note, now.Note)
	}
	return ""
}

// A player answers for the model and the tools.
type player struct {
	then *agent.Run

	mu    sync.Mutex
	asked int
	used  map[[2]int]bool // calls that were played, by step and place
}

// now is the record's clock: it stands at the end of the steps that were played.
func (p *player) now() time.Time {
	p.mu.Lock()
	defer p.mu.Unlock()
	at := p.then.Started
	for _, s := range p.then.Steps[:min(p.asked, len(p.then.Steps))] {
		at = at.Add(s.Took)
	}
	return at
}

// GenerateContent replies as the model did.
func (p *player) GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.asked >= len(p.then.Steps) {
		return nil, fmt.Errorf("the record has only %d steps", len(p.then.Steps))
	}
	s := p.then.Steps[p.asked]
	p.asked++
	c := &llms.ContentChoice{Content: s.Reply, StopReason: "stop", GenerationInfo: map[string]any{
		"PromptTokens": s.Tokens.In, "CompletionTokens": s.Tokens.Out, "PromptCachedTokens": s.Tokens.Cached}}
	if s.Cut {
		c.StopReason = "length"
	}
	for _, call := range s.Calls {
		c.ToolCalls = append(c.ToolCalls, llms.ToolCall{ID: call.ID, Type: "function", FunctionCall: &llms.FunctionCall{Name: call.Tool, Arguments: arguments(call.Args)}})
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{c}}, nil
}

// arguments are what the model sent: what was no object is kept as a JSON string.
func arguments(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return text
	}
	return string(raw)
}

// recorded is a tool that answers as it did.
type recorded struct {
	agent.Tool
	p *player
}

// mistake is what the model was told was wrong.
type mistake string

func (m mistake) Error() string    { return string(m) }
func (m mistake) ForModel() string { return string(m) }

// Reads hands on what the tool says of itself.
func (r *recorded) Reads() bool {
	t, ok := r.Tool.(interface{ Reads() bool })
	return ok && t.Reads()
}

// Ends hands on what the tool says of itself.
func (r *recorded) Ends() bool {
	t, ok := r.Tool.(interface{ Ends() bool })
	return ok && t.Ends()
}

// Call finds the call in the step that is being played.
func (r *recorded) Call(_ context.Context, args json.RawMessage) (agent.Result, error) {
	p := r.p
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range p.then.Steps[p.asked-1].Calls {
		at := [2]int{p.asked, i}
		if p.used[at] || c.Tool != r.Definition().Name || string(c.Args) != string(args) {
			continue
		}
		p.used[at] = true
		switch {
		case c.Err != "":
			return agent.Result{}, mistake(c.Err)
		case c.Fault != "":
			return agent.Result{}, fmt.Errorf("%s", c.Fault)
		}
		return agent.Result{Text: c.Result, Done: c.Stop != "", Stop: c.Stop, Pin: c.Pin, Limit: len(c.Result) + 1, State: c.State, Facts: c.Facts}, nil
	}
	return agent.Result{}, mistake("the record has no such call")
}
