package agent

import (
	"bytes"
	"encoding/json"
	"time"
)

// A Task is what to do, in the words the model will read.
type Task struct {
	ID          string   `json:"id"`
	System      string   `json:"system"`
	Prompt      string   `json:"prompt"`
	Temperature *float64 `json:"temperature,omitempty"` // nil leaves it to the model

	From json.RawMessage `json:"from,omitempty"` // what the words were made of, for whoever makes them again
}

// A Stop is why a run ended.
type Stop string

// The stops.
const (
	Finished   Stop = "finished"    // a tool said so
	GaveUp     Stop = "gave-up"     // a tool said that the model cannot do it
	Quiet      Stop = "quiet"       // the model asked for no tool, twice in a row
	OverBudget Stop = "over-budget" // see Budget
	Looping    Stop = "looping"     // it went round in circles, and was told so once
	Cancelled  Stop = "cancelled"   // our caller gave up waiting
	Broken     Stop = "broken"      // our own machinery failed
)

// A Run is the whole record of one run: enough to replay it, and to resume it.
type Run struct {
	Task    Task          `json:"task"`
	Model   string        `json:"model,omitempty"`
	Started time.Time     `json:"started"`
	Steps   []Step        `json:"steps"`
	Stop    Stop          `json:"stop"` // "" while it is under way
	Because string        `json:"because,omitempty"`
	Tight   int           `json:"tight,omitempty"` // how often the history had to be halved to fit the model
	Took    time.Duration `json:"took"`
}

// Tokens is how many tokens the run's steps used.
func (r *Run) Tokens() int { return r.Used().Total() }

// Used sums what the run's steps used.
func (r *Run) Used() Tokens {
	var sum Tokens
	for _, s := range r.Steps {
		sum.In += s.Tokens.In
		sum.Out += s.Tokens.Out
		sum.Cached += s.Tokens.Cached
	}
	return sum
}

// Cost sums what the run's steps cost, in dollars.
func (r *Run) Cost() float64 {
	sum := 0.0
	for _, s := range r.Steps {
		sum += s.Cost
	}
	return sum
}

// A Step is one reply of the model and everything that followed from it.
type Step struct {
	Reply  string        `json:"reply"`
	Calls  []Call        `json:"calls"`
	Note   string        `json:"note,omitempty"`  // what the loop told the model after the results
	Nudge  string        `json:"nudge,omitempty"` // why it did: "quiet", "stuck", "budget", "last"
	Cut    bool          `json:"cut,omitempty"`   // the reply hit the output limit, so its calls were not made
	Tokens Tokens        `json:"tokens"`
	Cost   float64       `json:"cost,omitempty"` // dollars
	Took   time.Duration `json:"took"`
}

// Tokens is what one or more replies used. Cached is the part of In that the provider had at hand.
type Tokens struct {
	In     int `json:"in"`
	Out    int `json:"out"`
	Cached int `json:"cached,omitempty"`
}

// Total is In and Out together.
func (t Tokens) Total() int { return t.In + t.Out }

// A Call is one use of a tool. Args is the object the model sent; arguments that are no JSON object are kept as a
// JSON string, so that a run can always be encoded.
type Call struct {
	ID     string          `json:"id"`
	Tool   string          `json:"tool"`
	Args   json.RawMessage `json:"args"`
	Result string          `json:"result"`          // what the model read
	Err    string          `json:"err,omitempty"`   // what the model was told was wrong
	Fault  string          `json:"fault,omitempty"` // why our machinery could not make the call; the run ended here
	Stop   Stop            `json:"stop,omitempty"`  // the run ended with this call
	Pin    bool            `json:"pin,omitempty"`
	State  string          `json:"state,omitempty"`
	Facts  []string        `json:"facts,omitempty"`
	Took   time.Duration   `json:"took"`
}

// UnmarshalJSON reads a call; its arguments become what they were before json.Marshal escaped them.
func (c *Call) UnmarshalJSON(data []byte) error {
	type plain Call
	if err := json.Unmarshal(data, (*plain)(c)); err != nil {
		return err
	}
	c.Args = unescape(c.Args)
	return nil
}

// object reports whether the call's arguments are a JSON object.
func (c *Call) object() bool { return len(c.Args) > 0 && c.Args[0] == '{' }

// arguments makes what a model sent safe to keep: one line of JSON, spelled one way.
func arguments(raw string) json.RawMessage {
	text := bytes.TrimSpace([]byte(raw))
	if len(text) == 0 || string(text) == "null" { // some models send this for no arguments
		return json.RawMessage("{}")
	}
	var line bytes.Buffer
	if text[0] == '{' && json.Compact(&line, text) == nil {
		return unescape(bytes.ToValidUTF8(line.Bytes(), []byte("\uFFFD")))
	}
	quoted, err := json.Marshal(raw)
	if err != nil {
		panic(err) // a string can always be encoded
	}
	return unescape(quoted)
}

// escaped are the characters that json.Marshal writes as \u although JSON does not ask for it.
var escaped = map[string]string{"003c": "<", "003e": ">", "0026": "&", "2028": "\u2028", "2029": "\u2029"}

// unescape undoes the escapes of json.Marshal in encoded JSON.
func unescape(data json.RawMessage) json.RawMessage {
	if !bytes.Contains(data, []byte(`\u`)) {
		return data
	}
	out := make([]byte, 0, len(data))
	for i := 0; i < len(data); i++ {
		if data[i] != '\\' || i+1 >= len(data) {
			out = append(out, data[i])
			continue
		}
		if data[i+1] == 'u' && i+6 <= len(data) {
			if s, ok := escaped[string(bytes.ToLower(data[i+2:i+6]))]; ok {
				out, i = append(out, s...), i+5
				continue
			}
		}
		out, i = append(out, data[i], data[i+1]), i+1
	}
	return out
}
