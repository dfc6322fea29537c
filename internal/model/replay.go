package model

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"

	"github.com/tmc/langchaingo/llms"
)

// An Expect is what a transcript must have been recorded with. An empty hash is not compared.
type Expect struct {
	PromptHash string
	ToolsHash  string
	Loose      bool // texts shown to the model may differ; that calls and their results come in the same order is still checked
}

// A Replayer is a model that answers from a transcript.
type Replayer struct {
	Header Header
	turns  []Turn
	loose  bool

	mu     sync.Mutex
	reader reader
	next   int
	then   view // what the turn before showed, when it was recorded
}

// A Divergence is the error of a replayed model that is not asked what the recorded one was asked.
type Divergence struct {
	Step int
	What string
}

func (d *Divergence) Error() string { return fmt.Sprintf("replay: step %d: %s", d.Step, d.What) }

// Replay reads a transcript and returns a model that answers as it was recorded. Each question must show the model what
// it was shown then, but for durations, times, hashes and the like (see Normalise); otherwise the model fails with a
// *Divergence that names the step and the first difference.
func Replay(r io.Reader, want Expect) (*Replayer, error) {
	p := &Replayer{loose: want.Loose}
	in := bufio.NewReader(r)
	for line := 1; ; line++ {
		data, err := in.ReadBytes('\n')
		if text := bytes.TrimSpace(data); len(text) > 0 {
			if bad := p.line(text); bad != nil {
				return nil, fmt.Errorf("transcript, line %d: %w", line, bad)
			}
		}
		if err == io.EOF {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read transcript: %w", err)
		}
	}
	switch h := p.Header; {
	case h.Version == 0:
		return nil, fmt.Errorf("transcript: it is empty")
	case want.PromptHash != "" && h.Prompt != "" && h.Prompt != want.PromptHash:
		return nil, fmt.Errorf("transcript: it was recorded with the prompt %s and the prompt is now %s: record it again", h.Prompt, want.PromptHash)
	case want.ToolsHash != "" && h.Tools != "" && h.Tools != want.ToolsHash:
		return nil, fmt.Errorf("transcript: it was recorded with the tools %s and the tools are now %s: record it again", h.Tools, want.ToolsHash)
	}
	return p, nil
}

// line reads the header or a turn.
func (p *Replayer) line(text []byte) error {
	dec := json.NewDecoder(bytes.NewReader(text))
	dec.DisallowUnknownFields()
	if p.Header.Version == 0 {
		var v struct {
			Version int `json:"version"`
		}
		if err := json.Unmarshal(text, &v); err != nil {
			return err
		}
		if v.Version != Version {
			return fmt.Errorf("it has version %d and this program reads version %d", v.Version, Version)
		}
		return dec.Decode(&p.Header)
	}
	var t Turn
	if err := dec.Decode(&t); err != nil {
		return err
	}
	if n := len(p.turns) + 1; t.N != 0 && t.N != n {
		return fmt.Errorf("it is turn %d, where turn %d should be", t.N, n)
	}
	if t.Error == nil && t.Reply == "" && len(t.Calls) == 0 {
		return fmt.Errorf("the turn has no reply, no calls and no error")
	}
	p.turns = append(p.turns, t)
	return nil
}

// Name is the name of the model that was recorded.
func (p *Replayer) Name() string { return "replay:" + p.Header.Model }

// Left returns how many recorded turns were not asked for.
func (p *Replayer) Left() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.turns) - p.next
}

// GenerateContent answers the next turn.
func (p *Replayer) GenerateContent(ctx context.Context, messages []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	step := p.next + 1
	if p.next >= len(p.turns) {
		return nil, &Divergence{step, fmt.Sprintf("the transcript ends after %d steps, and the model is asked once more", len(p.turns))}
	}
	t := p.turns[p.next]
	then, err := p.recorded(t)
	if err != nil {
		return nil, fmt.Errorf("replay: step %d: %w", step, err)
	}
	if what := p.differs(then, p.reader.view(messages, options)); what != "" {
		return nil, &Divergence{step, what}
	}
	p.next++
	p.then = then
	if t.Error != nil {
		return nil, &APIError{Model: p.Name(), Message: t.Error.Message, kind: kinds[t.Error.Kind], Tries: 1}
	}
	return t.response(step, p.Name()), nil
}

// recorded is what the model was shown when the turn was recorded; it shows nothing if the turn is written by hand.
func (p *Replayer) recorded(t Turn) (view, error) {
	if len(t.Shown) == 0 && t.Same == 0 {
		return view{}, nil
	}
	if t.Same > len(p.then.shown) {
		return view{}, fmt.Errorf("the transcript is damaged: the turn refers to %d messages of the one before, which has %d", t.Same, len(p.then.shown))
	}
	then := view{shown: append(slices.Clone(p.then.shown[:t.Same]), t.Shown...), tools: p.then.tools}
	if t.Tools != nil {
		then.tools = t.Tools
	}
	return then, nil
}

// differs says in words how a question differs from the recorded one, "" if it does not.
func (p *Replayer) differs(then, now view) string {
	if len(then.shown) == 0 {
		return ""
	}
	if !p.loose {
		if what := toolsDiffer(then.tools, now.tools); what != "" {
			return what
		}
	}
	for i := range max(len(then.shown), len(now.shown)) {
		switch {
		case i >= len(now.shown):
			return fmt.Sprintf("%s is missing, which was shown when it was recorded: %s", then.shown[i].name(), quote(then.shown[i].Text))
		case i >= len(then.shown):
			return fmt.Sprintf("%s was not there when it was recorded: %s", now.shown[i].name(), quote(now.shown[i].Text))
		case then.shown[i].Role != now.shown[i].Role || then.shown[i].Tool != now.shown[i].Tool:
			return fmt.Sprintf("message %d was %s, is %s", i+1, then.shown[i].name(), now.shown[i].name())
		case then.shown[i].Digest == now.shown[i].Digest || p.loose || slices.Contains(p.Header.Tolerate, now.shown[i].Tool):
		default:
			return now.shown[i].name() + " differs from the recorded one: " + textsDiffer(then.shown[i], now.shown[i])
		}
	}
	return ""
}

// name says what a message is.
func (s Shown) name() string {
	switch llms.ChatMessageType(s.Role) {
	case llms.ChatMessageTypeSystem:
		return "the system prompt"
	case llms.ChatMessageTypeHuman:
		return "the message to the model"
	case llms.ChatMessageTypeAI:
		return "the model's own reply"
	case llms.ChatMessageTypeTool:
		return "the result of " + s.Tool
	}
	return "the " + s.Role + " message"
}

func toolsDiffer(then, now map[string]string) string {
	for _, name := range slices.Sorted(maps.Keys(then)) {
		if d, ok := now[name]; !ok {
			return fmt.Sprintf("the tool %s is gone since it was recorded", name)
		} else if d != then[name] {
			return fmt.Sprintf("the tool %s is not defined as it was when it was recorded", name)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(now)) {
		if _, ok := then[name]; !ok {
			return fmt.Sprintf("the tool %s is new since it was recorded", name)
		}
	}
	return ""
}

// textsDiffer names the first line that differs, as far as the transcript keeps the text.
func textsDiffer(then, now Shown) string {
	was, is := strings.Split(then.Text, "\n"), strings.Split(now.Text, "\n")
	for i := range min(len(was), len(is)) {
		if was[i] != is[i] {
			a, b := apart(was[i], is[i])
			return fmt.Sprintf("line %d was %s, is %s", i+1, quote(a), quote(b))
		}
	}
	if then.Lines != now.Lines {
		if len(was) < len(is) && len(was) == then.Lines {
			return fmt.Sprintf("line %d is new: %s", len(was)+1, quote(is[len(was)]))
		}
		if len(is) < len(was) && len(is) == now.Lines {
			return fmt.Sprintf("line %d is missing, it was %s", len(is)+1, quote(was[len(is)]))
		}
		return fmt.Sprintf("it had %d lines, has %d; the first %d are equal", then.Lines, now.Lines, min(len(was), len(is)))
	}
	return fmt.Sprintf("the first %d lines are equal, and the transcript keeps no more", min(len(was), len(is)))
}

// apart leaves out of two long lines most of what they begin with alike.
func apart(a, b string) (string, string) {
	const keep = 60
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	if n <= 2*keep {
		return a, b
	}
	for n -= keep; n > 0 && !utf8.RuneStart(a[n]); n-- {
	}
	return "..." + a[n:], "..." + b[n:]
}

func quote(s string) string {
	s, _, cut := strings.Cut(s, "\n")
	if len(s) > 160 {
		s, cut = strings.ToValidUTF8(s[:160], ""), true
	}
	if cut {
		return fmt.Sprintf("%q...", s)
	}
	return fmt.Sprintf("%q", s)
}

// response makes the recorded reply.
func (t *Turn) response(step int, name string) *llms.ContentResponse {
	c := &llms.ContentChoice{Content: t.Reply, StopReason: t.Stop, GenerationInfo: t.Usage.info()}
	c.GenerationInfo[keyProvider] = name
	for i, call := range t.Calls {
		id := call.ID
		if id == "" {
			id = fmt.Sprintf("call-%d-%d", step, i+1)
		}
		c.ToolCalls = append(c.ToolCalls, llms.ToolCall{ID: id, Type: "function",
			FunctionCall: &llms.FunctionCall{Name: call.Name, Arguments: argumentText(call.Arguments)}})
	}
	if len(c.ToolCalls) > 0 {
		c.FuncCall = c.ToolCalls[0].FunctionCall
	}
	if c.StopReason == "" {
		c.StopReason = stopReason("", len(c.ToolCalls) > 0)
	}
	return &llms.ContentResponse{Choices: []*llms.ContentChoice{c}}
}
