package model

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// Version is the version of the transcripts that Record writes and Replay reads.
const Version = 1

// A Header is the first line of a transcript. Prompt and Tools are hashes of what the model was given; Replay compares
// them, so that a transcript cannot outlive the prompt it answers.
type Header struct {
	Version  int       `json:"version"`
	Model    string    `json:"model,omitempty"`
	Provider string    `json:"provider,omitempty"`
	Recorded time.Time `json:"recorded,omitzero"`
	Prompt   string    `json:"prompt,omitempty"`
	Tools    string    `json:"tools,omitempty"`
	Note     string    `json:"note,omitempty"`
	Tolerate []string  `json:"tolerate,omitempty"` // tools whose results may read differently, such as one whose order changes
}

// A Turn is one question and its answer, one line of a transcript. Written by hand it needs no more than a reply or
// calls; what was shown to the model is then not compared.
type Turn struct {
	N      int               `json:"n,omitempty"`
	Tools  map[string]string `json:"tools,omitempty"`  // digest of each definition, where they differ from the turn before
	Same   int               `json:"same,omitempty"`   // messages at the start that are as in the turn before
	Shown  []Shown           `json:"shown,omitempty"`  // the messages after those
	Digest string            `json:"digest,omitempty"` // of all that was shown
	Reply  string            `json:"reply,omitempty"`
	Calls  []TurnCall        `json:"calls,omitempty"`
	Stop   string            `json:"stop,omitempty"`
	Usage  Usage             `json:"usage,omitzero"`
	Took   string            `json:"took,omitempty"`
	Error  *TurnError        `json:"error,omitempty"` // the question failed
}

// A Shown is one message as the model saw it, normalised.
type Shown struct {
	Role   string `json:"role"`
	Tool   string `json:"tool,omitempty"` // whose result it is
	Digest string `json:"digest"`
	Text   string `json:"text"` // the start of it
	Lines  int    `json:"lines"`
}

// A TurnCall is one tool call. Arguments are JSON, or a string if the model wrote something else.
type TurnCall struct {
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name"`
	Arguments json.RawMessage `json:"arguments"`
}

// A TurnError is a question that failed.
type TurnError struct {
	Kind    string `json:"kind"`
	Message string `json:"message"`
}

// kinds are the errors that a transcript can hold.
var kinds = map[string]error{
	"overflow": ErrOverflow, "quota": ErrQuota, "key": ErrKey, "refused": ErrRefused, "empty": ErrEmpty, "damaged": ErrReply,
	"busy": ErrBusy, "network": ErrNetwork,
}

func turnError(err error) *TurnError {
	out := &TurnError{Kind: "other", Message: redact.Scrub(err.Error()).String()}
	for name, kind := range kinds {
		if errors.Is(err, kind) {
			out.Kind = name
		}
	}
	return out
}

// view is what one question shows the model.
type view struct {
	shown []Shown
	tools map[string]string
}

// A reader turns questions into views. It remembers what it has read: a history is mostly the one of the turn before.
type reader struct {
	seen map[string]Shown
}

func (r *reader) view(messages []llms.MessageContent, options []llms.CallOption) view {
	var o llms.CallOptions
	for _, set := range options {
		set(&o)
	}
	v := view{tools: map[string]string{}}
	for _, t := range o.Tools {
		if t.Function != nil {
			v.tools[t.Function.Name] = digest(encode(t.Function))
		}
	}
	for _, m := range messages {
		if m.Role != llms.ChatMessageTypeTool {
			v.shown = append(v.shown, r.message(m.Role, m.Parts))
			continue
		}
		for _, p := range m.Parts { // however results are packed, they are one each
			v.shown = append(v.shown, r.message(m.Role, []llms.ContentPart{p}))
		}
	}
	return v
}

// message normalises one message.
func (r *reader) message(role llms.ChatMessageType, parts []llms.ContentPart) Shown {
	if r.seen == nil {
		r.seen = map[string]Shown{}
	}
	var raw, text []string
	tool := ""
	for _, p := range parts {
		switch p := p.(type) {
		case llms.TextContent:
			raw = append(raw, "text", p.Text)
		case llms.ToolCall:
			if p.FunctionCall != nil {
				raw = append(raw, "call", p.FunctionCall.Name, p.FunctionCall.Arguments)
			}
		case llms.ToolCallResponse:
			tool = p.Name
			raw = append(raw, "result", p.Content)
		default:
			raw = append(raw, "other", fmt.Sprintf("%T", p))
		}
	}
	key := string(role) + "\x00" + tool + "\x00" + strings.Join(raw, "\x00")
	if s, ok := r.seen[key]; ok {
		return s
	}
	for i := 0; i < len(raw); i += 2 {
		if raw[i] == "call" {
			text = append(text, "calls "+raw[i+1]+" "+normalArguments(raw[i+2]))
			i++
			continue
		}
		text = append(text, Normalise(raw[i+1]))
	}
	whole := strings.Join(text, "\n")
	s := Shown{Role: string(role), Tool: tool, Digest: digest(whole), Text: excerpt(whole), Lines: strings.Count(whole, "\n") + 1}
	r.seen[key] = s
	return s
}

func (v view) digest() string {
	var b strings.Builder
	names := make([]string, 0, len(v.tools))
	for name := range v.tools {
		names = append(names, name)
	}
	sort.Strings(names)
	for _, name := range names {
		fmt.Fprintln(&b, name, v.tools[name])
	}
	for _, s := range v.shown {
		fmt.Fprintln(&b, s.Role, s.Tool, s.Digest)
	}
	return digest(b.String())
}

// cleanArguments scrubs arguments. They keep every byte unless there is a secret in them, however it is escaped.
func cleanArguments(raw string) json.RawMessage {
	var v any
	dec := json.NewDecoder(strings.NewReader(raw))
	dec.UseNumber()
	if dec.Decode(&v) != nil || dec.More() {
		return json.RawMessage(encode(redact.Scrub(raw).String()))
	}
	if _, text := v.(string); text { // a string stands for text that is no JSON; so this one is written as such text
		return json.RawMessage(encode(redact.Scrub(raw).String()))
	}
	dirty := false
	v = scrubbed(v, &dirty)
	if !dirty && redact.Scrub(raw).String() == raw {
		var line bytes.Buffer
		if json.Compact(&line, []byte(raw)) == nil {
			return line.Bytes()
		}
	}
	return json.RawMessage(encode(v))
}

// scrubbed scrubs all strings in v.
func scrubbed(v any, dirty *bool) any {
	scrub := func(s string) string {
		clean := redact.Scrub(s).String()
		*dirty = *dirty || clean != s
		return clean
	}
	switch v := v.(type) {
	case string:
		return scrub(v)
	case []any:
		for i := range v {
			v[i] = scrubbed(v[i], dirty)
		}
	case map[string]any:
		out := map[string]any{}
		for k, e := range v {
			out[scrub(k)] = scrubbed(e, dirty)
		}
		return out
	}
	return v
}
