// Package replay plays a recorded attempt again. The model's replies and the clock come from the record; the prompt is
// rendered and the tools are called anew where what they work on is at hand. It says where something else comes of it first.
package replay

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

// A Player plays recorded runs again.
type Player struct {
	Tools  []agent.Tool          // as they are today
	Again  func(agent.Call) bool // which calls are made again with them; the record answers for the others. nil: for all
	Budget agent.Budget          // that the run had
}

// Run plays then again and returns where it diverges, nil if nowhere, and how many calls were made again. An error means that the record cannot be played.
func (pl Player) Run(ctx context.Context, then *agent.Run) (first *Divergence, again int, err error) {
	if then.Stop == "" {
		return nil, 0, fmt.Errorf("run %s is still under way", then.Task.ID)
	}
	if then.Stop == agent.Cancelled || then.Stop == agent.Broken {
		return nil, 0, fmt.Errorf("run %s was cut off (%s: %s), so there is no end to compare with", then.Task.ID, then.Stop, then.Because)
	}
	if gone := pl.gone(then); gone != nil {
		return gone, 0, nil
	}
	p := &player{then: then, again: pl.Again, used: map[[2]int]bool{}}
	budget := pl.Budget
	budget.Wall = 0 // the clock is the record's
	played, stop := context.WithCancel(ctx)
	defer stop()
	steps := 0
	a := agent.Agent{Model: p, Budget: budget, Now: p.now, Watch: func(s agent.Step) {
		if steps++; first == nil && steps <= len(then.Steps) {
			if first = stepDiffers(steps, then.Steps[steps-1], s); first != nil {
				stop() // nothing that follows says more
			}
		}
	}}
	for _, t := range pl.Tools {
		a.Tools = append(a.Tools, &recorded{Tool: t, p: p})
	}
	now, err := a.Run(played, then.Task)
	if first != nil {
		return first, p.made, nil
	}
	if err != nil && ctx.Err() != nil {
		return nil, p.made, err
	}
	return endDiffers(then, now, err), p.made, nil
}

// gone names the first call of a tool that is there no more.
func (pl Player) gone(then *agent.Run) *Divergence {
	known := map[string]bool{}
	for _, t := range pl.Tools {
		known[t.Definition().Name] = true
	}
	for i, s := range then.Steps {
		for _, c := range s.Calls {
			if c.Fault == "" && c.Err == "" && !known[c.Tool] {
				return &Divergence{i + 1, "tool", c.Tool + " is gone since it was recorded"}
			}
		}
	}
	return nil
}

// endDiffers compares what is left when all steps that both have are equal.
func endDiffers(then, now *agent.Run, err error) *Divergence {
	switch {
	case len(now.Steps) < len(then.Steps):
		return &Divergence{len(now.Steps) + 1, "run", fmt.Sprintf("it ended here (%s %s); it went on when it was recorded", now.Stop, now.Because)}
	case err != nil || len(now.Steps) > len(then.Steps):
		return &Divergence{len(then.Steps) + 1, "run", fmt.Sprintf("it goes on; it ended here (%s) when it was recorded", then.Stop)}
	case now.Stop != then.Stop:
		return &Divergence{AtEnd, "ending", fmt.Sprintf("it was %s, is %s", then.Stop, now.Stop)}
	}
	return nil
}

// stepDiffers says how step n differs, nil if it does not. How long things took is no difference.
func stepDiffers(n int, then, now agent.Step) *Divergence {
	type field struct{ name, was, is string }
	fields := []field{{"reply", then.Reply, now.Reply}, {"number of calls", fmt.Sprint(len(then.Calls)), fmt.Sprint(len(now.Calls))}}
	for i := range min(len(then.Calls), len(now.Calls)) {
		was, is := then.Calls[i], now.Calls[i]
		fields = append(fields, field{"tool", was.Tool, is.Tool}, field{"arguments of " + was.Tool, string(was.Args), string(is.Args)},
			field{"mistake told for " + was.Tool, was.Err, is.Err}, field{"fault of " + was.Tool, was.Fault, is.Fault},
			field{"answer of " + was.Tool, was.Result, is.Result}, field{"ending by " + was.Tool, string(was.Stop), string(is.Stop)})
	}
	fields = append(fields, field{"remark of the loop", then.Note, now.Note}, field{"reason of that remark", then.Nudge, now.Nudge})
	for _, f := range fields {
		if what := differ(f.was, f.is); what != "" {
			return &Divergence{n, f.name, what}
		}
	}
	return nil
}

// A player answers for the model and the tools.
type player struct {
	then  *agent.Run
	again func(agent.Call) bool

	mu    sync.Mutex
	asked int
	made  int             // calls that were made again
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

// recorded is a tool whose calls are made again, or answered as they were.
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

// Call makes a call of the step that is being played, or tells what came of it.
func (r *recorded) Call(ctx context.Context, args json.RawMessage) (agent.Result, error) {
	c, again, found := r.p.find(r.Definition().Name, args)
	switch {
	case !found:
		return agent.Result{}, mistake("the record has no such call")
	case again:
		return r.Tool.Call(ctx, args)
	case c.Err != "":
		return agent.Result{}, mistake(c.Err)
	case c.Fault != "":
		return agent.Result{}, errors.New(c.Fault)
	}
	return agent.Result{Text: c.Result, Done: c.Stop != "", Stop: c.Stop, Pin: c.Pin, Limit: len(c.Result) + 1, State: c.State, Facts: c.Facts}, nil
}

// find takes a call out of the step that is being played, and says whether it is to be made again.
func (p *player) find(tool string, args json.RawMessage) (c agent.Call, again, found bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for i, c := range p.then.Steps[p.asked-1].Calls {
		at := [2]int{p.asked, i}
		if p.used[at] || c.Tool != tool || string(c.Args) != string(args) {
			continue
		}
		p.used[at] = true
		again = p.again != nil && p.again(c)
		if again {
			p.made++
		}
		return c, again, true
	}
	return agent.Call{}, false, false
}
