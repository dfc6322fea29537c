package tools

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// schema describes the struct Args as JSON Schema. Every field needs a json tag, and a doc tag where its name
// does not say all; an enum tag lists the values a string may have; a field with omitempty may be left out.
func schema[Args any]() map[string]any { return object(reflect.TypeFor[Args]()) }

func object(t reflect.Type) map[string]any {
	props, required := map[string]any{}, []string{}
	for _, f := range fields(t) {
		p := kind(f.typ)
		if f.doc != "" {
			p["description"] = f.doc
		}
		if len(f.enum) > 0 {
			p["enum"] = f.enum
		}
		props[f.name] = p
		if !f.optional {
			required = append(required, f.name)
		}
	}
	if len(required) == 0 {
		return map[string]any{"type": "object", "properties": props}
	}
	return map[string]any{"type": "object", "properties": props, "required": required}
}

// ofGreen is the end of a description that tells of the value green.
var ofGreen = regexp.MustCompile(` green: [^.]*\.$`)

// withoutGreen is a schema whose parameters cannot be green.
func withoutGreen(object map[string]any) map[string]any {
	props := map[string]any{}
	for name, p := range object["properties"].(map[string]any) {
		one := maps.Clone(p.(map[string]any))
		if doc, ok := one["description"].(string); ok {
			one["description"] = ofGreen.ReplaceAllString(doc, "")
		}
		if values, ok := one["enum"].([]string); ok {
			one["enum"] = slices.DeleteFunc(slices.Clone(values), func(v string) bool { return v == "green" })
		}
		props[name] = one
	}
	out := maps.Clone(object)
	out["properties"] = props
	return out
}

func kind(t reflect.Type) map[string]any {
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}
	case reflect.Int:
		return map[string]any{"type": "integer"}
	case reflect.Bool:
		return map[string]any{"type": "boolean"}
	case reflect.Slice:
		return map[string]any{"type": "array", "items": kind(t.Elem())}
	case reflect.Struct:
		return object(t)
	}
	panic(fmt.Sprintf("%s cannot be a parameter", t)) // found by the first test that loads the package
}

// A field is one parameter as its struct declares it.
type field struct {
	name, doc string
	enum      []string
	optional  bool
	typ       reflect.Type
}

func fields(t reflect.Type) []field {
	var out []field
	for i := range t.NumField() {
		f := t.Field(i)
		name, opts, _ := strings.Cut(f.Tag.Get("json"), ",")
		one := field{name: name, doc: f.Tag.Get("doc"), optional: opts == "omitempty", typ: f.Type}
		if e := f.Tag.Get("enum"); e != "" {
			one.enum = strings.Split(e, ",")
		}
		out = append(out, one)
	}
	return out
}

// decode reads arguments as models write them: numbers and lists that came as text are taken for what they mean, a
// single value for a list of one. What is left is the model's mistake.
func decode[Args any](raw json.RawMessage) (Args, error) {
	var args Args
	if len(bytes.TrimSpace(raw)) == 0 {
		raw = json.RawMessage("{}")
	}
	fixed, err := mend(raw, reflect.TypeFor[Args](), "")
	if err != nil {
		return args, err
	}
	if err := json.Unmarshal(fixed, &args); err != nil {
		return args, fmt.Errorf("decode arguments that fit: %w", err)
	}
	return args, nil
}

// mend makes raw fit t, or says why it does not. at is where in the arguments it stands.
func mend(raw json.RawMessage, t reflect.Type, at string) (json.RawMessage, error) {
	raw = bytes.TrimSpace(raw)
	text, isText := unquote(raw)
	switch t.Kind() {
	case reflect.String:
		if isText {
			return raw, nil
		}
		if json.Valid(raw) && raw[0] != '{' && raw[0] != '[' {
			return json.Marshal(string(raw))
		}
		return nil, mistakef("%s must be text", at)
	case reflect.Int:
		if isText {
			raw = json.RawMessage(strings.TrimSpace(text))
		}
		f, err := strconv.ParseFloat(string(raw), 64)
		if err != nil || f != float64(int(f)) {
			return nil, mistakef("%s must be a whole number", at)
		}
		return json.Marshal(int(f))
	case reflect.Bool:
		if isText {
			raw = json.RawMessage(strings.ToLower(strings.TrimSpace(text)))
		}
		if s := string(raw); s != "true" && s != "false" {
			return nil, mistakef("%s must be true or false", at)
		}
		return raw, nil
	case reflect.Slice:
		return mendList(raw, t, at)
	default:
		return mendObject(raw, t, at)
	}
}

func mendList(raw json.RawMessage, t reflect.Type, at string) (json.RawMessage, error) {
	if text, ok := unquote(raw); ok && (t.Elem().Kind() != reflect.String || strings.HasPrefix(strings.TrimSpace(text), "[")) {
		raw = bytes.TrimSpace([]byte(text))
	}
	var items []json.RawMessage
	if json.Unmarshal(raw, &items) != nil {
		if !json.Valid(raw) {
			return nil, mistakef("%s must be a list", at)
		}
		items = []json.RawMessage{raw}
	}
	out := make([]json.RawMessage, 0, len(items))
	for i, item := range items {
		fixed, err := mend(item, t.Elem(), fmt.Sprintf("%s[%d]", at, i))
		if err != nil {
			return nil, err
		}
		out = append(out, fixed)
	}
	return json.Marshal(out)
}

func mendObject(raw json.RawMessage, t reflect.Type, at string) (json.RawMessage, error) {
	if text, ok := unquote(raw); ok {
		raw = json.RawMessage(text)
	}
	var have map[string]json.RawMessage
	if json.Unmarshal(raw, &have) != nil || have == nil {
		return nil, mistakef("%s must be an object", orArguments(at))
	}
	out, names := map[string]json.RawMessage{}, []string{}
	for _, f := range fields(t) {
		names = append(names, f.name)
		item, ok := have[f.name]
		delete(have, f.name)
		if !ok || string(item) == "null" {
			if !f.optional {
				return nil, mistakef("%s lacks %q%s", orArguments(at), f.name, strings.TrimSuffix(": "+f.doc, ": "))
			}
			continue
		}
		fixed, err := mend(item, f.typ, strings.TrimPrefix(at+"."+f.name, "."))
		if err != nil {
			return nil, err
		}
		if s, ok := unquote(fixed); ok && len(f.enum) > 0 && !slices.Contains(f.enum, s) && (s != "" || !f.optional) {
			return nil, mistakef("%s is %q, want one of %s", f.name, s, strings.Join(f.enum, ", "))
		}
		out[f.name] = fixed
	}
	for name := range have {
		return nil, mistakef("%s has no field %q: the fields are %s", orArguments(at), name, strings.Join(names, ", "))
	}
	return json.Marshal(out)
}

func orArguments(at string) string {
	if at == "" {
		return "the call"
	}
	return at
}

func unquote(raw json.RawMessage) (string, bool) {
	var s string
	if len(raw) == 0 || raw[0] != '"' || json.Unmarshal(raw, &s) != nil {
		return "", false
	}
	return s, true
}
