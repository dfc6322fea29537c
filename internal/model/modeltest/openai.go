package modeltest

import (
	"encoding/json"
	"fmt"
)

func openaiReply(r Reply) any {
	msg := map[string]any{"role": "assistant", "content": r.Text}
	if r.Text == "" {
		msg["content"] = nil
	}
	if r.Thinking != "" {
		msg["reasoning_content"] = r.Thinking
	}
	stop := "stop"
	if len(r.Calls) > 0 {
		stop = "tool_calls"
		var calls []any
		for _, c := range r.Calls {
			call := map[string]any{"id": c.ID, "type": "function", "function": map[string]any{"name": c.Name, "arguments": c.Args}}
			for k, v := range c.Extra {
				call[k] = v
			}
			calls = append(calls, call)
		}
		msg["tool_calls"] = calls
	}
	if r.Stop != "" {
		stop = r.Stop
	}
	return map[string]any{
		"id": "chatcmpl-1", "object": "chat.completion", "created": 1, "model": "served-model",
		"choices": []any{map[string]any{"index": 0, "message": msg, "finish_reason": stop}},
		"usage": map[string]any{"prompt_tokens": r.In, "completion_tokens": r.Out, "total_tokens": r.In + r.Out,
			"prompt_tokens_details": map[string]any{"cached_tokens": r.Cached}},
	}
}

func openaiFault(r Reply) any {
	e := map[string]any{"message": r.Message, "type": r.Type, "code": nil, "param": nil}
	if r.Code != "" {
		e["code"] = r.Code
	}
	if r.Param != "" {
		e["param"] = r.Param
	}
	return map[string]any{"error": e}
}

// openaiCheck refuses what the real server refuses: results without a call before them, calls without results, calls
// without a type, arguments that are no text.
func openaiCheck(body map[string]any) string {
	messages, _ := body["messages"].([]any)
	if len(messages) == 0 {
		return "messages is empty"
	}
	if _, both := body["max_tokens"]; both && body["max_completion_tokens"] != nil {
		return "max_tokens and max_completion_tokens are both set"
	}
	if s, ok := body["stream"].(bool); ok && s {
		return "this server does not stream"
	}
	open := map[string]bool{}
	for i, raw := range messages {
		m, _ := raw.(map[string]any)
		role, _ := m["role"].(string)
		if role != "tool" && len(open) > 0 {
			return fmt.Sprintf("messages[%d]: %d tool calls before it have no result", i, len(open))
		}
		switch role {
		case "system", "developer", "user":
			if m["content"] == nil {
				return fmt.Sprintf("messages[%d] has no content", i)
			}
		case "assistant":
			if why := openaiCalls(m, open); why != "" {
				return fmt.Sprintf("messages[%d]: %s", i, why)
			}
		case "tool":
			id, _ := m["tool_call_id"].(string)
			if !open[id] {
				return fmt.Sprintf("messages[%d]: there is no tool call %q before it", i, id)
			}
			delete(open, id)
		default:
			return fmt.Sprintf("messages[%d] has the role %q", i, role)
		}
	}
	if len(open) > 0 {
		return "the last tool calls have no result"
	}
	return ""
}

func openaiCalls(m map[string]any, open map[string]bool) string {
	calls, _ := m["tool_calls"].([]any)
	if text, _ := m["content"].(string); text == "" && len(calls) == 0 {
		return "it says nothing and calls nothing"
	}
	for _, raw := range calls {
		c, _ := raw.(map[string]any)
		f, _ := c["function"].(map[string]any)
		args, ok := f["arguments"].(string)
		id, _ := c["id"].(string)
		switch {
		case c["type"] != "function":
			return fmt.Sprintf("a tool call has the type %q", c["type"])
		case id == "" || open[id]:
			return fmt.Sprintf("a tool call has the id %q", id)
		case !ok || !json.Valid([]byte(args)):
			return fmt.Sprintf("the arguments of %s are no JSON text", id)
		}
		open[id] = true
	}
	return ""
}
