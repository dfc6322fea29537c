// Package agenttest has a model that follows a script, and tools to try the loop with.
package agenttest

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
)

// A Turn is one reply of a scripted model. The zero Turn is an empty reply.
type Turn struct {
	Text   string                                       // what it says
	Calls  []llms.ToolCall                              // what it asks for
	Stop   string                                       // the provider's word for why the reply ended
	Tokens agent.Tokens                                 // what it says it used
	Err    error                                        // the question fails with this
	Do     func(history []llms.MessageContent) *Turn    // decides when it is asked; replaces the rest
	Wait   func(context.Context, []llms.MessageContent) // called before the reply
}

// A Script is a model whose replies are written down. Asked once more than it has turns, it fails.
type Script struct {
	Turns []Turn

	mu    sync.Mutex
	asked [][]llms.MessageContent
	opts  []llms.CallOptions
}

// Play makes a script of turns.
func Play(turns ...Turn) *Script { return &Script{Turns: turns} }

// Say is a reply without calls.
func Say(text string) Turn { return Turn{Text: text} }

// Call is a reply that asks for one call; args is encoded as JSON, but a string is sent as it is.
func Call(tool string, args any) Turn { return Turn{Calls: []llms.ToolCall{ToolCall(tool, args)}} }

// Calls is a reply that asks for several calls.
func Calls(calls ...llms.ToolCall) Turn { return Turn{Calls: calls} }

// ToolCall is one call of a reply. Its id is filled in when it is asked for.
func ToolCall(tool string, args any) llms.ToolCall {
	text, ok := args.(string)
	if !ok {
		data, err := json.Marshal(args)
		if err != nil {
			panic(err) // a test wrote arguments that JSON cannot hold
		}
		text = string(data)
	}
	return llms.ToolCall{Type: "function", FunctionCall: &llms.FunctionCall{Name: tool, Arguments: text}}
}

// Name says what the model is.
func (s *Script) Name() string { return "script" }

// GenerateContent plays the next turn.
func (s *Script) GenerateContent(ctx context.Context, history []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	s.mu.Lock()
	n := len(s.asked)
	s.asked = append(s.asked, history)
	var opts llms.CallOptions
	for _, o := range options {
		o(&opts)
	}
	s.opts = append(s.opts, opts)
	s.mu.Unlock()
	if n >= len(s.Turns) {
		return nil, fmt.Errorf("the script has %d turns and was asked for another", len(s.Turns))
	}
	t := s.Turns[n]
	if t.Do != nil {
		t = *t.Do(history)
	}
	if t.Wait != nil {
		t.Wait(ctx, history)
	}
	if t.Err != nil {
		return nil, t.Err
	}
	choice := &llms.ContentChoice{Content: t.Text, StopReason: t.Stop}
	if t.Tokens != (agent.Tokens{}) {
		choice.GenerationInfo = map[string]any{"PromptTokens": t.Tokens.In, "CompletionTokens": t.Tokens.Out, "PromptCachedTokens": t.Tokens.Cached}
	}
	for i, c := range t.Calls {
		if c.ID == "" {
			c.ID = fmt.Sprintf("s%d.%d", n+1, i+1)
		}
		choice.ToolCalls = append(choice.ToolCalls, c)
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{choice}}, nil
}

// Asked returns the history of each question so far.
func (s *Script) Asked() [][]llms.MessageContent {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([][]llms.MessageContent(nil), s.asked...)
}

// Options returns the options of each question so far.
func (s *Script) Options() []llms.CallOptions {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]llms.CallOptions(nil), s.opts...)
}

// Last returns the text of the last message of a history.
func Last(history []llms.MessageContent) string {
	text := ""
	for _, p := range history[len(history)-1].Parts {
		switch p := p.(type) {
		case llms.TextContent:
			text += p.Text
		case llms.ToolCallResponse:
			text += p.Content
		}
	}
	return text
}

// Clock returns a clock that moves by step each time it is read. It is safe for use by several goroutines.
func Clock(start time.Time, step time.Duration) func() time.Time {
	var mu sync.Mutex
	now := start
	return func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		now = now.Add(step)
		return now
	}
}
