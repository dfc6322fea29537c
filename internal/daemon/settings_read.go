package daemon

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// ParseSettings reads settings leniently: what cannot be read keeps its default and is named in a warning, and
// everything else counts. A bound that cannot be read stops what it was to bound.
func ParseSettings(raw json.RawMessage) (Settings, []string) {
	s := Settings{MaxBodyChars: maxBody, DedupeWindowHours: windowHours}
	var fields map[string]json.RawMessage
	if len(raw) == 0 || string(raw) == "null" {
		return s, nil
	}
	if err := json.Unmarshal(raw, &fields); err != nil || fields == nil {
		return s, []string{"the settings should be names with values and are " + kindOf(raw) + "; defaults are used"}
	}
	warnings := s.readFields("", fields, reflect.ValueOf(&s).Elem())
	if s.MaxBodyChars < 2000 || s.MaxBodyChars > maxBody {
		warnings = append(warnings, fmt.Sprintf("setting maxBodyChars should be from 2000 to %d and is %d; %d is used", maxBody, s.MaxBodyChars, maxBody))
		s.MaxBodyChars = maxBody
	}
	if s.DedupeWindowHours < 1 || s.DedupeWindowHours > 100*windowHours {
		warnings = append(warnings, fmt.Sprintf("setting dedupeWindowHours should be from 1 to %d and is %d; %d is used", 100*windowHours, s.DedupeWindowHours, windowHours))
		s.DedupeWindowHours = windowHours
	}
	for _, mode := range s.Modes {
		if !contains([]string{"issue", "pr"}, mode) {
			warnings = append(warnings, fmt.Sprintf("setting modes names %q, which is neither issue nor pr; it does nothing", mode))
		}
	}
	for name, command := range map[string]*string{"install": &s.Commands.Install, "test": &s.Commands.Test} {
		if len(*command) > maxCommand || strings.ContainsFunc(*command, unicode.IsControl) {
			warnings = append(warnings, fmt.Sprintf("setting commands.%s should be one line of at most %d characters; what is found out is used", name, maxCommand))
			*command = ""
		}
	}
	for _, name := range s.AllowlistRepos {
		if _, err := hotfix.ParseRepo(name); err != nil {
			warnings = append(warnings, fmt.Sprintf("setting allowlistRepos: %v", err))
		}
	}
	return s, warnings
}

const maxCommand = 400

// readFields reads each field into the one of its name. Names are case-sensitive, as the kernel's own are.
func (s *Settings) readFields(prefix string, fields map[string]json.RawMessage, into reflect.Value) (warnings []string) {
	known := map[string]reflect.Value{}
	for i := range into.NumField() {
		if name, _, _ := strings.Cut(into.Type().Field(i).Tag.Get("json"), ","); name != "" {
			known[name] = into.Field(i)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(fields)) {
		raw, field := fields[name], known[name]
		switch {
		case !field.IsValid():
			warnings = append(warnings, fmt.Sprintf("there is no setting %q%s", prefix+name, nearest(prefix, name, slices.Sorted(maps.Keys(known)))))
		case string(raw) == "null": // as if it were not there
		case field.Kind() == reflect.Struct:
			var inner map[string]json.RawMessage
			if json.Unmarshal(raw, &inner) != nil {
				warnings = append(warnings, s.mistyped(prefix+name, "names with values", raw))
				continue
			}
			warnings = append(warnings, s.readFields(prefix+name+".", inner, field)...)
		default:
			if want := readField(raw, field); want != "" {
				warnings = append(warnings, s.mistyped(prefix+name, want, raw))
			}
		}
	}
	return warnings
}

// readField reads raw into field, or says what it should have been. One text is also a list of one, and a quoted true is true.
func readField(raw json.RawMessage, field reflect.Value) (want string) {
	v := reflect.New(field.Type())
	err := json.Unmarshal(raw, v.Interface())
	var one string
	if err != nil && json.Unmarshal(raw, &one) == nil {
		if field.Kind() == reflect.Slice {
			v.Elem().Set(reflect.ValueOf([]string{one}))
			err = nil
		} else if one == "true" || one == "false" {
			err = json.Unmarshal([]byte(one), v.Interface())
		}
	}
	if err == nil {
		field.Set(v.Elem())
		return ""
	}
	kind := field.Type()
	if kind.Kind() == reflect.Pointer {
		kind = kind.Elem()
	}
	switch kind.Kind() {
	case reflect.Bool:
		return "true or false"
	case reflect.Int:
		return "a whole number"
	case reflect.Float64:
		return "a number"
	case reflect.Slice:
		return "a list of texts"
	}
	return "a text"
}

// bounds are the settings that hold the daemon back, each with what is in it.
var bounds = []string{"enabled", "allowlistRepos", "modes", "riskPolicy", "model", "budget"}

func (s *Settings) mistyped(name, want string, raw json.RawMessage) string {
	of, _, _ := strings.Cut(name, ".")
	if slices.Contains(bounds, of) {
		s.unread = append(s.unread, name)
	}
	return fmt.Sprintf("setting %q should be %s and is %s; its default is used", name, want, kindOf(raw))
}

// kindOf says in words what a JSON value is. The value itself may be a secret in the wrong place.
func kindOf(raw json.RawMessage) string {
	var v any
	_ = json.Unmarshal(raw, &v) // what is no JSON is nothing
	switch v.(type) {
	case bool:
		return "true or false"
	case float64:
		return "a number"
	case string:
		return "a text"
	case []any:
		return "a list"
	case map[string]any:
		return "names with values"
	}
	return "nothing"
}

// nearest suggests the known name that name was most likely meant to be, if there is one.
func nearest(prefix, name string, known []string) string {
	best, at := "", 4 // more typing errors than these make another word
	for _, k := range known {
		if n := distance(strings.ToLower(name), strings.ToLower(k)); n < at && n < len(k)/2+1 {
			best, at = k, n
		}
	}
	if best == "" {
		return ""
	}
	return fmt.Sprintf("; did you mean %q?", prefix+best)
}

// distance is how many letters must be changed, added or dropped to make b of a.
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		last := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := last
			if a[i] != b[j] {
				change++
			}
			last = row[j+1]
			row[j+1] = min(change, row[j]+1, last+1)
		}
	}
	return row[len(b)]
}
