package modeltest

import (
	"encoding/json"
	"fmt"
)

func anthropicReply(r Reply) any {
	content := []any{}
	if r.Thinking != "" {
		content = append(content, map[string]any{"type": "thinking", "thinking": r.Thinking, "signature": "sig-" + r.Thinking},
			map[string]any{"type": "redacted_thinking", "data": "opaque"})
	}
	if r.Text != "" {
		content = append(content, map[string]any{"type": "text", "text": r.Text})
	}
	stop := "end_turn"
	for _, c := range r.Calls {
		stop = "tool_use"
		content = append(content, map[string]any{"type": "tool_use", "id": c.ID, "name": c.Name, "input": json.RawMessage(c.Args)})
	}
	if r.Stop != "" {
		stop = r.Stop
	}
	return map[string]any{
		"id": "msg_1", "type": "message", "role": "assistant", "model": "served-model", "content": content,
		"stop_reason": stop, "stop_sequence": nil,
		"usage": map[string]any{"input_tokens": r.In - r.Cached, "output_tokens": r.Out, "cache_read_input_tokens": r.Cached,
			"cache_creation_input_tokens": 0},
	}
}

func anthropicFault(r Reply) any {
	return map[string]any{"type": "error", "request_id": "req_body", "error": map[string]any{"type": r.Type, "message": r.Message}}
}

// anthropicCheck refuses what the real server refuses: no bound on the reply, neighbours with the same role, empty text,
// calls without results in the very next turn, results without calls, more than four cache marks.
func anthropicCheck(body map[string]any) string {
	if n, _ := body["max_tokens"].(float64); n <= 0 {
		return "max_tokens: Field required"
	}
	marks := count(body["system"]) + count(body["tools"])
	messages, _ := body["messages"].([]any)
	role := "assistant"
	calls := map[string]bool{}
	for i, raw := range messages {
		m, _ := raw.(map[string]any)
		if m["role"] == role {
			return fmt.Sprintf("messages.%d: two turns of the role %q in a row", i, role)
		}
		role, _ = m["role"].(string)
		blocks, _ := m["content"].([]any)
		if len(blocks) == 0 {
			return fmt.Sprintf("messages.%d: content is empty", i)
		}
		marks += count(m["content"])
		next, why := anthropicBlocks(role, blocks, calls)
		if why != "" {
			return fmt.Sprintf("messages.%d: %s", i, why)
		}
		calls = next
	}
	switch {
	case role != "user":
		return "the last turn is not the user's"
	case marks > 4:
		return fmt.Sprintf("a maximum of 4 blocks with cache_control may be provided, found %d", marks)
	}
	return ""
}

// anthropicBlocks checks one turn. calls are those of the turn before, which must be answered here; it returns its own.
func anthropicBlocks(role string, blocks []any, calls map[string]bool) (map[string]bool, string) {
	next := map[string]bool{}
	called, spoke := false, false
	for _, raw := range blocks {
		b, _ := raw.(map[string]any)
		id, _ := b["id"].(string)
		switch kind, _ := b["type"].(string); kind {
		case "text":
			if b["text"] == "" {
				return nil, "text content blocks must be non-empty"
			}
			spoke = true
		case "thinking", "redacted_thinking":
			if role != "assistant" || (spoke && !called) {
				return nil, "thinking must come first in a turn of the assistant"
			}
		case "tool_use":
			if _, ok := b["input"].(map[string]any); !ok || id == "" || role != "assistant" || next[id] {
				return nil, "a tool_use block is malformed"
			}
			next[id], called = true, true
		case "tool_result":
			id, _ := b["tool_use_id"].(string)
			if !calls[id] || spoke {
				return nil, fmt.Sprintf("the tool_result %q has no tool_use in the turn before, or comes after text", id)
			}
			delete(calls, id)
		default:
			return nil, fmt.Sprintf("a block has the type %q", kind)
		}
	}
	if len(calls) > 0 {
		return nil, "tool_use ids were found without tool_result blocks immediately after"
	}
	return next, ""
}

func count(blocks any) int {
	list, _ := blocks.([]any)
	n := 0
	for _, raw := range list {
		if b, ok := raw.(map[string]any); ok && b["cache_control"] != nil {
			n++
		}
	}
	return n
}
