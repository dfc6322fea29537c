package tools_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestWhatDoesNotParseIsSaid: in every language that plugins are written in. Types and names are not checked.
func TestWhatDoesNotParseIsSaid(t *testing.T) {
	t.Parallel()
	b := bench(t, node)
	for _, tt := range []struct{ path, text, want string }{
		{"a.go", "package a\n\nfunc f( {}\n", "note: a.go does not parse now: a.go:3:9: expected ')', found '{'"},
		{"a.json", "{,}", "note: a.json does not parse now: invalid character ',' looking for beginning of object key string\n"},
		{"a.js", "export const a = (;\n", "note: a.js does not parse now: line 1: Unexpected \";\", in \"export const a = (;\"\n"},
		{"a.cjs", "const a = 1;\nconst a = 2;\n", "note: a.cjs does not parse now: line 2: The symbol \"a\" has already been declared, in \"const a = 2;\"\n"},
		{"a.ts", "interface A { b: string\nexport const c = 1;\n", "note: a.ts does not parse now: line 2: "},
		{"b.tsx", "export const A = () => <b>;\n", "note: b.tsx does not parse now: line "},
		{"a.py", "def f(:\n    pass\n", "note: a.py does not parse now: line 1: invalid syntax\n"},
		{"c.ts", "export const f = <T,>(a: T): a is T & string => (a satisfies unknown) !== 1;\nenum E { A }\nabstract class C { private constructor(readonly d?: number) {} }\n", ""},
		{"d.mts", "const x: number = \"text\";\nawait unknown();\n", ""},
		{"e.js", "export const View = () => <p>{1}</p>;\n", ""},
		{"f.py", "def f(a: int) -> str:\n    match a:\n        case 1:\n            return unknown\n", ""},
		{"g.rb", "def (", ""},
	} {
		t.Run(tt.path, func(t *testing.T) {
			text := works(t, b, "write-patch", patch(edit(tt.path, "", tt.text))).Text
			if tt.want == "" {
				require.NotContains(t, text, "parse")
				return
			}
			require.Contains(t, text, tt.want)
		})
	}
}

// TestHostileNesting: a parser that calls itself for each level must not take the whole process down.
func TestHostileNesting(t *testing.T) {
	t.Parallel()
	b := bench(t, node)
	for _, n := range []int{400, 49_000, 400_000} {
		for i, level := range []string{"(", "[", "{", "!", "a=>", "`${", "<a>", "if(a)", "a=", "a?", "async(", "class{[", "-", "new "} {
			works(t, b, "write-patch", patch(edit(fmt.Sprintf("deep/%d/%d.tsx", n, i), "", "x = "+strings.Repeat(level, n/len(level)))))
		}
	}
}
