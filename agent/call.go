package agent

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
)

const (
	maxCalls = 10 // of one reply
	maxQuote = 200
)

// perform makes the calls of step, in order. Neighbouring calls that only read run side by side.
func (a *Agent) perform(ctx context.Context, run *Run, step *Step) (Stop, error) {
	for i := range step.Calls {
		if c := &step.Calls[i]; !c.made() {
			c.refuse(a.admit(run, step, i))
		}
	}
	stop, failed := Stop(""), ""
	for i := 0; i < len(step.Calls); {
		n := a.together(step.Calls[i:])
		batch := step.Calls[i : i+n]
		i += n
		for j := range batch {
			switch c := &batch[j]; {
			case c.made():
			case stop != "":
				c.refuse("not called: the run had ended")
			case failed != "" && ends(a.tool(c.Tool)):
				c.refuse(fmt.Sprintf("not called, because %s failed before it in the same reply. Mend that first", failed))
			}
		}
		ended, err := a.make(ctx, batch)
		if err != nil {
			return "", err
		}
		if ended != "" {
			stop = ended
		}
		for _, c := range batch {
			if c.Err != "" {
				failed = c.Tool
			}
		}
	}
	return stop, nil
}

// admit says why call i of step is not made at all, "" if it is.
func (a *Agent) admit(run *Run, step *Step, i int) string {
	c := &step.Calls[i]
	switch t := a.tool(c.Tool); {
	case t != nil && run.ending(len(run.Steps)) && !ends(t):
		return "not called: the budget is spent. " + a.wayOut("")
	case step.Cut:
		return "not called: your reply was cut at its length limit. Send less in one reply, for example one file at a time"
	case i >= maxCalls:
		return fmt.Sprintf("not called: one reply may hold %d calls", maxCalls)
	case t == nil:
		return fmt.Sprintf("there is no tool %q. The tools are %s", c.Tool, strings.Join(a.names(func(Tool) bool { return true }), ", "))
	case !c.object():
		return fmt.Sprintf("the arguments are not a JSON object: %s. You sent: %s", fault(c.Args), clip(raw(c.Args), maxQuote))
	default:
		return a.Budget.spent(run, step.Calls[:i], c.Tool)
	}
}

// fault says what is wrong with arguments that are no object.
func fault(args json.RawMessage) string {
	var v any
	if err := json.Unmarshal([]byte(raw(args)), &v); err != nil {
		return err.Error()
	}
	return "send one object that fits the tool's schema"
}

// raw is what the model sent as arguments.
func raw(args json.RawMessage) string {
	var s string
	if json.Unmarshal(args, &s) == nil {
		return s
	}
	return string(args)
}

// together counts the calls at the start of calls that may run side by side, at least one.
func (a *Agent) together(calls []Call) int {
	n := 0
	for n < len(calls) && reads(a.tool(calls[n].Tool)) {
		n++
	}
	return max(n, 1)
}

// make makes the calls of one batch that were not made or refused yet.
func (a *Agent) make(ctx context.Context, batch []Call) (Stop, error) {
	stops, errs := make([]Stop, len(batch)), make([]error, len(batch))
	var wg sync.WaitGroup
	for i := range batch {
		if batch[i].made() {
			continue
		}
		if a.Before != nil {
			a.Before(batch[i])
		}
		if len(batch) == 1 {
			stops[i], errs[i] = a.call(ctx, &batch[i])
			continue
		}
		wg.Go(func() { stops[i], errs[i] = a.call(ctx, &batch[i]) })
	}
	wg.Wait()
	for _, s := range stops {
		if s != "" {
			return s, errors.Join(errs...)
		}
	}
	return "", errors.Join(errs...)
}

// call makes one call. A mistake of the model comes back as a result that explains it; any other error ends the run.
func (a *Agent) call(ctx context.Context, c *Call) (Stop, error) {
	now := a.clock()
	start := now()
	inner, cancel := ctx, context.CancelFunc(func() {})
	limit := a.Budget.Tools[c.Tool].Time
	if limit > 0 {
		inner, cancel = context.WithTimeout(ctx, limit)
	}
	defer cancel()
	result, err := guarded(inner, a.tool(c.Tool), c.Args)
	c.Took = now().Sub(start)
	var mistake interface{ ForModel() string }
	switch {
	case err == nil:
	case errors.As(err, &mistake):
		c.Err = mistake.ForModel()
	case inner.Err() != nil && ctx.Err() == nil:
		c.Err = fmt.Sprintf("%s took longer than %s and was stopped. Ask for less at once", c.Tool, limit)
	default:
		c.Fault = err.Error()
		return "", fmt.Errorf("%s: %w", c.Tool, err)
	}
	if c.Err != "" {
		c.Result = a.Observe.cap("error: "+c.Err, result.Limit)
		return "", nil
	}
	c.Result = a.Observe.cap(result.Text, result.Limit)
	c.Pin, c.State, c.Facts = result.Pin, result.State, result.Facts
	if result.Done {
		c.Stop = cmp.Or(result.Stop, Finished)
	}
	return c.Stop, nil
}

// guarded calls t; a panic becomes an error, so that one bad tool ends one run and not the process.
func guarded(ctx context.Context, t Tool, args json.RawMessage) (r Result, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("panic: %v", p)
		}
	}()
	return t.Call(ctx, args)
}

// redo repeats the lasting effects of a former run's calls, and makes the calls that our machinery failed to make.
func (a *Agent) redo(ctx context.Context, run *Run) error {
	for i := range run.Steps {
		for _, c := range run.Steps[i].Calls {
			t, ok := a.tool(c.Tool).(interface {
				Redo(context.Context, Call) error
			})
			if !ok || c.Err != "" || c.Fault != "" || c.Result == "" {
				continue
			}
			if err := t.Redo(ctx, c); err != nil {
				return fmt.Errorf("resume at step %d: %s: %w", i+1, c.Tool, err)
			}
		}
	}
	last := len(run.Steps) - 1
	if last < 0 {
		return nil
	}
	step := run.Steps[last]
	step.Calls = slices.Clone(step.Calls)
	for i := range step.Calls {
		c := &step.Calls[i]
		if c.Fault = ""; c.Stop != "" { // whoever resumes must know what it did, so it is made again
			c.Stop, c.Result = "", ""
		}
	}
	if !slices.ContainsFunc(step.Calls, func(c Call) bool { return !c.made() }) {
		return nil
	}
	run.Steps = run.Steps[:last]
	return a.finish(ctx, run, &step)
}

// made reports whether the call needs no more doing: it was made, or refused.
func (c *Call) made() bool { return c.Result != "" }

// refuse settles a call without making it; an empty reason leaves it as it is.
func (c *Call) refuse(why string) {
	if why != "" {
		c.Err, c.Result = why, "error: "+why
	}
}

func (a *Agent) tool(name string) Tool {
	for _, t := range a.Tools {
		if t.Definition().Name == name {
			return t
		}
	}
	return nil
}

func (a *Agent) names(which func(Tool) bool) []string {
	var names []string
	for _, t := range a.Tools {
		if which(t) {
			names = append(names, t.Definition().Name)
		}
	}
	return names
}

func reads(t Tool) bool {
	r, ok := t.(interface{ Reads() bool })
	return ok && r.Reads()
}

func ends(t Tool) bool {
	e, ok := t.(interface{ Ends() bool })
	return ok && e.Ends()
}

// wayOut names the tools that end a run.
func (a *Agent) wayOut(first string) string {
	names := a.names(ends)
	if len(names) == 0 {
		return first
	}
	return strings.TrimSpace(first + " To come to an end, call " + strings.Join(names, " or ") + ".")
}
