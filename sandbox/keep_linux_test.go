package sandbox_test

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// exported is the tree that commands leave something in.
var exported = map[string]string{"a.txt": "a\n", "b.sh": "#!/bin/sh\n", "dir/x.js": "x\n", "dir/sub/y.js": "y\n", "package.json": "{}\n", "package-lock.json": "{}\n",
	".gitattributes": "* text\n", ".github/workflows/ci.yml": "on: push\n"}

// files lists what a tree holds, with content, mode and what is not a file.
func contents(t *testing.T, dir string) map[string]string {
	t.Helper()
	all := map[string]string{}
	require.NoError(t, filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err != nil {
			return err
		}
		data := ""
		if info.Mode().IsRegular() && info.Size() < 1<<20 {
			raw, err := os.ReadFile(name)
			if err != nil {
				return err
			}
			data = string(raw)
		}
		all[strings.TrimPrefix(name, dir+"/")] = fmt.Sprintf("%v %s", info.Mode(), data)
		return nil
	}))
	return all
}

// What a hostile command leaves does not come out, in no spelling, and nothing of the tree is lost over it.
func TestKeepRefusesHostileTrees(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"git directory":                "mkdir .git; echo x >.git/config",
		"git directory, upper case":    "mkdir .GIT; echo x >.GIT/config",
		"git directory, mixed case":    "mkdir .GiT; echo x >.GiT/config",
		"git directory, dot":           "mkdir .git.; echo x >.git./config",
		"git directory, space":         "mkdir '.git '; echo x >'.git /config'",
		"git directory, dots":          "mkdir '.git. .'; echo x >'.git. ./config'",
		"git directory, short name":    "mkdir git~1; echo x >git~1/config",
		"git directory, stream":        "mkdir '.git::$INDEX_ALLOCATION'; echo x >'.git::$INDEX_ALLOCATION/config'",
		"git directory, invisible":     `d=$(printf '.g\342\200\214it'); mkdir "$d"; echo x >"$d/config"`,
		"git directory, invisible end": `d=$(printf '.git\342\200\215'); mkdir "$d"; echo x >"$d/config"`,
		"nested git directory":         "mkdir -p v/sub/.git/hooks; echo x >v/sub/.git/hooks/post-checkout",
		"git file":                     "echo 'gitdir: ./evil' >.git",
		"nested git file":              "echo 'gitdir: ../evil' >dir/.git",
		"backslash":                    `echo x >'..\evil'`,
		"backslash in a directory":     `mkdir 'a\b'; echo x >'a\b/c'`,
		"drive":                        "echo x >'C:evil'",
		"new line":                     "echo x >\"$(printf 'a\\nb')\"",
		"escape":                       "echo x >\"$(printf 'a\\033[31mb')\"",
		"delete character":             "echo x >\"$(printf 'a\\177b')\"",
		"not UTF-8":                    "echo x >\"$(printf 'a\\377b')\"",
		"reading direction":            "echo x >\"$(printf 'a\\342\\200\\256b')\"",
		"byte order mark":              "echo x >\"$(printf '\\357\\273\\277a')\"",
		"link out":                     "ln -s /etc/passwd evil",
		"link up":                      "ln -s ../../../../etc/passwd evil",
		"link in place of a file":      "rm a.txt; ln -s /etc/passwd a.txt; git init -q x 2>/dev/null; rm -rf x",
		"link in place of a directory": "mv dir /tmp/dir; ln -s /etc dir; rm dir; mv /tmp/dir dir; ln -s /etc dir2",
		"pipe":                         "mkfifo pipe",
		"socket":                       `node -e "require('net').createServer().listen('s', () => process.kill(process.pid, 9))"; true`,
		"large file":                   "head -c 9000000 /dev/zero >big",
		"sparse file":                  "truncate -s 500M sparse",
		"workflow":                     "echo 'on: push' >.github/workflows/new.yml",
		"changed workflow":             "echo 'on: pull_request_target' >.github/workflows/ci.yml",
		"removed workflow":             "rm .github/workflows/ci.yml",
		"action":                       "mkdir -p .github/actions/x; echo x >.github/actions/x/action.yml",
		"attributes":                   "echo '* filter=evil' >.gitattributes",
		"nested attributes":            "echo '* filter=evil' >dir/.gitattributes",
		"modules":                      "echo '[submodule \"--upload-pack=x\"]' >.gitmodules",
		"lfs":                          "echo '[lfs]' >.lfsconfig",
		"npm settings":                 "echo 'registry=https://evil.test' >.npmrc",
		"lock file":                    "echo '{\"evil\": 1}' >package-lock.json",
		"another lock file":            "echo evil >yarn.lock",
		"removed lock file":            "rm package-lock.json",
		"hooks of husky":               "mkdir .husky; echo evil >.husky/pre-commit",
		"owners":                       "echo '* @evil' >.github/CODEOWNERS",
		"deep path":                    `d=d; for i in 1 2 3 4 5 6 7 8 9 10 11 12; do d=$d/$(printf '%0100d' 0); done; mkdir -p "$d" && echo x >"$d/f"`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := plant(t, exported)
			before := contents(t, tree.Dir)
			res, err := native(t).Run(context.Background(), tree, sandbox.Command{Keep: true, Args: []string{"sh", "-c", script}})
			require.NoError(t, err)
			require.Equal(t, 0, res.Exit, res.Output)
			require.Empty(t, res.Changed)
			if !strings.Contains(name, "git ") && name != "pipe" && name != "socket" { // those do not even get as far as a refusal
				require.NotEmpty(t, res.Refused)
			}
			require.Equal(t, before, contents(t, tree.Dir))
			p, err := tree.Patch(nil)
			require.NoError(t, err)
			require.Empty(t, p.Files)
		})
	}
}

// Changes in bulk are refused whole.
func TestKeepRefusesFloods(t *testing.T) {
	t.Parallel()
	for name, script := range map[string]string{
		"files": "for i in $(seq 5100); do echo >f$i; done",
		"bytes": "for i in 1 2 3 4 5 6 7 8 9 10; do head -c 7000000 /dev/zero >f$i; done",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			tree := plant(t, exported)
			before := contents(t, tree.Dir)
			_, err := native(t).Run(context.Background(), tree, sandbox.Command{Keep: true, Args: []string{"sh", "-c", script}})
			require.ErrorContains(t, err, "were changed")
			require.Equal(t, before, contents(t, tree.Dir))
		})
	}
}

// What an honest command changes comes out as it is.
func TestKeepLetsHonestPatchesOut(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name, script string
		plan         []string
		changed      []string
	}{
		{"nothing", "true", nil, nil},
		{"a line", "echo b >>a.txt", nil, []string{"a.txt"}},
		{"a new file", "echo n >new.txt", nil, []string{"new.txt"}},
		{"a file in a new directory", "mkdir -p n/m; echo n >n/m/new.txt", nil, []string{"n/m/new.txt"}},
		{"a removed file", "rm a.txt", nil, []string{"a.txt"}},
		{"a removed directory", "rm -r dir", nil, []string{"dir/sub/y.js", "dir/x.js"}},
		{"a moved file", "mv a.txt c.txt", nil, []string{"a.txt", "c.txt"}},
		{"a moved directory", "mv dir other", nil, []string{"dir/sub/y.js", "dir/x.js", "other/sub/y.js", "other/x.js"}},
		{"a mode", "chmod +x b.sh", nil, []string{"b.sh"}},
		{"an empty file", "> empty", nil, []string{"empty"}},
		{"an emptied file", "> a.txt", nil, []string{"a.txt"}},
		{"bytes that are no text", `printf '\000\001\377' >bin.dat`, nil, []string{"bin.dat"}},
		{"a long line", "head -c 300000 /dev/zero | tr '\\0' x >long.txt", nil, []string{"long.txt"}},
		{"a name with spaces", "echo x >'a b.txt'", nil, []string{"a b.txt"}},
		{"a name in another script", "echo x >日本.txt", nil, []string{"日本.txt"}},
		{"a name that begins with a dash", "echo x >./-rf", nil, []string{"-rf"}},
		{"a hidden file", "echo x >.eslintrc", nil, []string{".eslintrc"}},
		{"a name near git's", "echo x >.gitignore; echo x >git.txt", nil, []string{".gitignore", "git.txt"}},
		{"many files", "for i in $(seq 10 40); do echo $i >f$i; done", nil, seq("f%d", 10, 40)},
		{"a large file", "head -c 2000000 /dev/zero >large", nil, []string{"large"}},
		{"a file rewritten as it was", "cat a.txt >b; cat b >a.txt; rm b", nil, nil},
		{"a lock file that is planned", "echo '{\"v\": 2}' >package-lock.json", []string{"package-lock.json"}, []string{"package-lock.json"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			tree := plant(t, exported)
			res, err := native(t).Run(context.Background(), tree, sandbox.Command{Keep: true, Plan: c.plan, Args: []string{"sh", "-c", c.script}})
			require.NoError(t, err)
			require.Equal(t, 0, res.Exit, res.Output)
			require.Equal(t, c.changed, res.Changed)
			require.Empty(t, res.Refused)
			twin := t.TempDir()
			require.NoError(t, writeAll(twin, exported))
			require.NoError(t, run(twin, c.script))
			require.Equal(t, contents(t, twin), contents(t, tree.Dir))
		})
	}
}

func seq(format string, from, to int) (out []string) {
	for i := from; i <= to; i++ {
		out = append(out, fmt.Sprintf(format, i))
	}
	return out
}
