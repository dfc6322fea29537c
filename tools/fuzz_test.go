package tools

import (
	"context"
	"encoding/json"
	"errors"
	"path"
	"strings"
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

// FuzzSyntax: a file of any kind and content parses or is told of, and the parsers survive it.
func FuzzSyntax(f *testing.F) {
	for name, text := range map[string]string{"a.js": "const a = <b c={d}>{`${e}`}</b>;", "a.ts": "enum A { B = 1 } type C<D> = D extends infer E ? E : never", "a.go": "package a\nfunc b() {", "a.json": "[[[{", "a.mjs": "import.meta", "a.tsx": "(a as any)<b>", "a.txt": "x"} {
		f.Add(name, text)
	}
	b := &Bench{}
	f.Fuzz(func(t *testing.T, name, text string) {
		if path.Ext(name) != ".py" { // Python's own parser runs in the sandbox
			said := b.syntax(t.Context(), nil, name, text)
			require.True(t, said == "" || strings.HasPrefix(said, "note: "), said)
		}
	})
}
