package tools_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// service is a file with tabs, spaces and repetition to edit.
const service = "export class Service {\n" +
	"    start(user) {\n" +
	"        if (user) {\n" +
	"            log(user.name);\n" +
	"        }\n" +
	"    }\n" +
	"    stop(user) {\n" +
	"        log(user.name);\n" +
	"        return 1;\n" +
	"    }\n" +
	"}\n"

var node = map[string]string{
	"package.json":      `{"name": "p", "type": "module", "scripts": {"test": "node --test"}}`,
	"src/service.js":    service,
	"src/crlf.js":       "a();\r\nb();\r\nc();\r\n",
	"src/tabs.js":       "function f() {\n\tif (x) {\n\t\ty();\n\t}\n}\n",
	"src/empty.js":      "",
	"test/a.test.js":    "import test from 'node:test';\nimport assert from 'node:assert';\ntest('one', () => assert.equal(1, 1));\ntest('two', () => assert.equal(2, 2));\n",
	"package-lock.json": "{}\n",
}

func TestWritePatchEdits(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		name            string
		path, old, new  string
		want, says      string // what the file holds then; what the model reads
		note, different bool
	}{
		{name: "exact", path: "src/service.js", old: "        return 1;", new: "        return 2;",
			want: strings.Replace(service, "return 1;", "return 2;", 1),
			says: "src/service.js: +1 -1 lines\n7|    stop(user) {\n8|        log(user.name);\n-        return 1;\n9+        return 2;\n10|    }\n11|}\n"},
		{name: "spacing ignored, indented anew", path: "src/service.js", old: "if (user) {\n  log(user.name);\n}", new: "if (user?.name) {\n  if (x) {\n    log(user.name);\n  }\n}",
			want: strings.Replace(service, "        if (user) {\n            log(user.name);\n        }\n",
				"        if (user?.name) {\n            if (x) {\n                log(user.name);\n            }\n        }\n", 1),
			says: "note: src/service.js: old matched line 3 only with spacing ignored; new was indented as the file is\n"},
		{name: "spaces where the file has tabs", path: "src/tabs.js", old: "    if (x) {\n        y();", new: "    if (x && z) {\n        if (w) {\n            y();\n        }",
			want: "function f() {\n\tif (x && z) {\n\t\tif (w) {\n\t\t\ty();\n\t\t}\n\t}\n}\n",
			says: "note: src/tabs.js: old matched line 2 only with spacing ignored"},
		{name: "line ends of another system stay", path: "src/crlf.js", old: "b();\nc();", new: "b();\nd();\nc();", want: "a();\r\nb();\r\nd();\r\nc();\r\n",
			says: "src/crlf.js: +1 -0 lines"},
		{name: "text is removed", path: "src/service.js", old: "        return 1;\n", new: "", want: strings.Replace(service, "        return 1;\n", "", 1), says: "+0 -1 lines"},
		{name: "a new file", path: "src/deep/new.js", new: "x();\n", want: "x();\n", says: "src/deep/new.js is new, 1 lines\n"},
		{name: "an empty file is filled", path: "src/empty.js", new: "x();\n", want: "x();\n", says: "src/empty.js: +1 -0 lines"},
		{name: "what does not parse is said", path: "data.json", new: "{,}", want: "{,}", says: "note: data.json does not parse now: invalid character ',' looking for beginning of object key string\n"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			t.Parallel()
			b := bench(t, node)
			r := works(t, b, "write-patch", patch(edit(tt.path, tt.old, tt.new)))
			got, err := b.Tree.Read(tt.path)
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
			require.Contains(t, r.Text, tt.says)
			require.Regexp(t, `^tree [0-9a-f]{12}$`, r.State)
		})
	}
}

func TestWritePatchRefuses(t *testing.T) {
	t.Parallel()
	b := bench(t, node)
	works(t, b, "clone-repo", "{}")
	for _, tt := range []struct {
		name string
		edit map[string]any
		want string
	}{
		{"twice", edit("src/service.js", "log(user.name);", "x"), "old occurs 2 times in src/service.js, at lines 4, 8: add lines around it until it is unique"},
		{"twice with spacing ignored", edit("src/service.js", "log(user.name);  ", "x"),
			"old is not in src/service.js as written; with spacing ignored it occurs 2 times: copy it exactly, with lines around it"},
		{"nowhere", edit("src/service.js", "stop(user) {\n    log(user.id);\n    return 1;", "x"),
			"old does not occur in src/service.js. Closest are lines 7 to 9; - is what you sent, + is what the file holds:\n" +
				"-stop(user) {\n-    log(user.id);\n-    return 1;\n+    stop(user) {\n+        log(user.name);\n+        return 1;\n"},
		{"nowhere near", edit("src/tabs.js", "absent", "x"), "old does not occur in src/tabs.js. Read the file again and copy the lines exactly"},
		{"spacing only", edit("src/tabs.js", "   \n", "x"), "old holds nothing but spacing: name the lines to replace"},
		{"nothing changes", edit("src/tabs.js", "y();", "y();"), "old and new are equal, so nothing would change in src/tabs.js"},
		{"nothing changes but spacing in old", edit("src/tabs.js", "if  (x) {", "if (x) {"), "src/tabs.js already holds this, so nothing would change"},
		{"a file that exists", edit("src/tabs.js", "", "x"), "src/tabs.js exists: give the text to replace in old"},
		{"an empty new file", edit("src/b.js", "", ""), "src/b.js would be an empty file"},
		{"a file that is elsewhere", edit("lib/service.js", "a", "b"), "lib/service.js does not exist, so old cannot be in it. There is src/service.js"},
		{"delete what is not there", map[string]any{"path": "nope.js", "delete": true}, "nope.js does not exist"},
		{"delete and write", map[string]any{"path": "src/tabs.js", "new": "x", "delete": true}, "src/tabs.js: delete goes without old and new"},
		{"outside", edit("../x", "", "y"), `"../x" is not a path inside the repository: write it relative to its root, without . and ..`},
		{"absolute", edit("/etc/passwd", "", "y"), `"/etc/passwd" is not a path inside the repository: write it relative to its root, without . and ..`},
		{"git", edit(".GIT/hooks/post-checkout", "", "y"), `".GIT/hooks/post-checkout": git's own directory is out of bounds`},
		{"a workflow", edit(".github/workflows/x.yml", "", "y"), ".github/workflows/x.yml may not be changed: it controls what runs in the project's automation"},
		{"owners", edit("docs/CODEOWNERS", "", "y"), "docs/CODEOWNERS may not be changed: it changes who owns the code or how tools treat it"},
		{"a lock file", edit("package-lock.json", "{}", "y"), "package-lock.json may not be changed: lock files change only with dependencies, which a fix leaves alone"},
		{"an environment", edit("app/.env.production", "", "y"), "app/.env.production may not be changed: it is a place for secrets"},
		{"instructions", edit("AGENTS.md", "", "y"), "AGENTS.md may not be changed: it instructs other agents"},
		{"what was built", edit("dist/index.js", "", "y"), "dist/index.js may not be changed: it is generated or belongs to somebody else: change its source"},
		{"a manifest", edit("package.json", "node --test", "true"), "package.json may not be changed: it says what the project depends on and how it is built and tested, which a fix leaves alone"},
		{"terms", edit("LICENSE", "", "y"), "LICENSE may not be changed: it says what people may do with the code"},
		{"a test goes", map[string]any{"path": "test/a.test.js", "delete": true}, "test/a.test.js holds tests of the project and may not be deleted: make the code pass them"},
		{"a test is lost", edit("test/a.test.js", "test('two', () => assert.equal(2, 2));\n", ""), "test/a.test.js would lose tests (2, now 1): add to it, remove nothing"},
		{"an assertion is lost", edit("test/a.test.js", "assert.equal(2, 2)", "{}"), "test/a.test.js would lose assertions (2, now 1): add to it, remove nothing"},
		{"a test is skipped", edit("test/a.test.js", "test('two'", "test.skip('two'"), "test/a.test.js would skip tests or leave others out: make the code pass them"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			require.Equal(t, "nothing was changed. edit 1: "+tt.want, says(t, b, "write-patch", patch(tt.edit)))
		})
	}
	p, err := b.Tree.Patch(nil)
	require.NoError(t, err)
	require.Empty(t, p.Files)
	require.Equal(t, "edits must hold 1 to 40 edits, it holds 0", says(t, b, "write-patch", `{"edits":[]}`))
}

func TestWritePatchIsAllOrNothing(t *testing.T) {
	t.Parallel()
	b := bench(t, node)
	told := says(t, b, "write-patch", patch(edit("src/new.js", "", "x"), edit("src/tabs.js", "absent", "x"), edit("src/tabs.js", "y();", "z();"), edit(".npmrc", "", "x")))
	require.Equal(t, "nothing was changed. edit 2: old does not occur in src/tabs.js. Read the file again and copy the lines exactly\n"+
		"edit 4: .npmrc may not be changed: it changes who owns the code or how tools treat it", told)
	require.False(t, b.Tree.Has("src/new.js"))

	// One that only the tree refuses undoes those before it.
	told = says(t, b, "write-patch", patch(edit("src/a.js", "", "x"), edit("src/tabs.js/x.js", "", "x")))
	require.NotEmpty(t, told)
	require.False(t, b.Tree.Has("src/a.js"))
}

func TestWritePatchEditsBuildOnEachOther(t *testing.T) {
	t.Parallel()
	b := bench(t, node)
	r := works(t, b, "write-patch", patch(edit("src/tabs.js", "y();", "y(1);"), edit("src/tabs.js", "y(1);", "y(2);"), edit("n.js", "", "a\n"), edit("n.js", "a", "b")))
	require.Equal(t, "n.js is new, 1 lines\nsrc/tabs.js: +1 -1 lines\n1|function f() {\n2|\tif (x) {\n-\t\ty();\n3+\t\ty(2);\n4|\t}\n5|}\n", r.Text)
	first := r.State

	r = works(t, b, "write-patch", patch(edit("src/tabs.js", "y(2);", "y(3);")))
	require.NotEqual(t, first, r.State)
	r = works(t, b, "write-patch", patch(edit("src/tabs.js", "y(3);", "y(2);")))
	require.Equal(t, first, r.State, "the same files are the same state")
}

func TestATestOfItsOwnMayGoAgain(t *testing.T) {
	t.Parallel()
	b := bench(t, node)
	works(t, b, "write-patch", patch(edit("test/b.test.js", "", "test('b', () => {});\n")))
	works(t, b, "write-patch", patch(map[string]any{"path": "test/b.test.js", "delete": true}))
	// What was added to a test of the project may be taken back, the test itself may not.
	works(t, b, "write-patch", patch(edit("test/a.test.js", "test('two'", "test('three', () => {});\ntest('two'")))
	works(t, b, "write-patch", patch(edit("test/a.test.js", "test('three', () => {});\n", "")))
	require.Contains(t, says(t, b, "write-patch", patch(map[string]any{"path": "test/a.test.js", "delete": true})), "may not be deleted")
}
