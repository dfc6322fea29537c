package kernel

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// FuzzMembers: objects and lists are split, and strings are read, as encoding/json does it.
func FuzzMembers(f *testing.F) {
	for _, s := range []string{`{}`, " { \"a\" : 1 ,\n\"a\":[ {\"b\":\"}\"} ,-1.5e3,null]\t} ", `[]`, `[ "a" , [] , {"x":[1,2]},true]`, `{"\u0061\"":"\\","é":"\ud83d"}`, `{"a":{"b":"\\\""}}`, `"x"`, `null`, `12`, `{"a"}`, "{\"\xff\":\"\xfe\"}"} {
		f.Add([]byte(s))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		var want map[string]json.RawMessage
		err := json.Unmarshal(text, &want)
		got, refused := parseObject(text)
		require.Equal(t, err == nil && want != nil, refused == nil)
		if refused == nil {
			for _, m := range got {
				require.Contains(t, want, string(m.name))
			}
		}
		for name, raw := range want {
			require.Equal(t, string(raw), string(got.get(name)))
		}
		if !json.Valid(text) {
			return
		}
		var list []json.RawMessage
		_ = json.Unmarshal(text, &list) // nil for what is no list
		elements := elements(text)
		require.Equal(t, len(list), len(elements))
		for i := range list {
			require.Equal(t, string(list[i]), string(elements[i]))
		}
		for name, raw := range want {
			var s *string
			err := json.Unmarshal(raw, &s)
			read, ok := asString(got.get(name))
			require.Equal(t, err == nil && s != nil, ok)
			if ok {
				require.Equal(t, *s, read)
			}
		}
	})
}
