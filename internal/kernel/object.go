package kernel

import (
	"bytes"
	"encoding/json"
	"strconv"
)

// An object is a JSON object whose values are decoded when they are asked for. Names are case-sensitive, unlike
// those of a Go struct, and a value of an unexpected type reads as absent. All of it is valid JSON: that was checked
// once, for the whole. It is a list and no map: most are small and asked for a few names.
type object []member

type member struct {
	name  []byte // decoded
	value json.RawMessage
}

// parseObject reads a JSON object. Other JSON is against the schema; what is not JSON is refused before that.
func parseObject(text []byte) (object, error) {
	if !json.Valid(text) {
		return nil, refuse(StageJSON, "the request is not JSON")
	}
	o := members(text)
	if o == nil {
		return nil, refuse(StageSchema, "the request is not a JSON object")
	}
	return o, nil
}

// usualMembers is as many as most objects have.
const usualMembers = 12

// members splits valid JSON into the members of its object, nil if it is none.
func members(valid []byte) object {
	i := blanks(valid, 0)
	if i == len(valid) || valid[i] != '{' {
		return nil
	}
	o := make(object, 0, usualMembers)
	for i = blanks(valid, i+1); valid[i] != '}'; {
		end := stringEnd(valid, i)
		name := valid[i+1 : end-1]
		if !plain(name) {
			decoded, _ := asString(valid[i:end])
			name = []byte(decoded)
		}
		i = blanks(valid, blanks(valid, end)+len(":"))
		end = valueEnd(valid, i)
		o = append(o, member{name, valid[i:end:end]})
		if i = blanks(valid, end); valid[i] == ',' {
			i = blanks(valid, i+1)
		}
	}
	return o
}

// elements splits valid JSON into the elements of its list, nil if it is none.
func elements(valid []byte) []json.RawMessage {
	i := blanks(valid, 0)
	if i == len(valid) || valid[i] != '[' {
		return nil
	}
	var list []json.RawMessage
	for i = blanks(valid, i+1); valid[i] != ']'; {
		end := valueEnd(valid, i)
		list = append(list, valid[i:end:end])
		if i = blanks(valid, end); valid[i] == ',' {
			i = blanks(valid, i+1)
		}
	}
	return list
}

func blanks(text []byte, i int) int {
	for i < len(text) && (text[i] == ' ' || text[i] == '\n' || text[i] == '\r' || text[i] == '\t') {
		i++
	}
	return i
}

// stringEnd is where the string ends that begins at i.
func stringEnd(valid []byte, i int) int {
	for i++; valid[i] != '"'; i++ {
		if valid[i] == '\\' {
			i++
		}
	}
	return i + 1
}

// valueEnd is where the value ends that begins at i.
func valueEnd(valid []byte, i int) int {
	for depth := 0; i < len(valid); i++ {
		switch valid[i] {
		case '"':
			if i = stringEnd(valid, i); depth == 0 {
				return i
			}
			i-- // the loop steps over it
		case '{', '[':
			depth++
		case '}', ']':
			if depth--; depth == 0 {
				return i + 1
			}
			if depth < 0 { // it closes what the value, a number or a word, stands in
				return i
			}
		case ',', ' ', '\n', '\r', '\t':
			if depth == 0 {
				return i
			}
		}
	}
	return len(valid)
}

// get returns the member with this name, nil if there is none. Of two the last counts.
func (o object) get(name string) json.RawMessage {
	for i := len(o) - 1; i >= 0; i-- {
		if string(o[i].name) == name {
			return o[i].value
		}
	}
	return nil
}

// UnmarshalJSON reads an object.
func (o *object) UnmarshalJSON(text []byte) error {
	*o = members(bytes.Clone(text)) // which json has found to be valid
	return nil
}

// MarshalJSON writes the object.
func (o object) MarshalJSON() ([]byte, error) {
	text := []byte{'{'}
	for i, m := range o {
		name, err := json.Marshal(string(m.name))
		if err != nil {
			return nil, err
		}
		if i > 0 {
			text = append(text, ',')
		}
		text = append(append(append(text, name...), ':'), m.value...)
	}
	return append(text, '}'), nil
}

func (o object) object(name string) object { return members(o.get(name)) }

func (o object) list(name string) []json.RawMessage { return elements(o.get(name)) }

func (o object) str(name string) string {
	s, _ := asString(o.get(name))
	return s
}

// num reads an integer, also one written as a string.
func (o object) num(name string) int64 {
	raw := o.get(name)
	if n, err := strconv.ParseInt(string(raw), 10, 64); err == nil || raw == nil {
		return n
	}
	var n json.Number
	if json.Unmarshal(raw, &n) != nil {
		return 0
	}
	v, err := n.Int64()
	if err != nil {
		return 0
	}
	return v
}

// asString reads a JSON string.
func asString(raw json.RawMessage) (string, bool) {
	if len(raw) < 2 || raw[0] != '"' {
		return "", false
	}
	if text := raw[1 : len(raw)-1]; plain(text) {
		return string(text), true
	}
	var s string
	return s, json.Unmarshal(raw, &s) == nil
}

// plain reports whether the inside of a JSON string says what it reads.
func plain(text []byte) bool {
	for _, c := range text {
		if c == '\\' || c >= 0x80 {
			return false
		}
	}
	return true
}
