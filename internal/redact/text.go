// Package redact keeps secrets out of everything that is stored, logged or shown.
//
// A Text has passed Scrub; a Secret prints as "[secret]". What must never leak is
// therefore a matter of types: functions that publish take Text.
package redact

import (
	"encoding/json"
	"strings"
)

// A Text is text without secrets. Scrub is its only constructor; decoding a Text from JSON scrubs again.
type Text struct{ s string }

// Join concatenates texts with sep between them. What two halves of a secret would make together is scrubbed again.
func Join(texts []Text, sep string) Text {
	parts := make([]string, len(texts))
	for i, t := range texts {
		parts[i] = t.s
	}
	return Scrub(strings.Join(parts, sep))
}

// String returns the clean text.
func (t Text) String() string { return t.s }

// Empty reports whether t holds nothing.
func (t Text) Empty() bool { return t.s == "" }

// MarshalJSON writes t as a JSON string.
func (t Text) MarshalJSON() ([]byte, error) { return json.Marshal(t.s) }

// UnmarshalJSON reads a JSON string and scrubs it.
func (t *Text) UnmarshalJSON(data []byte) error {
	var s string
	if err := json.Unmarshal(data, &s); err != nil {
		return err
	}
	*t = Scrub(s)
	return nil
}
