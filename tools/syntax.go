package tools

import (
	"context"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"path"
	"strings"
	"time"

	"github.com/evanw/esbuild/pkg/api"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// dialects are the kinds of JavaScript that are parsed here. Types are read over, not checked.
var dialects = map[string]api.Loader{".js": api.LoaderJSX, ".mjs": api.LoaderJS, ".cjs": api.LoaderJS, ".jsx": api.LoaderJSX,
	".ts": api.LoaderTS, ".mts": api.LoaderTS, ".cts": api.LoaderTS, ".tsx": api.LoaderTSX}

// syntax says whether a file that was written does not parse, "" if it does or if its kind cannot be parsed here. Whether
// names and types fit is for the tests to show.
func (b *Bench) syntax(ctx context.Context, t *sandbox.Tree, name, text string) string {
	var err error
	switch ext := path.Ext(name); {
	case ext == ".go":
		_, err = parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
	case ext == ".json":
		var v any
		err = json.Unmarshal([]byte(text), &v)
	case ext == ".py":
		err = b.python(ctx, t, name)
	default:
		if loader, ok := dialects[ext]; ok {
			err = javaScript(loader, text)
		}
	}
	if err != nil {
		return fmt.Sprintf("note: %s does not parse now: %v\n", name, err)
	}
	return ""
}

// Bounds of what is parsed in this process. The parser calls itself for each level, and a stack that is used up would end
// the whole process; no file that a person writes is so deep.
const (
	parseMax = 50_000 // bytes
	depthMax = 500    // open brackets
)

// tame reports whether text is within these bounds. Brackets in texts and comments count too, to be on the safe side.
func tame(text string) bool {
	depth := 0
	for i := 0; i < len(text) && depth <= depthMax; i++ {
		switch text[i] {
		case '(', '[', '{':
			depth++
		case ')', ']', '}':
			depth = max(depth-1, 0)
		}
	}
	return len(text) <= parseMax && depth <= depthMax
}

// javaScript parses any kind of JavaScript: nothing of it is run.
func javaScript(loader api.Loader, text string) error {
	if !tame(text) {
		return nil
	}
	out := api.Transform(text, api.TransformOptions{Loader: loader, LogLevel: api.LogLevelSilent, JSX: api.JSXPreserve})
	if len(out.Errors) == 0 {
		return nil
	}
	first := out.Errors[0]
	if at := first.Location; at != nil {
		return fmt.Errorf("line %d: %s, in %q", at.Line, first.Text, strings.TrimSpace(clip(at.LineText, 120)))
	}
	return fmt.Errorf("%s", first.Text)
}

// compilePy parses the file that it is told, and runs nothing of it.
const compilePy = `import ast, sys
try:
    ast.parse(open(sys.argv[1], "rb").read())
except SyntaxError as e:
    print("line %s: %s" % (e.lineno, e.msg))
    sys.exit(3)
`

// python parses with the Python of the box, since no other knows its version. Where there is none, nothing is said.
func (b *Bench) python(ctx context.Context, t *sandbox.Tree, name string) error {
	if b.Box == nil {
		return nil
	}
	res, err := b.Box.Run(ctx, t, sandbox.Command{Args: []string{"python3", "-c", compilePy, name}, Timeout: 20 * time.Second})
	if err != nil || res.Exit != 3 {
		return nil //nolint:nilerr // there is no Python, or it did not say that the file is wrong
	}
	return fmt.Errorf("%s", strings.TrimSpace(res.Output.String()))
}
