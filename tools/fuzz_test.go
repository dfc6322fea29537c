package tools

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// FuzzArguments: arguments of any shape, to any tool of an empty bench, are an answer or a mistake that the model is told of.
func FuzzArguments(f *testing.F) {
	for _, s := range []string{`{}`, `{"files":"a.js"}`, `{"files":[{"path":"a","from":"3"}]}`, `{"edits":"[{\"path\":\"a\"}]"}`, `"{\"path\":1}"`, `[1]`, `null`, `{"find":"("}`, `{"title":"x","explanation":7}`, ``} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, tool := range All {
			b := &Bench{Logs: func(context.Context) (redact.Text, error) { return redact.Scrub("a\nError: boom\nb"), nil }}
			_, err := tool.call(t.Context(), b, json.RawMessage(raw))
			var m interface{ ForModel() string }
			if err != nil {
				require.True(t, errors.As(err, &m), "%s: %v", tool.Name(), err)
			}
		}
	})
}
