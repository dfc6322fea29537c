package sandbox_test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// Attempts that are judged by what the machine does with a tree afterwards. MARK is a file that hostile code would
// make on the machine, SECRET one that it would read there. harm shows the harm where no box holds the script: it uses
// the tree as a careless program would.
var hostAttempts = []struct {
	name, script, harm string
}{
	{"21-git-hooks", `mkdir -p .git/hooks; printf '#!/bin/sh\ntouch MARK\n' >.git/hooks/pre-commit; chmod +x .git/hooks/pre-commit`,
		`git -c user.name=x -c user.email=x@example.com commit -q --allow-empty -m x`},
	{"22-git-config-exec", `mkdir -p .git; printf '[core]\n\tfsmonitor = touch MARK; false\n' >>.git/config`, `git status -s`},
	{"23-git-worktree-config", `mkdir -p .git; printf '[extensions]\n\tworktreeConfig = true\n' >>.git/config; printf '[core]\n\tfsmonitor = touch MARK; false\n' >.git/config.worktree`,
		`git status -s`},
	{"24-nested-git-repo", `mkdir -p vendor/sub; git init -q vendor/sub; printf '[core]\n\tfsmonitor = touch MARK; false\n' >>vendor/sub/.git/config`, `git -C vendor/sub status -s`},
	{"25-gitfile-redirect", `git init -q /tmp/evil-$$; mv /tmp/evil-$$/.git evil; rm -rf /tmp/evil-$$ .git; printf '[core]\n\tfsmonitor = touch MARK; false\n' >>evil/config; echo 'gitdir: ./evil' >.git`,
		`git status -s`},
	{"26-gitattributes", `echo '*.txt filter=evil' >.gitattributes; mkdir -p .git; printf '[filter "evil"]\n\tclean = touch MARK; cat\n' >>.git/config; echo more >>a.txt`, `git add a.txt`},
	{"27-symlinked-package-json", `rm package.json; ln -s SECRET package.json`, `cat package.json | grep -q secret && touch MARK`},
	{"28-symlink-race", `(while :; do rm -f a.txt; ln -s SECRET a.txt; rm -f a.txt; echo x >a.txt; done) >/dev/null 2>&1 & sleep 0.2`,
		`for i in $(seq 2000); do if grep -qs secret a.txt; then touch MARK; break; fi; done; kill $!`},
	{"29-daemon-left-behind", `setsid sh -c 'sleep 0.3; touch MARK' >/dev/null 2>&1 &`, `sleep 1.5`},
	{"41-huge-diff", `yes line | head -c 12000000 >huge.txt`, `[ $(wc -c <huge.txt) -gt 8388608 ] && touch MARK`},
	{"62-oracle-tamper", `echo '{"scripts": {"test": "true"}}' >package.json; echo >test.js`, `grep -q true package.json && touch MARK`},
	{"65-hostile-names", `touch "$(printf 'a\nb')" -- '-rf' "$(printf '\033[2J')"`, `ls | wc -l | grep -qv '^3$' && touch MARK`},
	{"66-special-files", `mkfifo pipe.txt`, `timeout 1 cat pipe.txt; [ $? = 124 ] && touch MARK`},
	{"73-git-remote-rewrite", `git init -q --bare evil.git; printf '#!/bin/sh\ntouch MARK\n' >evil.git/hooks/pre-receive; chmod +x evil.git/hooks/pre-receive; mkdir -p .git; printf '[remote "origin"]\n\turl = ./evil.git\n' >>.git/config`,
		`git push -q origin HEAD:refs/heads/x`},
}

// TestHostAttempts lets each script run without a box, where it does harm, and in one, after which this machine does
// all that it ever does with a tree: read it, take what has changed, make a patch and a commit of it, push it.
func TestHostAttempts(t *testing.T) {
	t.Parallel()
	files := map[string]string{"a.txt": "a\n", "package.json": "{}\n", "test.js": "test\n"}
	for _, a := range hostAttempts {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			lure := t.TempDir()
			secret := filepath.Join(lure, "file")
			require.NoError(t, os.WriteFile(secret, []byte("secret"), 0o644))
			fill := func(script, mark string) string {
				return strings.NewReplacer("MARK", mark, "SECRET", secret).Replace(script)
			}

			bare, mark := t.TempDir(), filepath.Join(lure, "outside")
			require.NoError(t, writeAll(bare, files))
			require.NoError(t, run(bare, "git init -q -b main && git add -A && git -c user.name=x -c user.email=x@example.com commit -qm x"))
			ctx, cancel := context.WithTimeout(context.Background(), 20*time.Second)
			defer cancel()
			c := exec.CommandContext(ctx, "sh", "-c", fill(a.script+"\n"+a.harm, mark))
			c.Dir, c.WaitDelay = bare, time.Second
			out, _ := c.CombinedOutput() // how it ended says nothing
			require.FileExists(t, mark, "it does no harm even without a box: %s", out)

			mark = filepath.Join(lure, "inside")
			dir, _ := origin(t, files)
			tree := clone(t, dir, "")
			_, err := native(t).Run(context.Background(), tree, sandbox.Command{Keep: true, Args: []string{"sh", "-c", fill(a.script, mark)}})
			require.NoError(t, err)
			text, err := tree.Read("package.json")
			require.NoError(t, err)
			require.NotContains(t, text, "secret")
			if text, err := tree.Read("a.txt"); err == nil { // it may be gone
				require.NotContains(t, text, "secret")
			}
			p, err := tree.Patch(nil)
			require.NoError(t, err)
			for _, f := range p.Files {
				require.NoError(t, sandbox.CheckPath(f.Path))
			}
			require.Less(t, len(p.Diff), 8<<20)
			hash, err := tree.Commit(context.Background(), someone, "fix\n")
			require.NoError(t, err)
			require.NoError(t, tree.Push(context.Background(), dir, nil, "hotfix/x", hash))
			require.NoFileExists(t, mark)

			res, err := native(t).Run(context.Background(), tree, sandbox.Command{Args: []string{"sh", "-c", fill(a.script, mark)}})
			require.NoError(t, err)
			require.Empty(t, res.Changed, "without being asked to, a box lets nothing out")
			require.NoFileExists(t, mark)
		})
	}
}

// What a box leaves can be removed (67-cleanup-denial), and System V memory ends with it (61-sysv-ipc).
func TestNothingStays(t *testing.T) {
	t.Parallel()
	removable := t.TempDir() // by an ordinary user: root may remove anything
	c := exec.Command("sh", "-c", "mkdir -p locked/in; chmod 000 locked; rm -rf locked 2>/dev/null; test -e locked; stays=$?; chmod 700 locked; rm -rf locked; exit $stays")
	c.Dir = removable
	if os.Geteuid() == 0 {
		reachable(t, removable)
		require.NoError(t, os.Chown(removable, someUID, someUID))
		c.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: someUID, Gid: someUID}}
	}
	require.NoError(t, c.Run(), "without a box it stays")
	require.NoError(t, run(t.TempDir(), `id=$(ipcmk -M 4096 | grep -o '[0-9]*$'); grep -q " $id " /proc/sysvipc/shm; stays=$?; ipcrm -m $id; exit $stays`), "without a box it stays")
	tree := plant(t, map[string]string{"a.txt": "a\n"})
	res := sh(t, tree, "mkdir -p locked/in; chmod 000 locked; d=.; for i in $(seq 200); do d=$d/d; done; mkdir -p $d; ipcmk -M 4096 || echo refused")
	require.Equal(t, 0, res.Exit, res.Output)
	require.Regexp(t, "hared memory id|refused", res.Output.String()) // refused where no cgroup would count it
	segments, err := os.ReadFile("/proc/sysvipc/shm")
	require.NoError(t, err)
	for line := range strings.Lines(string(segments)) {
		if f := strings.Fields(line); len(f) > 7 {
			require.NotEqual(t, "100000", f[7], "a segment of a box is on the machine: %s", line)
		}
	}
	left, err := os.ReadDir(tree.Dir)
	require.NoError(t, err)
	require.Len(t, left, 1)
	require.NoError(t, os.RemoveAll(tree.Dir))
}

// installAttempts are made by an install command, which has a proxy.
var installAttempts = []struct{ name, script, refused string }{
	{"69-proxy-ssrf", `for (const to of ['127.0.0.1:PORT', 'localhost:PORT', '[::1]:PORT', '2130706433:PORT', '0x7f.1:PORT', '[::ffff:127.0.0.1]:PORT', '169.254.169.254:80']) connect(to)`, "127.0.0.1:"},
	{"70-proxy-allowlist", `for (const to of ['example.com:80', 'sub.example.com:443', 'xexample.com:443', 'example.com.evil.test:443', 'example.com@127.0.0.1:PORT']) connect(to)`, "sub.example.com:443"},
	{"71-proxy-smuggling", `raw('CONNECT evil.test:443 HTTP/1.1\r\n\r\nCONNECT 127.0.0.1:PORT HTTP/1.1\r\n\r\n')`, "evil.test:443"},
	{"72-npm-lifecycle", `for (const [k, v] of Object.entries(process.env)) if (/secret/i.test(v)) console.log('GOT', k); require('net').connect(PORT, '127.0.0.1').on('connect', () => console.log('GOT the machine')).on('error', () => {})`, ""},
}

// gullible is the port of a proxy that agrees to everything, and takes everybody to where they want.
func gullible(t *testing.T) string {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { l.Close() })
	go func() {
		for {
			c, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				defer c.Close()
				r, err := http.ReadRequest(bufio.NewReader(c))
				if err != nil {
					return
				}
				_, _ = io.WriteString(c, "HTTP/1.1 200 Connected\r\n\r\n") // who asked is gone, or hears it
				_ = dial("tcp", r.Host)
			}()
		}
	}()
	return fmt.Sprint(l.Addr().(*net.TCPAddr).Port)
}

func TestInstallAttempts(t *testing.T) {
	t.Parallel()
	for _, a := range installAttempts {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			r := newRegistry(t)
			canary, came := listener(t)
			probe := strings.ReplaceAll(`const net = require('net'), http = require('http');
const raw = text => { let got = ''; const s = net.connect(3128, '127.0.0.1', () => s.write(text)); s.on('data', d => got += d).on('error', () => {}).on('close', () => { if (/ 200 /.test(got)) console.log('GOT', text); }); };
const connect = to => raw('CONNECT ' + to + ' HTTP/1.1\r\nHost: ' + to + '\r\n\r\n');
`+a.script, "PORT", fmt.Sprint(canary))
			bare := exec.Command("node", "-e", strings.ReplaceAll(probe, "3128", gullible(t)))
			bare.Env = append(os.Environ(), "TOKEN=secret")
			out, _ := bare.CombinedOutput() // how it ended says nothing
			require.Contains(t, string(out), "GOT", "it gets nothing even without a box, from a proxy that lets everything through")
			came.Store(0)

			tree := plant(t, node("probe.js", probe, "package.json", `{"dependencies": {"double": "1"}}`))
			tc := tree.Toolchain()
			tc.Install.Command, tc.Install.Relaxed, tc.Install.Scripts = []string{"sh", "-c", "node probe.js; exit 1"}, nil, nil
			run, err := sandbox.Test(context.Background(), r.box(), tree, tc, "")
			require.NoError(t, err)
			require.Equal(t, sandbox.Install, run.Cause)
			require.NotContains(t, run.Output.String(), "GOT")
			require.Contains(t, strings.Join(run.Notes, "\n"), a.refused)
			require.Zero(t, came.Load())
		})
	}
}
