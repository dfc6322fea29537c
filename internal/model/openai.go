package model

import (
	"cmp"
	"encoding/json"
	"fmt"
	"regexp"
	"strings"

	"github.com/tmc/langchaingo/llms"
	"github.com/tmc/langchaingo/llms/openai"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// openaiWire speaks OpenAI's chat completions, which most servers understand.
type openaiWire struct {
	cfg Config
}

func (w openaiWire) client(x *exchange) (llms.Model, error) {
	return openai.New(
		openai.WithToken(cmp.Or(w.cfg.Key.Reveal(), "none")), openai.WithModel(cmp.Or(w.cfg.Name, "default")),
		openai.WithBaseURL(w.cfg.BaseURL), openai.WithOrganization(""), openai.WithHTTPClient(x),
	)
}

// history makes messages that langchaingo sends whole: one result per tool message, one text per message.
func (w openaiWire) history(messages []llms.MessageContent) []llms.MessageContent {
	var out []llms.MessageContent
	for _, m := range messages {
		if m.Role == llms.ChatMessageTypeTool {
			for _, p := range m.Parts {
				out = append(out, llms.MessageContent{Role: m.Role, Parts: []llms.ContentPart{p}})
			}
			continue
		}
		var texts []string
		var rest []llms.ContentPart
		for _, p := range m.Parts {
			if t, ok := p.(llms.TextContent); ok {
				texts = append(texts, t.Text)
			} else {
				rest = append(rest, p)
			}
		}
		if text := strings.Join(texts, "\n"); strings.TrimSpace(text) != "" {
			rest = append([]llms.ContentPart{llms.TextPart(text)}, rest...)
		}
		if len(rest) > 0 {
			out = append(out, llms.MessageContent{Role: m.Role, Parts: rest})
		}
	}
	return out
}

// fixedTemperature are the models that know one temperature only.
var fixedTemperature = regexp.MustCompile(`(?i)(^|/)(o[1-9](-|$)|gpt-([5-9]|[1-9]\d)|codex)`)

// request mends what langchaingo is about to send.
func (w openaiWire) request(body object, x *exchange) error {
	if x.opts.temperature == nil || fixedTemperature.MatchString(w.cfg.Name) {
		delete(body, "temperature")
	}
	if w.cfg.Name == "" {
		delete(body, "model")
	}
	if n, ok := body["max_completion_tokens"]; ok && w.cfg.legacyLimit() {
		delete(body, "max_completion_tokens")
		body["max_tokens"] = n
	}
	if _, ok := body["tools"]; !ok {
		delete(body, "tool_choice")
	} else if w.cfg.OneCall {
		body["parallel_tool_calls"] = json.RawMessage("false")
	}
	return w.giveBack(body, x.m)
}

// giveBack puts into the assistant's turns what the provider sent with them and wants to see again.
func (w openaiWire) giveBack(body object, m *remote) error {
	return edit(body, "messages", func(messages *[]object) error {
		for _, msg := range *messages {
			if msg.text("role") != "assistant" || msg["tool_calls"] == nil {
				continue
			}
			err := edit(msg, "tool_calls", func(calls *[]object) error {
				for i, c := range *calls {
					kept := m.recall(c.text("id"))
					for k, v := range kept.call {
						c[k] = v
					}
					if i == 0 {
						for k, v := range kept.message {
							msg[k] = v
						}
					}
					if len(kept.call) == 0 && i == 0 && w.cfg.Provider == Google {
						c["extra_content"] = json.RawMessage(unsigned)
					}
				}
				return nil
			})
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// unsigned stands in for a signature that we never had, because the call was made by another model or before a restart.
const unsigned = `{"google":{"thought_signature":"skip_thought_signature_validator"}}`

type openaiReply struct {
	ID      string `json:"id"`
	Model   string `json:"model"`
	Choices []struct {
		Message      *openaiMessage `json:"message"`
		FinishReason string         `json:"finish_reason"`
		Error        any            `json:"error"`
	} `json:"choices"`
	Usage struct {
		Prompt     int     `json:"prompt_tokens"`
		Completion int     `json:"completion_tokens"`
		Cost       float64 `json:"cost"`
		Details    struct {
			Cached int `json:"cached_tokens"`
		} `json:"prompt_tokens_details"`
		CacheHit int `json:"prompt_cache_hit_tokens"`
	} `json:"usage"`
}

type openaiMessage struct {
	Content   json.RawMessage   `json:"content"`
	Refusal   string            `json:"refusal"`
	ToolCalls []json.RawMessage `json:"tool_calls"`
	Function  json.RawMessage   `json:"function_call"`
	Reasoning json.RawMessage   `json:"reasoning_content"`
	Details   json.RawMessage   `json:"reasoning_details"`
}

// reply reads what the server sent and writes it anew in the form that langchaingo can read.
func (w openaiWire) reply(raw []byte, m *remote) (*reply, error) {
	var in openaiReply
	if err := json.Unmarshal(raw, &in); err != nil {
		return nil, &APIError{kind: ErrReply, Message: err.Error()}
	}
	r := &reply{id: in.ID, usage: Usage{In: in.Usage.Prompt, Out: in.Usage.Completion, Cost: in.Usage.Cost,
		Cached: cmp.Or(in.Usage.Details.Cached, in.Usage.CacheHit), Model: in.Model}}
	if len(in.Choices) == 0 || in.Choices[0].Message == nil {
		return r, &APIError{kind: ErrEmpty}
	}
	choice := in.Choices[0]
	r.finish = choice.FinishReason
	if choice.Error != nil {
		f, _, _ := readFault([]byte(`{"error":` + encode(choice.Error) + `}`))
		return r, &APIError{kind: ErrBusy, Message: f.Message}
	}
	text := contentText(choice.Message.Content)
	if choice.FinishReason == "content_filter" || choice.Message.Refusal != "" {
		return r, &APIError{kind: ErrRefused, Message: redact.Scrub(clip(cmp.Or(choice.Message.Refusal, text), bodyMax)).String()}
	}
	calls := w.calls(choice.Message, m)
	r.calls = calls
	r.stop = stopReason(choice.FinishReason, len(calls) > 0)
	r.body = map[string]any{
		"id": in.ID, "model": in.Model, "usage": map[string]int{"prompt_tokens": r.usage.In, "completion_tokens": r.usage.Out, "total_tokens": r.usage.In + r.usage.Out},
		"choices": []any{map[string]any{"index": 0, "finish_reason": r.stop, "message": map[string]any{
			"role": "assistant", "content": text, "tool_calls": wireCalls(calls),
		}}},
	}
	r.empty = strings.TrimSpace(text) == "" && len(calls) == 0
	return r, nil
}

// calls reads the tool calls of a message; ids that are missing or used twice are made up.
func (w openaiWire) calls(msg *openaiMessage, m *remote) []llms.ToolCall {
	raws := msg.ToolCalls
	if len(raws) == 0 && len(msg.Function) > 0 && string(msg.Function) != "null" {
		raws = []json.RawMessage{json.RawMessage(`{"function":` + string(msg.Function) + `}`)}
	}
	var calls []llms.ToolCall
	seen := map[string]bool{}
	for i, raw := range raws {
		var c struct {
			ID       string `json:"id"`
			Function struct {
				Name      string          `json:"name"`
				Arguments json.RawMessage `json:"arguments"`
			} `json:"function"`
		}
		extra := object{}
		if json.Unmarshal(raw, &c) != nil || json.Unmarshal(raw, &extra) != nil {
			continue
		}
		for _, known := range []string{"id", "type", "function", "index"} {
			delete(extra, known)
		}
		if c.ID == "" || seen[c.ID] {
			c.ID = newID()
		}
		seen[c.ID] = true
		kept := kept{call: extra}
		if i == 0 {
			kept.message = object{}
			kept.message.keep("reasoning_content", msg.Reasoning)
			kept.message.keep("reasoning_details", msg.Details)
		}
		m.keep(c.ID, kept)
		calls = append(calls, llms.ToolCall{ID: c.ID, Type: "function",
			FunctionCall: &llms.FunctionCall{Name: c.Function.Name, Arguments: argumentText(c.Function.Arguments)}})
	}
	return calls
}

// argumentText is the text of arguments, which some servers send as an object.
func argumentText(raw json.RawMessage) string {
	var s string
	if len(raw) == 0 || string(raw) == "null" {
		return "{}"
	}
	if json.Unmarshal(raw, &s) == nil {
		return cmp.Or(strings.TrimSpace(s), "{}")
	}
	return string(raw)
}

// contentText is the text of a message's content, which some servers send in parts.
func contentText(raw json.RawMessage) string {
	var s string
	if json.Unmarshal(raw, &s) == nil {
		return s
	}
	var parts []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	}
	if json.Unmarshal(raw, &parts) != nil {
		return ""
	}
	var texts []string
	for _, p := range parts {
		if p.Text != "" && (p.Type == "text" || p.Type == "output_text" || p.Type == "") {
			texts = append(texts, p.Text)
		}
	}
	return strings.Join(texts, "\n")
}

func wireCalls(calls []llms.ToolCall) []any {
	out := []any{}
	for _, c := range calls {
		out = append(out, map[string]any{"id": c.ID, "type": "function",
			"function": map[string]string{"name": c.FunctionCall.Name, "arguments": c.FunctionCall.Arguments}})
	}
	return out
}

// stopReason is why a reply ended, in one word for all providers.
func stopReason(native string, calls bool) string {
	switch strings.ToLower(native) {
	case "length", "max_tokens", "model_length", "model_context_window_exceeded":
		return stopLength
	case "stop", "tool_calls", "function_call", "end_turn", "tool_use", "stop_sequence", "null", "", "eos", "pause_turn":
		if calls {
			return stopCalls
		}
		return stopDone
	}
	return native
}

// The words for why a reply ended.
const (
	stopDone   = "stop"
	stopCalls  = "tool_calls"
	stopLength = "length"
)

// encode writes v as JSON, without the escapes that only web pages need.
func encode(v any) string {
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		panic(fmt.Sprintf("encode %T: %v", v, err)) // what was decoded can be encoded
	}
	return strings.TrimSuffix(b.String(), "\n")
}
