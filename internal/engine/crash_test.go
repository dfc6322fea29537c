package engine_test

import (
	"context"
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

const emptySum = "TypeError: Reduce of empty array with no initial value"

// tell is the story of these tests: a failure becomes an issue and a draft, is delivered once more, happens again,
// and somebody asks for what they may not.
func (w *world) tell() {
	w.deliver(w.failure("one", emptySum))
	w.settle()
	w.deliver(w.failure("one", emptySum))
	w.deliver(w.failure("two", emptySum))
	w.settle()
	w.deliver(w.command(7, "eve", "retry", 1))
	w.settle()
}

// An end is everything that a story leaves behind: on GitHub, in the store, and what the model was asked.
type end struct {
	Issues, Pulls []string
	Diff          string
	Cases, Runs   []string
	Parked        []store.Want
	Questions     int
	Created       []string // writes that make something new, which may not be repeated
}

func (w *world) end() end {
	ctx, t := context.Background(), w.t
	e := end{Questions: len(w.model.Requests())}
	branches, err := w.forge.Branches(repo)
	require.NoError(t, err)
	names := []string{w.proxy.URL, "FORGE", w.forge.URL(), "FORGE"}
	for name, hash := range branches {
		for _, n := range []int{40, 12, 10, 7} {
			names = append(names, hash[:n], strings.ToUpper(name))
		}
	}
	replacer := strings.NewReplacer(names...)
	plain := func(s string) string {
		return took.ReplaceAllString(signed.ReplaceAllString(replacer.Replace(s), "state SIGNED"), "took")
	}
	show := func(list []forgetest.Issue) (out []string) {
		for _, i := range list {
			text := fmt.Sprintf("#%d %s %s %s %v by %s\n%s", i.Number, i.State, i.StateReason, i.Title, i.Labels, i.Author, i.Body)
			for _, c := range i.Comments {
				text += "\n--- " + c.Author + ": " + c.Body
			}
			if i.Pull != nil {
				text += fmt.Sprintf("\n--- draft %v of %s", i.Pull.Draft, i.Pull.Head)
				e.Diff, err = w.forge.Diff(repo, i.Pull.Head)
				require.NoError(t, err)
			}
			out = append(out, plain(text))
		}
		return out
	}
	e.Issues, e.Pulls = show(w.forge.Issues(repo)), show(w.forge.Pulls(repo))
	s := w.open()
	cases, err := s.Cases(ctx, store.CaseFilter{})
	require.NoError(t, err)
	for _, c := range cases {
		raw, err := json.Marshal(c)
		require.NoError(t, err)
		e.Cases = append(e.Cases, plain(string(raw)))
	}
	runs, err := s.Runs(ctx, 0)
	require.NoError(t, err)
	for _, r := range runs {
		e.Runs = append(e.Runs, fmt.Sprintf("%s: %s after %d steps", r.ID, r.Stop, r.Steps))
	}
	e.Parked, err = s.Parked(ctx)
	require.NoError(t, err)
	for _, c := range w.forge.Writes() {
		if create.MatchString(c.Write) {
			e.Created = append(e.Created, plain(c.Write))
		}
	}
	return e
}

var signed = regexp.MustCompile(`state [0-9a-f]{32}`) // over addresses that differ

var took = regexp.MustCompile(`"took":\d+|"output":"(\\.|[^"\\])*"`) // of commands; what they print says how long they took, too

var create = regexp.MustCompile(`^(create|comment|push|open)`)

// TestCrashEverywhere kills the process at each transaction and after each write on GitHub, one at a time, and lets
// another one go on. Whatever the moment, the end is that of the process that nobody killed: nothing that was
// acknowledged is lost, nothing is written twice, and no answer of the model that was stored is paid for again. In the
// last story the sandbox is real, and so are the tests that run in it.
func TestCrashEverywhere(t *testing.T) {
	t.Parallel()
	for _, story := range []struct {
		name string
		new  func(*testing.T) *world
		only string
	}{
		{"sqlite", func(t *testing.T) *world { return newWorld(t, databases[0].address(t)) }, ""},
		{"postgres", postgresWorld, ""},
		{"sandbox", func(t *testing.T) *world {
			w := newWorld(t, databases[0].address(t))
			w.machine.Real = true
			return w
		}, "write"},
	} {
		t.Run(story.name, func(t *testing.T) {
			t.Parallel()
			crashEverywhere(t, story.new, story.only)
		})
	}
}

// postgresWorld is a world whose machine is on PostgreSQL.
func postgresWorld(t *testing.T) *world {
	dsn := databases[1].address(t)
	w := newWorld(t, dsn)
	w.wire = newWire(t, dsn, w.kill)
	w.machine.DSN, w.direct = w.wire.dsn, dsn
	return w
}

// crashEverywhere tells the story once for each moment of the given kind, or of every kind.
func crashEverywhere(t *testing.T, start func(*testing.T) *world, only string) {
	clean := start(t)
	clean.tell()
	want := clean.end()
	transactions, err := strconv.Atoi(clean.stop())
	require.NoError(t, err)
	if clean.wire != nil {
		transactions = int(clean.wire.count.Load())
	}
	require.Len(t, want.Issues, 1)
	require.Len(t, want.Pulls, 1, "%s", want.Cases)
	t.Logf("%d transactions, %d writes: %v", transactions, clean.writes, want.Created)

	type moment struct {
		kind string
		n    int
	}
	points := make(chan moment, transactions+clean.writes)
	for kind, count := range map[string]int{"transaction": transactions, "write": clean.writes} {
		for n := 1; n <= count && (only == "" || only == kind); n++ {
			points <- moment{kind, n}
		}
	}
	close(points)
	var wg sync.WaitGroup
	for range 6 { // they wait more than they work
		wg.Go(func() {
			for m := range points {
				t.Run(fmt.Sprint(m.kind, " ", m.n), func(t *testing.T) {
					w := start(t)
					switch {
					case m.kind == "write":
						w.dieAt = m.n
					case w.wire != nil:
						w.wire.dieAt = int64(m.n)
					default:
						w.machine.Die = int64(m.n)
					}
					w.check(want)
				})
			}
		})
	}
	wg.Wait()
}

// check tells the story and compares its end. A reply that was on its way when the process died is asked for again.
func (w *world) check(want end) {
	w.tell()
	got := w.end()
	require.LessOrEqual(w.t, got.Questions, want.Questions+1)
	got.Questions = want.Questions
	require.Equal(w.t, want, got)
}
