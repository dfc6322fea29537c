// Package agent runs a model against a set of tools until it is done or its
// budget is spent. It knows nothing of failures, repositories or GitHub.
package agent

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tmc/langchaingo/llms"
)

// A Model is the part of llms.Model the loop needs. If it also has a method Name() string, runs record it. An error
// with a method TooLong() bool that is true makes the loop leave out more of the history and ask again.
type Model interface {
	GenerateContent(context.Context, []llms.MessageContent, ...llms.CallOption) (*llms.ContentResponse, error)
}

// A Tool is something the model may ask for. An error with a method ForModel() string is the model's mistake and is
// told to the model; any other error ends the run as broken. A tool may also have these methods:
//
//	Reads() bool   // it changes nothing: several such calls of one reply may run side by side
//	Ends() bool    // it can end the run: it is not called after a call of the same reply failed
//	Redo(context.Context, Call) error // repeats the lasting effect of a call that was made when a run is resumed
type Tool interface {
	Definition() *llms.FunctionDefinition
	Call(ctx context.Context, args json.RawMessage) (Result, error)
}

// A Result is what a tool tells the model, and the loop.
type Result struct {
	Text  string
	Done  bool     // ends the run
	Stop  Stop     // how it ends; "" is Finished
	Pin   bool     // evidence: the model keeps seeing it, however long the run
	Limit int      // characters of Text the model may see, if that is not the agent's bound
	State string   // names what the call left behind, if it changed anything; equal for equal states
	Facts []string // what the call showed: files, lines, states of tests; a fact heard before is no progress
}

// An Agent is a model, its tools and its bounds.
type Agent struct {
	Model   Model
	Tools   []Tool
	Budget  Budget
	Price   func(Tokens) float64 // dollars; nil: free
	Observe Observe              // what of the tools' results the model sees
	Now     func() time.Time     // nil: time.Now
	Before  func(Call)           // called before each call; may be nil
	Watch   func(Step)           // called after each step; may be nil

	// Keep is given the run twice in each step: before the calls of a reply are made, so that a crash during them does
	// not cost the reply, and after them. If it fails, the run goes no further. May be nil.
	Keep func(context.Context, Run) error
}

// Run works on task. The record is returned even when err is not nil; err means that the machinery failed or that ctx
// ended, never that the model did badly.
func (a *Agent) Run(ctx context.Context, task Task) (*Run, error) {
	return a.Resume(ctx, &Run{Task: task})
}

// Resume goes on with a former run. The model is not asked again about steps that are there; calls with a lasting
// effect are repeated by their tools, and a call that ended the run is made again. What the run has spent counts.
func (a *Agent) Resume(ctx context.Context, former *Run) (*Run, error) {
	run := *former
	run.Steps = append([]Step(nil), former.Steps...)
	run.Stop, run.Because = "", ""
	now := a.clock()
	start := now().Add(-run.Took)
	if run.Started.IsZero() {
		run.Started = start
	}
	if m, ok := a.Model.(interface{ Name() string }); ok {
		run.Model = m.Name()
	}
	ctx, cancel := a.Budget.deadline(ctx, run.Took)
	defer cancel()
	err := a.redo(ctx, &run)
	for err == nil && run.Stop == "" {
		err = a.next(ctx, &run, now)
		run.Took = now().Sub(start)
	}
	if err != nil {
		err = run.fail(ctx, err)
	}
	return &run, err
}

// next is one turn of the loop: see whether the budget allows it, ask the model, make its calls, decide whether that
// was the last.
func (a *Agent) next(ctx context.Context, run *Run, now func() time.Time) error {
	if why := a.Budget.refuses(run, a.reserve(run)); why != "" {
		run.Stop, run.Because = OverBudget, why
		return nil
	}
	start := now()
	step, err := a.ask(ctx, run)
	for ; tooLong(err) && run.Tight < maxTight; step, err = a.ask(ctx, run) {
		run.Tight++
	}
	if err != nil {
		return fmt.Errorf("step %d: %w", len(run.Steps)+1, err)
	}
	step.Took = now().Sub(start)
	if len(step.Calls) > 0 {
		asked := *run
		asked.Steps = append(slices.Clone(run.Steps), *step)
		if err := a.keep(ctx, asked); err != nil {
			return err
		}
	}
	return a.finish(ctx, run, step)
}

func (a *Agent) keep(ctx context.Context, run Run) error {
	if a.Keep == nil {
		return nil
	}
	if err := a.Keep(ctx, run); err != nil {
		return fmt.Errorf("keep step %d: %w", len(run.Steps), err)
	}
	return nil
}

// finish makes the calls of a step that are still to be made, and judges the run.
func (a *Agent) finish(ctx context.Context, run *Run, step *Step) error {
	now := a.clock()
	start := now()
	stop, err := a.perform(ctx, run, step)
	step.Took += now().Sub(start)
	run.Took += step.Took
	run.Steps = append(run.Steps, *step)
	last := &run.Steps[len(run.Steps)-1]
	if err == nil {
		a.judge(run, last, stop)
	}
	if a.Watch != nil {
		a.Watch(*last)
	}
	if err != nil {
		return fmt.Errorf("step %d: %w", len(run.Steps), err)
	}
	return a.keep(ctx, *run)
}

// ask puts the history to the model and reads the reply.
func (a *Agent) ask(ctx context.Context, run *Run) (*Step, error) {
	messages := a.history(run)
	offered := a.definitions(run)
	options := []llms.CallOption{llms.WithTools(offered), llms.WithMaxTokens(a.Budget.reply())}
	if t := run.Task.Temperature; t != nil {
		options = append(options, llms.WithTemperature(*t))
	}
	resp, err := a.Model.GenerateContent(ctx, messages, options...)
	if ctx.Err() != nil {
		return nil, fmt.Errorf("ask model: %w", ctx.Err())
	}
	if err != nil {
		return nil, fmt.Errorf("ask model: %w", err)
	}
	if resp == nil || len(resp.Choices) == 0 {
		return nil, errors.New("ask model: the reply is empty")
	}
	step := read(resp)
	if step.Tokens.Total() == 0 {
		step.Tokens = Tokens{In: estimate(messages, offered), Out: len(step.Reply)/charsPerToken + 1}
	}
	if a.Price != nil && step.Cost == 0 {
		step.Cost = a.Price(step.Tokens)
	}
	return step, nil
}

func (a *Agent) clock() func() time.Time {
	if a.Now == nil {
		return time.Now
	}
	return a.Now
}
