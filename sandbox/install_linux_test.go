package sandbox_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// double is an npm package whose scripts must not run unless the tests need them.
func (r *registry) double() {
	r.npm["double"] = map[string]map[string]string{"1.0.0": {
		"package.json": `{"name": "double", "version": "1.0.0", "main": "index.js"}`,
		"index.js":     "module.exports = n => 2 * n;\n",
	}}
}

var jsDouble = "import test from 'node:test';\nimport assert from 'node:assert';\nimport double from 'double';\n" +
	"test('doubles', () => assert.equal(double(2), 4));\ntest('halves', () => assert.equal(double(2), 1));\n"

// A plugin of each ecosystem whose tests need a package from a registry.
var dependents = []struct {
	name  string
	files map[string]string
	fetch string // part of the address of what is fetched
}{
	{"npm", map[string]string{"package.json": `{"type": "module", "scripts": {"test": "node --test"}, "dependencies": {"double": "^1.0.0"}}`, "a.test.js": jsDouble}, "double-1.0.0.tgz"},
	{"pnpm", map[string]string{"package.json": `{"type": "module", "scripts": {"test": "node --test"}, "dependencies": {"double": "^1.0.0"}}`, "a.test.js": jsDouble,
		"pnpm-lock.yaml": "lockfileVersion: '9.0'\n"}, "double-1.0.0.tgz"},
	{"yarn", map[string]string{"package.json": `{"type": "module", "scripts": {"test": "node --test"}, "dependencies": {"double": "^1.0.0"}}`, "a.test.js": jsDouble,
		"yarn.lock": "# yarn lockfile v1\n"}, "double-1.0.0.tgz"},
	{"bun", map[string]string{"package.json": `{"scripts": {"test": "bun test"}, "dependencies": {"double": "^1.0.0"}}`,
		"a.test.ts": "import { expect, test } from 'bun:test';\nimport double from 'double';\ntest('doubles', () => expect(double(2)).toBe(4));\ntest('halves', () => expect(double(2)).toBe(1));\n"}, "double-1.0.0.tgz"},
	{"deno", map[string]string{"deno.json": `{"imports": {"double": "npm:double@1.0.0"}, "tasks": {"test": "deno test"}}`,
		"a_test.ts": "import double from 'double';\nconst is = (a: unknown, b: unknown) => { if (a !== b) throw new Error(`${a} is not ${b}`); };\nDeno.test('doubles', () => is(double(2), 4));\nDeno.test('halves', () => is(double(2), 1));\n"}, "double-1.0.0.tgz"},
	{"go", map[string]string{"go.mod": "module example.org/plugin\n\ngo 1.21\n\nrequire example.com/double v1.0.0\n", "go.sum": goSum(),
		"a_test.go": "package plugin\n\nimport (\n\t\"testing\"\n\n\t\"example.com/double\"\n)\n\nfunc TestDoubles(t *testing.T) {\n\tif double.Double(2) != 4 {\n\t\tt.Fatal()\n\t}\n}\n\nfunc TestHalves(t *testing.T) {\n\tif double.Double(2) != 1 {\n\t\tt.Fatal()\n\t}\n}\n"}, "v1.0.0.zip"},
	{"python", map[string]string{"requirements.txt": "double==1.0.0\n", "test_a.py": "from double import double\n\ndef test_doubles():\n    assert double(2) == 4\n\ndef test_halves():\n    assert double(2) == 1\n"},
		"double-1.0.0-py3-none-any.whl"},
}

// The dependencies of a plugin are fetched once, through the proxy; its tests have them and no network.
func TestInstall(t *testing.T) {
	t.Parallel()
	for _, d := range dependents {
		t.Run(d.name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			r.double()
			box, tree := r.box(), plant(t, d.files)
			tc := tree.Toolchain()
			require.NotNil(t, tc)
			require.NotNil(t, tc.Install)
			for range 2 {
				run, err := sandbox.Test(context.Background(), box, tree, tc, "")
				require.NoError(t, err)
				require.Empty(t, run.Cause, run.Output)
				require.False(t, run.Passed)
				require.Equal(t, map[string]string{"doubles": "pass", "halves": "fail"}, statuses(run.Tests), "%s", run.Output)
				require.Equal(t, 1, r.requests(d.fetch), r.asked)
			}
			other, remove, err := tree.Checkout(tree.Base)
			require.NoError(t, err)
			t.Cleanup(func() { require.NoError(t, remove()) })
			res, err := box.Run(context.Background(), other, sandbox.Command{Toolchain: tc, Args: []string{"sh", "-c",
				"for d in /deps node_modules; do test -d $d && find $d -name '*double*' | head -1; done; echo mark >/deps/mark; echo mark >node_modules/mark; env | grep -i proxy=http; cat /proc/net/tcp | wc -l"}})
			require.NoError(t, err)
			require.Contains(t, res.Output.String(), "double")
			require.NotContains(t, res.Output.String(), "proxy=http://")
			require.True(t, strings.HasSuffix(res.Output.String(), "\n1\n"), "nothing listens: %s", res.Output)
			res, err = box.Run(context.Background(), other, sandbox.Command{Toolchain: tc, Args: []string{"sh", "-c", "cat /deps/mark node_modules/mark; true"}})
			require.NoError(t, err)
			require.NotContains(t, res.Output.String(), "mark\n", "what one command wrote over them, the next one reads")
			require.Equal(t, 1, r.requests(d.fetch), r.asked)
			require.NotEmpty(t, res.Contacts)
			require.Equal(t, registryName+":443", res.Contacts[0].Address)
		})
	}
}

// node is a plugin of Node with one dependency, and other files.
func node(more ...string) map[string]string {
	files := map[string]string{"package.json": `{"type": "module", "scripts": {"test": "node --test"}, "dependencies": {"double": "^1.0.0"}}`, "a.test.js": jsDouble}
	for i := 0; i < len(more); i += 2 {
		files[more[i]] = more[i+1]
	}
	return files
}

func TestInstallRunsNoScripts(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script, main string
		ran                bool
	}{
		{"that nobody needs", "echo 'hostile' > mark.js", "module.exports = n => 2 * n;\n", false},
		{"until tests cannot do without", "echo 'module.exports = n => 2 * n' > mark.js", "module.exports = require('./mark.js');\n", true},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			r.npm["double"] = map[string]map[string]string{"1.0.0": {"index.js": c.main,
				"package.json": `{"name": "double", "version": "1.0.0", "main": "index.js", "scripts": {"postinstall": "` + c.script + `"}}`}}
			box, tree := r.box(), plant(t, node())
			run, err := sandbox.Test(context.Background(), box, tree, tree.Toolchain(), "")
			require.NoError(t, err)
			require.Equal(t, map[string]string{"doubles": "pass", "halves": "fail"}, statuses(run.Tests), "%s", run.Output)
			res, err := box.Run(context.Background(), tree, sandbox.Command{Toolchain: tree.Toolchain(), Args: []string{"ls", "node_modules/double"}})
			require.NoError(t, err)
			require.Equal(t, c.ran, strings.Contains(res.Output.String(), "mark.js"))
		})
	}
}

func TestInstallFails(t *testing.T) {
	t.Parallel()
	lock := func(version string) string {
		return `{"lockfileVersion": 3, "packages": {"": {"dependencies": {"double": "^1.0.0"}}, "node_modules/double": {"version": "` + version +
			`", "resolved": "https://` + registryName + `/double/-/double-` + version + `.tgz"}}}`
	}
	for _, c := range []struct {
		name   string
		files  map[string]string
		tests  map[string]string
		says   string // part of the output of an installation that failed
		noted  string // part of a note
		fetch  string
		change func(*sandbox.Config)
	}{
		{name: "a pinned version is there", files: node("package-lock.json", lock("1.0.0")), tests: map[string]string{"doubles": "pass", "halves": "fail"}},
		{name: "a pinned version is gone", files: node("package-lock.json", lock("1.0.9")), tests: map[string]string{"doubles": "pass", "halves": "fail"},
			noted: "lock file names could not all be installed"},
		{name: "a package is nowhere", files: node("package.json", `{"scripts": {"test": "node --test"}, "dependencies": {"nowhere": "1"}}`), says: "404"},
		{name: "a registry is not on the list", files: node("package-lock.json", strings.ReplaceAll(lock("1.0.0"), registryName+"/", "evil.example.org/")),
			says: "evil.example.org:443 is not on the list", noted: "asked for evil.example.org:443, which was refused"},
		{name: "the repository names another registry", files: node(".npmrc", "registry=https://evil.example.org/\n@x:registry=https://${SECRET}.example.org\n"),
			change: func(c *sandbox.Config) {
				delete(c.InstallEnv, "npm_config_registry")
				delete(c.InstallEnv, "NPM_CONFIG_REGISTRY")
			},
			says: "evil.example.org:443 is not on the list", noted: "asked for evil.example.org:443, which was refused"},
		{name: "no program", files: map[string]string{"deno.json": `{"imports": {"x": "npm:x@1"}}`}, says: "no such program in the box",
			change: func(c *sandbox.Config) { *c = sandbox.WithoutPrograms(*c) }},
		{name: "it does not end", files: node(), says: "ended by timeout", change: func(c *sandbox.Config) { c.InstallTime = time.Millisecond }},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			r.double()
			var changes []func(*sandbox.Config)
			if c.change != nil {
				changes = append(changes, c.change)
			}
			box, tree := r.box(changes...), plant(t, c.files)
			run, err := sandbox.Test(context.Background(), box, tree, tree.Toolchain(), "")
			require.NoError(t, err)
			notes := strings.Join(run.Notes, "\n")
			require.Contains(t, notes, c.noted)
			if c.says == "" {
				require.Equal(t, c.tests, statuses(run.Tests), "%s", run.Output)
				require.Empty(t, run.Cause)
				return
			}
			require.Equal(t, sandbox.Install, run.Cause, "%s", run.Output)
			require.False(t, run.Passed)
			require.Empty(t, run.Tests)
			require.Contains(t, run.Output.String(), "the dependencies could not be installed")
			require.Contains(t, run.Output.String(), c.says)
		})
	}
}

// A tree that is only a directory has no place for dependencies, and says so.
func TestInstallNeedsAPlace(t *testing.T) {
	t.Parallel()
	tree := plant(t, node())
	run, err := sandbox.Test(context.Background(), native(t), &sandbox.Tree{Dir: tree.Dir}, tree.Toolchain(), "")
	require.NoError(t, err)
	require.Equal(t, sandbox.Install, run.Cause)
	require.Contains(t, run.Output.String(), "no place for its dependencies")
}

// A patch is proven for a plugin with dependencies as for any other: they are fetched once for all its runs.
func TestProveWithDependencies(t *testing.T) {
	t.Parallel()
	r := newRegistry(t)
	r.double()
	head := "import test from 'node:test';\nimport assert from 'node:assert';\nimport { four } from '../src/four.js';\n"
	tree := plant(t, map[string]string{
		"package.json":      `{"type": "module", "scripts": {"test": "node --test"}, "dependencies": {"double": "^1.0.0"}}`,
		"src/four.js":       "import double from 'double';\nexport const four = (n = 2) => double(n.valueOf());\n",
		"test/four.test.js": head + "test('four', () => assert.equal(four(), 4));\n",
	})
	require.NoError(t, tree.Write("src/four.js", "import double from 'double';\nexport const four = (n = 2) => double(n === null ? 2 : n.valueOf());\n"))
	require.NoError(t, tree.Write("test/null.test.js", head+"test('four of nothing', () => assert.equal(four(null), 4));\n"))
	tc := tree.Toolchain()
	p, err := tree.Patch(tc)
	require.NoError(t, err)
	e, err := sandbox.Prove(context.Background(), r.box(), tree, tc, p)
	require.NoError(t, err)
	require.Empty(t, e.Gaps)
	require.True(t, e.Proves())
	require.Equal(t, 1, r.requests("double-1.0.0.tgz"))
}
