package model

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"

	"github.com/tmc/langchaingo/llms"
)

// An object is a JSON object of which only some members matter; the rest keeps every byte.
type object map[string]json.RawMessage

func (o object) text(key string) string {
	var s string
	_ = json.Unmarshal(o[key], &s) // what is no string reads as none
	return s
}

func (o object) set(key string, v any) { o[key] = json.RawMessage(encode(v)) }

// keep adds a member, unless there is nothing in it.
func (o object) keep(key string, raw json.RawMessage) {
	if s := string(raw); s != "" && s != "null" && s != `""` && s != "[]" {
		o[key] = raw
	}
}

// edit decodes a member, changes it and puts it back.
func edit[T any](o object, key string, change func(*T) error) error {
	var v T
	if err := json.Unmarshal(o[key], &v); err != nil {
		return fmt.Errorf("read %s: %w", key, err)
	}
	if err := change(&v); err != nil {
		return err
	}
	o.set(key, v)
	return nil
}

// mended is a history in which all arguments of calls are objects.
type mended struct {
	messages []llms.MessageContent
	byID     map[string]string // arguments, as they were written
}

// mendArguments replaces arguments that are no JSON object, which some servers refuse, by an object that quotes them.
func mendArguments(messages []llms.MessageContent) mended {
	out := mended{byID: map[string]string{}}
	for _, m := range messages {
		parts := slices.Clone(m.Parts)
		for i, p := range parts {
			c, ok := p.(llms.ToolCall)
			if !ok {
				continue
			}
			f := llms.FunctionCall{}
			if c.FunctionCall != nil {
				f = *c.FunctionCall
			}
			var o object
			if json.Unmarshal([]byte(f.Arguments), &o) != nil || o == nil {
				s := strings.TrimSpace(f.Arguments)
				f.Arguments = "{}"
				if s != "" && s != "null" {
					f.Arguments = encode(map[string]string{"unreadable_arguments": s})
				}
			}
			out.byID[c.ID] = f.Arguments
			parts[i] = llms.ToolCall{ID: c.ID, Type: "function", FunctionCall: &f}
		}
		out.messages = append(out.messages, llms.MessageContent{Role: m.Role, Parts: parts})
	}
	return out
}

// memory is what providers sent along with tool calls and want to see again with them: signatures, reasoning.
type memory struct {
	lock  sync.Mutex
	calls map[string]kept
	order []string
}

type kept struct {
	call    object            // members of the call
	message object            // members of the message it came in
	before  []json.RawMessage // blocks that came before it
}

// memoryMax is far more calls than the runs of one process have under way.
const memoryMax = 10_000

func (m *memory) keep(id string, k kept) {
	if len(k.call) == 0 && len(k.message) == 0 && len(k.before) == 0 {
		return
	}
	m.lock.Lock()
	defer m.lock.Unlock()
	if m.calls == nil {
		m.calls = map[string]kept{}
	}
	if _, ok := m.calls[id]; !ok {
		m.order = append(m.order, id)
	}
	m.calls[id] = k
	if len(m.order) > memoryMax {
		delete(m.calls, m.order[0])
		m.order = m.order[1:]
	}
}

func (m *memory) recall(id string) kept {
	m.lock.Lock()
	defer m.lock.Unlock()
	return m.calls[id]
}

// newID makes up the id of a call that has none. It is random: the history of a resumed run holds former ones.
func newID() string { return "call_" + strings.ToLower(rand.Text()[:12]) }

// A lesson is a change to all questions that an endpoint taught us by refusing one.
type lesson struct {
	field string
	value json.RawMessage // nil: leave the field out
	as    string          // send it under this name instead
	think bool            // leave out what the provider sent along with former replies
}

func (l lesson) String() string {
	switch {
	case l.think:
		return "without former thinking"
	case l.as != "":
		return l.field + " is called " + l.as
	case l.value == nil:
		return "without " + l.field
	}
	return l.field + " is " + string(l.value)
}

func (l lesson) apply(body object) {
	switch v, ok := body[l.field]; {
	case l.think:
		forget(body)
	case l.as != "" && ok:
		delete(body, l.field)
		body[l.as] = v
	case l.as == "" && l.value == nil:
		delete(body, l.field)
	case l.value != nil && (ok || l.field == "reasoning_effort"):
		body[l.field] = l.value
	}
}

var (
	atMost   = regexp.MustCompile(`(?i)(?:at most|> |less than or equal to|maximum (?:allowed )?(?:value|number)?[^0-9]{0,40})\s*([0-9]{3,7})`)
	disliked = regexp.MustCompile(`(?i)unsupported|not supported|does not support|deprecated|unrecognized|unknown|not allowed|not permitted|only the default|extra inputs|invalid|may only be`)
)

// learn finds in a refusal what to leave out or to change, if it is something the question can do without.
func learn(e *APIError, body object, o sent) (lesson, bool) {
	if (e.Status != 400 && e.Status != 422) || e.kind != nil {
		return lesson{}, false
	}
	about := func(field string) bool {
		return e.param == field || strings.HasPrefix(e.param, field+".") || (e.param == "" && strings.Contains(e.Message, field))
	}
	has := func(field string) bool { _, ok := body[field]; return ok }
	if about("reasoning_effort") && strings.Contains(e.Message, "none") && string(body["reasoning_effort"]) != `"none"` {
		return lesson{field: "reasoning_effort", value: json.RawMessage(`"none"`)}, true
	}
	for _, field := range []string{"max_completion_tokens", "max_tokens"} {
		if !has(field) || !strings.Contains(cmp.Or(e.param, e.Message), field) {
			continue
		}
		if n := atMost.FindStringSubmatch(e.Message); n != nil {
			if limit, err := strconv.Atoi(n[1]); err == nil && limit < o.limit && n[1] != string(body[field]) {
				return lesson{field: field, value: json.RawMessage(n[1])}, true
			}
		}
		other := map[string]string{"max_tokens": "max_completion_tokens", "max_completion_tokens": "max_tokens"}[field]
		if field == "max_completion_tokens" || strings.Contains(e.Message, other) {
			return lesson{field: field, as: other}, true
		}
	}
	for _, field := range []string{"temperature", "top_p", "parallel_tool_calls", "tool_choice"} {
		if has(field) && about(field) && disliked.MatchString(e.Message) {
			return lesson{field: field}, true
		}
	}
	if strings.Contains(e.Message, "thinking") || strings.Contains(e.Message, "signature") || strings.Contains(e.Message, "reasoning_content") {
		before := encode(body)
		forget(body)
		return lesson{think: true}, encode(body) != before
	}
	return lesson{}, false
}

// forget leaves out of a question what providers sent along with former replies.
func forget(body object) {
	var messages []object
	if json.Unmarshal(body["messages"], &messages) != nil {
		return
	}
	for _, m := range messages {
		delete(m, "reasoning_content")
		delete(m, "reasoning_details")
		var blocks []json.RawMessage
		if json.Unmarshal(m["content"], &blocks) != nil {
			continue
		}
		rest := slices.DeleteFunc(slices.Clone(blocks), func(b json.RawMessage) bool { return bytes.Contains(b, []byte(`thinking"`)) && isThinking(b) })
		if len(rest) > 0 && len(rest) < len(blocks) {
			m.set("content", rest)
		}
	}
	body.set("messages", messages)
}

func isThinking(block json.RawMessage) bool {
	var b struct {
		Type string `json:"type"`
	}
	return json.Unmarshal(block, &b) == nil && (b.Type == "thinking" || b.Type == "redacted_thinking")
}

func (m *remote) remember(l lesson) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.learned = append(m.learned, l)
}

func (m *remote) lessons() []lesson {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.learned)
}
