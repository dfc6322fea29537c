package engine_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

// TestPostgresRestarts crashes the database server under load and starts it again, three times. The daemon stays up,
// answers 503 meanwhile, and goes on by itself.
func TestPostgresRestarts(t *testing.T) {
	t.Parallel()
	server := storetest.StartPostgres(t)
	s := newSite(t, server.Database(t))
	d := s.serve("one")
	l := s.load(4)
	l.to(d)
	for range 3 {
		for before := l.count(); l.count() < before+20; time.Sleep(time.Millisecond) {
		}
		server.Stop()
		_, body := s.request("while-away", 0)
		_, err := post200(d.address, body)
		require.ErrorContains(t, err, "status 503")
		require.ErrorContains(t, err, "send it again later")
		require.NoError(t, server.Start())
	}
	for before := l.count(); l.count() < before+20; time.Sleep(time.Millisecond) {
	}
	l.end()
	s.verify(l.acknowledged)
	d.stop(t, patience)
}

// TestDiskFull lets a daemon run on a disk with two megabytes left until nothing fits any more. It answers 503, keeps all that
// it acknowledged, and goes on when there is room again.
func TestDiskFull(t *testing.T) {
	t.Parallel()
	if os.Getuid() != 0 { // only root may mount a disk, and in a namespace of their own everybody is root
		inNamespace(t)
		return
	}
	disk := t.TempDir()
	require.NoError(t, syscall.Mount("tmpfs", disk, "tmpfs", 0, fmt.Sprintf("size=%d,mode=0700", 24<<20)))
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(disk, syscall.MNT_DETACH)) })
	s := newSite(t, "sqlite:"+filepath.Join(disk, "store.db"))
	ballast := filepath.Join(disk, "ballast")
	require.NoError(t, os.WriteFile(ballast, make([]byte, 22<<20), 0o600))
	d := s.serve("one")
	var acknowledged []string
	deliver := func(id string) error {
		f := kerneltest.Failure{Plugin: kerneltest.Plugin{Owner: repo.Owner, Repo: repo.Name, Ref: "main"}, Message: problems[0],
			StateID: "of-" + id, Lines: []string{strings.Repeat("a line of a log. ", 14)}, Webhook: kerneltest.Webhook{Event: "issues.opened",
				Delivery: "hook-" + id, Owner: "acme", Repo: "app", Issue: 3, Actor: "mona"}}
		ok, err := post200(d.address, kerneltest.Sign(kernelKey(), kerneltest.Fields{StateID: id, Payload: f.Payload(), Token: s.forge.Token().Reveal()}))
		if ok {
			acknowledged = append(acknowledged, id)
		}
		return err
	}
	var full error
	for n := 0; full == nil; n++ {
		require.Less(t, n, 5000, "the disk does not fill")
		full = deliver(fmt.Sprintf("n%d", n))
	}
	require.ErrorContains(t, full, "status 503")
	require.NotEmpty(t, acknowledged)
	require.NoError(t, os.Remove(ballast))
	for end := time.Now().Add(patience); deliver("afterwards") != nil; time.Sleep(50 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "there is room again, and it is not used")
	}
	s.verify(acknowledged)
	d.stop(t, patience)
}

// inNamespace runs this very test once more, as root of a user namespace with mounts of its own.
func inNamespace(t *testing.T) {
	self, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(self, "-test.run", "^"+t.Name()+"$")
	cmd.SysProcAttr = &syscall.SysProcAttr{Cloneflags: syscall.CLONE_NEWUSER | syscall.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getgid(), Size: 1}}}
	out, err := cmd.CombinedOutput()
	require.NoError(t, err, "%s", out)
}
