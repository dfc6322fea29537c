package model

import (
	"cmp"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/anthropic"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// anthropicWire speaks Anthropic's messages.
type anthropicWire struct {
	cfg Config
}

func (w anthropicWire) client(x *exchange) (llms.Model, error) {
	return anthropic.New(anthropic.WithToken(w.cfg.Key.Reveal()), anthropic.WithModel(w.cfg.Name),
		anthropic.WithBaseURL(w.cfg.BaseURL), anthropic.WithHTTPClient(x))
}

// history makes one message of every part: langchaingo sends only the first part of each. request puts them together.
func (w anthropicWire) history(messages []llms.MessageContent) []llms.MessageContent {
	var out []llms.MessageContent
	var system []string
	for _, m := range messages {
		for _, p := range m.Parts {
			t, text := p.(llms.TextContent)
			switch {
			case text && strings.TrimSpace(t.Text) == "":
			case text && m.Role == llms.ChatMessageTypeSystem:
				system = append(system, t.Text)
			default:
				out = append(out, llms.MessageContent{Role: m.Role, Parts: []llms.ContentPart{p}})
			}
		}
	}
	if len(system) > 0 {
		out = append([]llms.MessageContent{llms.TextParts(llms.ChatMessageTypeSystem, strings.Join(system, "\n\n"))}, out...)
	}
	return out
}

// cached marks the end of what the provider should keep at hand for the next question.
var cached = json.RawMessage(`{"type":"ephemeral"}`)

// request mends what langchaingo is about to send.
func (w anthropicWire) request(body object, x *exchange) error {
	if x.opts.temperature == nil {
		delete(body, "temperature")
	}
	if s := body.text("system"); s != "" {
		body.set("system", []object{{"type": json.RawMessage(`"text"`), "text": body["system"], "cache_control": cached}})
	}
	if _, ok := body["tools"]; ok {
		if choice := w.choice(x.opts.choice); choice != nil {
			body.set("tool_choice", choice)
		}
	}
	return edit(body, "messages", func(messages *[]object) error {
		turns, err := merge(*messages)
		if err != nil {
			return err
		}
		left := 2 // of the four marks a question may have; the system prompt has one
		for i := len(turns) - 1; i >= 0; i-- {
			blocks := turns[i].blocks
			if turns[i].role == "assistant" {
				turns[i].blocks = w.giveBack(blocks, x)
			} else if left > 0 && len(blocks) > 0 {
				blocks[len(blocks)-1]["cache_control"] = cached
				left--
			}
		}
		*messages = nil
		for _, t := range turns {
			m := object{}
			m.set("role", t.role)
			m.set("content", t.blocks)
			*messages = append(*messages, m)
		}
		return nil
	})
}

type turn struct {
	role   string
	blocks []object
}

// merge makes one turn of neighbours with the same role, as the API wants it.
func merge(messages []object) ([]turn, error) {
	var turns []turn
	for _, m := range messages {
		role := m.text("role")
		var blocks []object
		if err := json.Unmarshal(m["content"], &blocks); err != nil {
			return nil, fmt.Errorf("read the content of a message: %w", err)
		}
		if n := len(turns); n > 0 && turns[n-1].role == role {
			turns[n-1].blocks = append(turns[n-1].blocks, blocks...)
			continue
		}
		turns = append(turns, turn{role, blocks})
	}
	return turns, nil
}

// giveBack puts the model's thinking before the calls it led to, and arguments back as they were written.
func (w anthropicWire) giveBack(blocks []object, x *exchange) []object {
	var out []object
	for _, b := range blocks {
		if b.text("type") == "tool_use" {
			id := b.text("id")
			if args, ok := x.args.byID[id]; ok {
				b["input"] = json.RawMessage(args)
			}
			for _, raw := range x.m.recall(id).before {
				var o object
				if json.Unmarshal(raw, &o) == nil {
					out = append(out, o)
				}
			}
		}
		out = append(out, b)
	}
	// Thinking opens a turn, before any text.
	first := slices.IndexFunc(out, func(b object) bool { return b.text("type") == "tool_use" })
	if first > 0 {
		slices.SortStableFunc(out[:first], func(a, b object) int { return cmp.Compare(rank(a), rank(b)) })
	}
	return out
}

func rank(b object) int {
	if strings.HasSuffix(b.text("type"), "thinking") {
		return 0
	}
	return 1
}

// choice is a tool choice in Anthropic's words; nil leaves it to the model.
func (w anthropicWire) choice(c any) map[string]any {
	out := map[string]any{}
	switch c := c.(type) {
	case string:
		out["type"] = map[string]string{"required": "any"}[c]
		if out["type"] == "" {
			out["type"] = c
		}
	case llms.ToolChoice:
		out["type"], out["name"] = "tool", c.Function.Name
	case *llms.ToolChoice:
		out["type"], out["name"] = "tool", c.Function.Name
	}
	if w.cfg.OneCall && out["type"] != "none" {
		if out["type"] == nil {
			out["type"] = "auto"
		}
		out["disable_parallel_tool_use"] = true
	}
	if len(out) == 0 {
		return nil
	}
	return out
}

type anthropicReply struct {
	ID         string            `json:"id"`
	Model      string            `json:"model"`
	Content    []json.RawMessage `json:"content"`
	StopReason string            `json:"stop_reason"`
	Usage      struct {
		Input   int `json:"input_tokens"`
		Output  int `json:"output_tokens"`
		Created int `json:"cache_creation_input_tokens"`
		Read    int `json:"cache_read_input_tokens"`
	} `json:"usage"`
}

type block struct {
	Type  string          `json:"type"`
	Text  string          `json:"text"`
	ID    string          `json:"id"`
	Name  string          `json:"name"`
	Input json.RawMessage `json:"input"`
}

// reply reads what the server sent. langchaingo gets the texts and the calls; it fails on kinds of blocks it does not
// know.
func (w anthropicWire) reply(raw []byte, m *remote) (*reply, error) {
	var in anthropicReply
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, &APIError{kind: ErrReply, Message: err.Error()}
	}
	u := in.Usage
	r := &reply{id: in.ID, finish: in.StopReason,
		usage: Usage{In: u.Input + u.Read + u.Created, Out: u.Output, Cached: u.Read, Written: u.Created, Model: in.Model}}
	var blocks []any
	var texts []string
	var before []json.RawMessage
	for _, data := range in.Content {
		var b block
		if err := json.Unmarshal(data, &b); err != nil {
			return r, &APIError{kind: ErrReply, Message: err.Error()}
		}
		switch b.Type {
		case "text":
			if strings.TrimSpace(b.Text) != "" {
				blocks, texts = append(blocks, map[string]string{"type": "text", "text": b.Text}), append(texts, b.Text)
			}
		case "thinking", "redacted_thinking":
			before = append(before, data)
		case "tool_use":
			r.calls = append(r.calls, llms.ToolCall{ID: b.ID, Type: "function",
				FunctionCall: &llms.FunctionCall{Name: b.Name, Arguments: argumentText(b.Input)}})
			m.keep(b.ID, kept{before: before})
			before = nil
			blocks = append(blocks, map[string]any{"type": "tool_use", "id": b.ID, "name": b.Name, "input": object{}})
		}
	}
	r.stop = stopReason(in.StopReason, len(r.calls) > 0)
	if in.StopReason == "refusal" {
		return r, &APIError{kind: ErrRefused, Message: redact.Scrub(clip(strings.Join(texts, "\n"), bodyMax)).String()}
	}
	if in.StopReason == "model_context_window_exceeded" && len(blocks) == 0 {
		return r, &APIError{kind: ErrOverflow, Type: in.StopReason}
	}
	r.empty = len(blocks) == 0
	if r.empty {
		blocks = []any{map[string]string{"type": "text", "text": ""}}
	}
	r.body = map[string]any{"id": in.ID, "type": "message", "role": "assistant", "model": in.Model, "content": blocks,
		"stop_reason": in.StopReason, "usage": map[string]int{"input_tokens": r.usage.In, "output_tokens": r.usage.Out}}
	return r, nil
}
