// Package tools is everything the model can do. The list All is the whole of
// its authority; a Bench is the whole of its reach.
package tools

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// All lists every tool, in the order the model sees them.
var All = []Tool{fetchLogs, cloneRepo, listFiles, searchCode, readFile, history, writePatch, runTests, bisect, runCommand, openPR, giveUp}

// A Tool is one thing the model can do.
type Tool struct {
	def  *llms.FunctionDefinition
	call func(context.Context, *Bench, json.RawMessage) (agent.Result, error)

	reads bool                                            // it changes nothing
	ends  bool                                            // it can end the run
	redo  func(context.Context, *Bench, agent.Call) error // repeats the lasting effect of a call
	given func(*Bench) bool                               // whether the bench has what it needs; nil: always
}

// On binds the tools to a bench. A tool whose needs are not on the bench is left out.
func On(b *Bench, ts []Tool) []agent.Tool {
	var out []agent.Tool
	for _, t := range ts {
		if t.given == nil || t.given(b) {
			out = append(out, bound{t, b})
		}
	}
	return out
}

// Hash names what the model is told of the tools. A transcript made with other tools cannot be replayed.
func Hash(ts []Tool) string {
	h := sha256.New()
	for _, t := range ts {
		data, err := json.Marshal(t.def)
		if err != nil {
			panic(err) // schema builds nothing that JSON cannot hold
		}
		h.Write(append(data, '\n'))
	}
	return hex.EncodeToString(h.Sum(nil)[:8])
}

// Name is what the model calls the tool.
func (t Tool) Name() string { return t.def.Name }

type bound struct {
	tool  Tool
	bench *Bench
}

// Definition is what the model is told of the tool. Where no commit is known whose checks passed, none is spoken of.
func (b bound) Definition() *llms.FunctionDefinition {
	if b.bench.knowsGreen() {
		return b.tool.def
	}
	def := *b.tool.def
	def.Parameters = withoutGreen(def.Parameters.(map[string]any))
	return &def
}

// Reads reports whether calls may run side by side.
func (b bound) Reads() bool { return b.tool.reads }

// Ends reports whether a call may end the run.
func (b bound) Ends() bool { return b.tool.ends }

// Redo repeats the lasting effect of a call of a former run.
func (b bound) Redo(ctx context.Context, c agent.Call) error {
	if b.tool.redo == nil {
		return nil
	}
	return b.tool.redo(ctx, b.bench, c)
}

// Call makes one call. This is the one place where what a tool returns is scrubbed.
func (b bound) Call(ctx context.Context, args json.RawMessage) (agent.Result, error) {
	r, err := b.tool.call(ctx, b.bench, args)
	r.Text = clean(r.Text)
	var m interface{ ForModel() string }
	if errors.As(err, &m) {
		err = mistake{errors.New(clean(m.ForModel()))}
	}
	return r, err
}

// clean is s without secrets and with everything hidden in it made visible.
func clean(s string) string { return visible(redact.Scrub(s).String()) }

// define makes a tool of a function. The fields of Args are its parameters; their doc tags are what the model reads
// about them.
func define[Args any](name, about string, fn func(context.Context, *Bench, Args) (agent.Result, error)) Tool {
	return Tool{
		def: &llms.FunctionDefinition{Name: name, Description: about, Parameters: schema[Args]()},
		call: func(ctx context.Context, b *Bench, raw json.RawMessage) (agent.Result, error) {
			args, err := decode[Args](raw)
			if err != nil {
				return agent.Result{}, err
			}
			return fn(ctx, b, args)
		},
	}
}

// reading marks a tool that changes nothing.
func (t Tool) reading() Tool {
	t.reads = true
	return t
}

// ending marks a tool that can end the run.
func (t Tool) ending() Tool {
	t.ends = true
	return t
}

// needing says what must be on the bench.
func (t Tool) needing(given func(*Bench) bool) Tool {
	t.given = given
	return t
}

// redone says how a call's lasting effect is repeated.
func redone[Args any](t Tool, redo func(context.Context, *Bench, Args) error) Tool {
	t.redo = func(ctx context.Context, b *Bench, c agent.Call) error {
		args, err := decode[Args](c.Args)
		if err != nil {
			return err
		}
		return redo(ctx, b, args)
	}
	return t
}

// A mistake is the model's own, and is told to the model. Any other error from a tool ends the run.
type mistake struct{ error }

func (m mistake) ForModel() string { return m.Error() }

func mistakef(format string, args ...any) error { return mistake{fmt.Errorf(format, args...)} }

// limits are how often one run may call each tool and how long one call may take. A run that calls the slow ones more
// often is going nowhere; the first call that runs something may also have to install what it needs.
var limits = map[string]agent.Limit{
	"fetch-logs":  {Time: 2 * time.Minute},
	"clone-repo":  {Time: 5 * time.Minute},
	"list-files":  {Time: time.Minute},
	"search-code": {Time: time.Minute},
	"read-file":   {Time: time.Minute},
	"history":     {Time: 2 * time.Minute},
	"write-patch": {Calls: 40, Time: 10 * time.Minute},
	"run-tests":   {Calls: 40, Time: 10 * time.Minute},
	"bisect":      {Calls: 3, Time: 8 * time.Minute},
	"run-command": {Calls: 40, Time: 8 * time.Minute},
	"open-pr":     {Calls: 6, Time: 12 * time.Minute},
	"give-up":     {Time: time.Minute},
}

// Bounded is b with bounds on single tools, where it has none of its own.
func Bounded(b agent.Budget) agent.Budget {
	if b.Tools == nil {
		b.Tools = limits
	}
	return b
}
