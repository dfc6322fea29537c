package engine_test

import (
	"math/rand/v2"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store/storetest"
)

// kills is how often TestKill kills the daemon, over both databases.
const kills = 100

// databases names every kind of database; address returns that of an empty one.
var databases = []struct {
	name    string
	address func(t testing.TB) string
}{
	{"sqlite", func(t testing.TB) string { return "sqlite:" + filepath.Join(t.TempDir(), "store.db") }},
	{"postgres", storetest.Postgres},
}

// TestKill kills the real daemon at random moments under load, as a power cut would, and starts it anew at once. On
// PostgreSQL another one lives on and takes over. Nothing that was acknowledged is lost; nothing is written twice.
func TestKill(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, db.address(t))
			if db.name == "postgres" {
				s.serve("survivor")
			}
			l := s.load(4)
			for range kills / len(databases) {
				d := s.serve("mortal")
				l.to(d)
				time.Sleep(rand.N(120 * time.Millisecond))
				d.kill()
			}
			d := s.serve("mortal")
			l.to(d)
			for before := l.count(); l.count() < before+20; time.Sleep(time.Millisecond) {
			}
			l.end()
			s.verify(l.acknowledged)
			d.stop(t, patience)
		})
	}
}

// TestDrain tells the daemon to stop while requests arrive and GitHub does not answer. It hands back what it cannot
// finish, ends with status 0 within the grace period, and the next one goes on.
func TestDrain(t *testing.T) {
	t.Parallel()
	for _, db := range databases {
		t.Run(db.name, func(t *testing.T) {
			t.Parallel()
			s := newSite(t, db.address(t))
			d := s.serve("one", "--grace", "500ms")
			l := s.load(4)
			l.to(d)
			s.forge.FailNext(forgetest.Fault{On: "POST /repos/acme/greet/issues", Hang: true})
			for l.count() < 50 {
				time.Sleep(time.Millisecond)
			}
			d.stop(t, 500*time.Millisecond+10*time.Second)
			next := s.serve("one")
			l.to(next)
			for before := l.count(); l.count() < before+20; time.Sleep(time.Millisecond) {
			}
			l.end()
			s.verify(l.acknowledged)
			next.stop(t, 30*time.Second)
		})
	}
}

// TestTakeover lets a machine die in the middle of its work, with every setting as it is by default. Another one has
// taken the work over within a minute.
func TestTakeover(t *testing.T) {
	t.Parallel()
	s := newSite(t, storetest.Postgres(t))
	first := s.serve("first")
	s.forge.FailNext(forgetest.Fault{On: "GET /repos/acme/greet/issues", Hang: true})
	_, body := s.request("x", 0)
	ok, err := post200(first.address, body)
	require.NoError(t, err)
	require.True(t, ok)
	for len(s.forge.Calls()) == 0 {
		time.Sleep(time.Millisecond)
	}
	second := s.serve("second")
	first.kill()
	died := time.Now()
	for len(s.forge.Issues(repo)) == 0 {
		require.Less(t, time.Since(died), time.Minute, second.log.String())
		time.Sleep(50 * time.Millisecond)
	}
	t.Logf("taken over after %s", time.Since(died).Round(time.Second))
	s.verify([]string{"x-0"})
}
