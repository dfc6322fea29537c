package tools_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestEveryErrorSentenceIsPinned: each sentence that a tool or a tree tells the model when it errs stands in a test as the
// model reads it, so that no change of it goes unnoticed.
func TestEveryErrorSentenceIsPinned(t *testing.T) {
	t.Parallel()
	var said []string // formats
	var pinned []string
	for _, pattern := range []string{"*.go", "../sandbox/*.go"} {
		names, err := filepath.Glob(pattern)
		require.NoError(t, err)
		for _, name := range names {
			text, err := os.ReadFile(name)
			require.NoError(t, err)
			file, err := parser.ParseFile(token.NewFileSet(), name, text, parser.SkipObjectResolution)
			require.NoError(t, err)
			test := strings.HasSuffix(name, "_test.go")
			ast.Inspect(file, func(n ast.Node) bool {
				switch n := n.(type) {
				case *ast.CallExpr:
					if f, ok := n.Fun.(*ast.Ident); ok && !test && (f.Name == "mistakef" || f.Name == "refuse") {
						said = append(said, literal(n.Args[0]))
					}
				case ast.Expr:
					if s := literal(n); test && s != "" {
						pinned = append(pinned, s)
						return false
					}
				}
				return true
			})
		}
	}
	require.Greater(t, len(said), 90)
	var loose []string
	verb := regexp.MustCompile(`%[.0-9]*[a-z]`)
	for _, format := range said {
		if strings.HasPrefix(format, "the repository has more than") || strings.HasPrefix(format, "the history of %s is not at hand") {
			continue // it would take a hundred thousand files, or a clone of the latest commits over a network
		}
		parts := verb.Split(format, -1)
		if !slices.ContainsFunc(pinned, func(text string) bool { return inOrder(text, parts) }) {
			loose = append(loose, format)
		}
	}
	require.Empty(t, loose, "no test pins these, and none of them is too costly to bring about")
}

// inOrder reports whether text holds all parts, one after the other.
func inOrder(text string, parts []string) bool {
	for _, p := range parts {
		_, after, ok := strings.Cut(text, p)
		if !ok {
			return false
		}
		text = after
	}
	return true
}

// literal is the text that an expression writes down, with a mark for each part that is not written down; "" if none is.
func literal(e ast.Expr) string {
	switch e := e.(type) {
	case *ast.BasicLit:
		if s, err := strconv.Unquote(e.Value); e.Kind == token.STRING && err == nil {
			return s
		}
	case *ast.BinaryExpr:
		if e.Op == token.ADD {
			if a, b := literal(e.X), literal(e.Y); a+b != "" {
				return a + b
			}
		}
	}
	return ""
}

// TestWhatATreeRefuses: what files the model may name, and what a patch may hold.
func TestWhatATreeRefuses(t *testing.T) {
	t.Parallel()
	b := bench(t, map[string]string{"go.mod": divide["go.mod"], "src/a.go": "package a\n", "large.txt": strings.Repeat("x", 1<<20+1)})
	works(t, b, "clone-repo", "{}")
	require.NoError(t, os.Symlink("src/a.go", filepath.Join(b.Tree.Dir, "link.go")))
	require.NoError(t, os.Symlink("/etc", filepath.Join(b.Tree.Dir, "away")))
	read := func(path string) map[string]any { return map[string]any{"files": []map[string]any{{"path": path}}} }
	long := strings.Repeat("x", 1025)
	for _, tt := range []struct {
		name, tool string
		args       any
		want       string
	}{
		{"a directory", "read-file", read("src"), "src is a directory: name a file in it"},
		{"a link", "read-file", read("link.go"), "link.go is not a regular file: links and special files are not read"},
		{"a link that leads away", "read-file", read("away/passwd"), "away/passwd leads out of the repository: name a file inside it"},
		{"much", "read-file", read("large.txt"), "large.txt has 1048577 bytes, more than the 1048576 that may be read at once"},
		{"much of the past", "read-file", map[string]any{"files": []map[string]any{{"path": "large.txt"}}, "at": b.Tree.Base}, "large.txt has 1048577 bytes, more than the 1048576 that may be read at once"},
		{"nothing", "read-file", read(""), "no file is named: give a path relative to the repository"},
		{"a long name", "read-file", read(long), "the path has 1025 bytes, more than 1024"},
		{"a name that hides", "read-file", read("a\x00b"), `"a\x00b" holds characters that a file name may not have`},
		{"a name of another system", "read-file", read(`src\a.go`), `"src\\a.go": use / between directories, and neither \ nor : in names`},
		{"a file in a file", "write-patch", patch(edit("src/a.go/b.go", "", "x")), "src/a.go/b.go: a file stands where a directory is needed, or the other way round"},
		{"a directory that goes", "write-patch", patch(map[string]any{"path": "src", "delete": true}), "nothing was changed. edit 1: src does not exist"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, tt.want, says(t, b, tt.tool, tt.args))
		})
	}
	require.EqualError(t, b.Tree.Remove("src"), "src is a directory: name the files to remove")
	require.EqualError(t, b.Tree.Write("link.go", "x"), "link.go is not a regular file: choose another name")
	require.EqualError(t, b.Tree.Write("b.go", strings.Repeat("x", 1<<20+1)), "b.go would have 1048577 bytes, more than the 1048576 that may be written")
	require.ErrorContains(t, b.Tree.Apply("--- a/x\n+++ b/x\n@@ -1 +1 @@\n"), "the patch cannot be read: ")
	require.EqualError(t, b.Tree.Apply("diff --git a/x b/y\nsimilarity index 100%\nrename from x\nrename to y\n"), "the patch renames y or is not text there, so it cannot be applied")
}

// TestPatchesHoldRegularFiles: links and what is too large are not proposed.
func TestPatchesHoldRegularFiles(t *testing.T) {
	t.Parallel()
	files := map[string]string{"go.mod": divide["go.mod"]}
	for _, tt := range []struct {
		name, want string
		change     func(dir string) error
	}{
		{"a new link", "new.go is not a regular file: a patch changes regular files only", func(dir string) error { return os.Symlink("ratio.go", filepath.Join(dir, "new.go")) }},
		{"a link that leads elsewhere", "link is a link that was changed: a patch changes regular files only", func(dir string) error {
			return errors.Join(os.Remove(filepath.Join(dir, "link")), os.Symlink("elsewhere", filepath.Join(dir, "link")))
		}},
		{"a large file", "big.txt has 8388609 bytes: a patch holds no file of more than 8388608", func(dir string) error {
			return os.WriteFile(filepath.Join(dir, "big.txt"), make([]byte, 8<<20+1), 0o644)
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			dir := origin(t, files)
			require.NoError(t, os.Symlink("go.mod", filepath.Join(dir, "link")))
			commit(t, dir)
			b := cloned(t, bench(t, files), dir)
			works(t, b, "clone-repo", "{}")
			require.NoError(t, tt.change(b.Tree.Dir))
			require.Equal(t, tt.want, says(t, b, "open-pr", proposal))
		})
	}
}

// TestTestsThatCannotBeRun: what the model is told when the project has no such tests, or nothing to run them.
func TestTestsThatCannotBeRun(t *testing.T) {
	t.Parallel()
	b := bench(t, map[string]string{"package.json": `{"scripts": {"test": "echo ran"}}`, "a.test.js": "", "b_test.txt": ""})
	require.Equal(t, "this run does not tell one test from another, so name cannot be used: PASS (exit 0)", says(t, b, "run-tests", `{"name":"adds"}`))

	b = bench(t, divide)
	require.Equal(t, `none of the 1 tests has a name that contains "Nobody". There are: example.com/plugin.TestRatio`, says(t, b, "run-tests", `{"name":"Nobody"}`))

	b = bench(t, map[string]string{"go.mod": divide["go.mod"], "red_test.go": "package plugin\n\nimport \"testing\"\n\nfunc TestRed(t *testing.T) { t.Fatal() }\n"})
	require.Equal(t, "you have written no test yet: write one that fails first", says(t, b, "bisect", `{"file":"red_test.go"}`))

	b.Box = nil
	args := patch(edit("a.go", "", "package plugin\n"))
	args["test"] = "red_test.go"
	require.Equal(t, "a.go is new, 1 lines\n\nno test was run: tests cannot be run here, so no fix can be proven: call give-up", works(t, b, "write-patch", args).Text)
}
