package cover_test

import (
	"fmt"
	"reflect"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/acme/test-digest/cover"
)

// units is how long Node says that a text is.
func units(s string) int { return len(utf16.Encode([]rune(s))) }

func judged(t *testing.T, text, from, to string) map[int]bool {
	t.Helper()
	start := units(text[:strings.Index(text, from)])
	end := units(text[:strings.Index(text, from)+strings.Index(text[strings.Index(text, from):], to)+len(to)])
	report := fmt.Sprintf(`{"result":[{"url":"file:///repo/a.js","functions":[{"ranges":[{"startOffset":0,"endOffset":%d,"count":1}]},`+
		`{"ranges":[{"startOffset":%d,"endOffset":%d,"count":0}]}]}]}`, units(text), start, end)
	lines := cover.Lines{}
	if err := cover.ReadV8(report, "/repo", func(string) (string, error) { return text, nil }, lines); err != nil {
		t.Fatal(err)
	}
	return lines["a.js"]
}

func TestJudgeWideCharacters(t *testing.T) {
	const code = "export function a() {\n  return 1;\n}\n\nexport function b() {\n  return 2;\n}\nexport const c = 3;\n"
	want := map[int]bool{1: true, 2: true, 3: true, 4: true, 6: true, 7: false, 8: false, 9: true}
	for name, first := range map[string]string{
		"none": "// ok\n", "umlauts": "// äöüß\n", "one": "// \U0001f600\n", "many": "// " + strings.Repeat("\U0001f600", 40) + "\n", "at once": "\U0001f600;\n", "flags": "// \U0001f1e9\U0001f1ea é\n",
	} {
		if got := judged(t, first+code, "function b", "return 2;\n}"); !reflect.DeepEqual(got, want) {
			t.Errorf("%s: lines are %v, want %v", name, got, want)
		}
	}
}

func TestJudgeWideCharactersInTheLine(t *testing.T) {
	text := "export const a = \"\U0001f600\U0001f600\U0001f600\"; // \U0001f600\nexport function b() {\n  return \"\U0001f680\";\n}\nexport const c = 3; // \U0001f600\n"
	want := map[int]bool{1: true, 2: true, 3: false, 4: true, 5: true}
	if got := judged(t, text, "return", "\U0001f680\";"); !reflect.DeepEqual(got, want) {
		t.Errorf("lines are %v, want %v", got, want)
	}
}
