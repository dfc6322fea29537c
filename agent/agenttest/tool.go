package agenttest

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

// A Tool is a tool made of functions. The zero Tool, but for its name, answers "ok".
type Tool struct {
	Named  string
	Read   bool // it changes nothing
	End    bool // it can end the run
	Do     func(ctx context.Context, args json.RawMessage) (agent.Result, error)
	Repeat func(ctx context.Context, args json.RawMessage) error
}

// Definition names the tool; it takes any object.
func (t Tool) Definition() *llms.FunctionDefinition {
	return &llms.FunctionDefinition{Name: t.Named, Description: "a tool of a test", Parameters: map[string]any{"type": "object"}}
}

// Call does what Do does.
func (t Tool) Call(ctx context.Context, args json.RawMessage) (agent.Result, error) {
	if t.Do == nil {
		return agent.Result{Text: "ok"}, nil
	}
	return t.Do(ctx, args)
}

// Reads reports whether the tool changes nothing.
func (t Tool) Reads() bool { return t.Read }

// Ends reports whether the tool can end the run.
func (t Tool) Ends() bool { return t.End }

// Redo does what Repeat does.
func (t Tool) Redo(ctx context.Context, c agent.Call) error {
	if t.Repeat == nil {
		return nil
	}
	return t.Repeat(ctx, c.Args)
}

// Finish is a tool that ends the run.
func Finish(name string, stop agent.Stop) Tool {
	return Tool{Named: name, End: true, Do: func(context.Context, json.RawMessage) (agent.Result, error) {
		return agent.Result{Text: "done", Done: true, Stop: stop}, nil
	}}
}

// Echo is a reading tool that answers with its arguments.
func Echo(name string) Tool {
	return Tool{Named: name, Read: true, Do: func(_ context.Context, args json.RawMessage) (agent.Result, error) {
		return agent.Result{Text: name + " " + string(args)}, nil
	}}
}

// A Mistake is an error that the model is told.
type Mistake string

func (m Mistake) Error() string { return string(m) }

// ForModel is what the model is told.
func (m Mistake) ForModel() string { return string(m) }

// Mistakef makes a mistake.
func Mistakef(format string, args ...any) error { return Mistake(fmt.Sprintf(format, args...)) }
