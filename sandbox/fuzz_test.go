package sandbox

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"
)

// FuzzReport: a report of any runner in any shape is read in bounds: what foreign code prints decides nothing but its own
// tests' names and results.
func FuzzReport(f *testing.F) {
	for _, s := range []string{
		"TAP version 13\n# Subtest: a\n    # Subtest: b\n    ok 1 - b\nnot ok 1 - a # TODO\n1..1\n",
		`{"Action":"run","Package":"p","Test":"T"}` + "\n" + `{"Action":"fail","Package":"p","Test":"T"}` + "\nplain\n",
		`{"testResults":[{"name":"/tree/a.test.js","status":"failed","assertionResults":[{"fullName":"a","status":"passed"}]}]}`,
		`<testsuites><testsuite><testcase classname="a" name="b"><failure/></testcase><testsuite/></testsuite></testsuites>`,
		"<a" + strings.Repeat("<testsuite>", 200), "", "\x00\xff", "    ok 1 - deep\n",
	} {
		f.Add([]byte(s))
	}
	readers := map[string]func([]byte) Report{"go": readGoTest, "tap": readTAP, "jest": readJest, "junit": readJUnit}
	f.Fuzz(func(t *testing.T, report []byte) {
		for name, read := range readers {
			got := read(report)
			require.LessOrEqual(t, len(got.Tests), maxTests, name)
			for _, r := range got.Tests {
				require.Contains(t, []string{"pass", "fail", "skip"}, r.Status, name)
			}
		}
	})
}

// FuzzCoverage: a coverage report of any shape names lines and nothing else.
func FuzzCoverage(f *testing.F) {
	for _, s := range []string{"mode: set\nexample.com/p/a.go:3.2,5.4 2 1\n", "SF:src/a.js\nDA:1,0\nDA:2,7\nend_of_record\n", "mode: set\nx:9999999999.1,1.1 1 1\n", "DA:,\nSF:\n", "a:1.1,99999999.1 1 1"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, report string) {
		for _, read := range []func(ran){func(r ran) { readGoCover(report, "example.com/p", r) }, func(r ran) { readLCOV(report, r) }} {
			lines := ran{}
			read(lines)
			total := 0
			for _, of := range lines {
				total += len(of)
			}
			require.LessOrEqual(t, total, 1_000_000)
		}
	})
}

// FuzzPath: no name leads out of a tree, or into git's own files.
func FuzzPath(f *testing.F) {
	for _, s := range []string{"a.txt", "../a", "/etc/passwd", "a/../../b", ".git/config", "a/.GIT/hooks/x", "link/passwd", "a\x00b", "..", ".", "", "a//b", `a\b`, "git~1/config", "\u202ea", "link",
		".git.", ".git . ./x", "GIT~1", "git~2/hooks/x", ".GiT/config", ".git::$INDEX_ALLOCATION/config", ".git:x", ".g\u200cit/config", ".git\u200d", "\ufeff.git/x", "sub/.git/config"} {
		f.Add(s)
	}
	outside, dir := f.TempDir(), f.TempDir()
	require.NoError(f, os.WriteFile(filepath.Join(outside, "secret"), []byte("the secret"), 0o600))
	require.NoError(f, os.Symlink(outside, filepath.Join(dir, "link")))
	require.NoError(f, os.Symlink(filepath.Join(outside, "secret"), filepath.Join(dir, "file")))
	require.NoError(f, os.MkdirAll(filepath.Join(dir, ".git"), 0o755))
	f.Fuzz(func(t *testing.T, name string) {
		if len(name) > 300 || strings.Count(name, "/") > 20 {
			return // the disk is no part of this
		}
		tree := &Tree{Dir: dir}
		for _, n := range []string{name, "link/" + name} {
			text, err := tree.Read(n)
			require.False(t, err == nil && strings.Contains(text, "the secret"), "%q reads what is outside", n)
			if err = tree.Write(n, "written"); err == nil {
				require.NoError(t, CheckPath(n))
				require.False(t, isGit(n), "%q is git's own to some file system", n)
				require.NoError(t, tree.Remove(n))
			}
		}
		left, err := os.ReadDir(outside)
		require.NoError(t, err)
		require.Len(t, left, 1, "%q wrote outside", name)
		left, err = os.ReadDir(filepath.Join(dir, ".git"))
		require.NoError(t, err)
		require.Empty(t, left, "%q wrote into git's own files", name)
	})
}

// isGit reports whether a part of a name is .git to some file system: HFS+ does not see characters that cannot be seen,
// NTFS neither streams nor dots and spaces at the end, neither case, and NTFS has short names.
func isGit(name string) bool {
	return slices.ContainsFunc(strings.FieldsFunc(name, func(r rune) bool { return r == '/' || r == '\\' }), func(part string) bool {
		part, _, _ = strings.Cut(part, ":")
		part = strings.Map(func(r rune) rune {
			if unicode.Is(unicode.Cf, r) {
				return -1
			}
			return unicode.ToLower(r)
		}, part)
		part = strings.TrimRight(part, ". ")
		return part == ".git" || part == "git~1" || part == "git~2"
	})
}

// FuzzPackageJSON: the manifest and scripts of any repository give a toolchain or none.
func FuzzPackageJSON(f *testing.F) {
	for _, s := range []string{`{"scripts":{"test":"node --test"}}`, `{"scripts":{"test":"cd x && NODE_ENV=test jest --ci 'a b' | tee"},"devDependencies":{"jest":"1"}}`, `{"scripts":[]}`, `{"packageManager":"pnpm@9","type":7}`, `[]`, `{"scripts":{"test":"\u0000 && "}}`} {
		f.Add(s)
	}
	dir := f.TempDir()
	f.Fuzz(func(t *testing.T, text string) {
		require.NoError(t, os.WriteFile(filepath.Join(dir, "package.json"), []byte(text), 0o600))
		tree := &Tree{Dir: dir}
		if tc := detectNode(tree); tc != nil {
			require.NotEmpty(t, tc.Name)
			require.NotEmpty(t, tc.Test(""))
		}
	})
}
