package daemon_test

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// say writes a comment and has the daemon handle it. It returns the daemon's answers so far.
func (w *world) say(t *testing.T, issue int, by, text string) []string {
	t.Helper()
	id, err := w.forge.Comment(repo, issue, by, "/hotfix "+text)
	require.NoError(t, err)
	return w.hear(t, fmt.Sprint(id), issue, by, text)
}

func (w *world) hear(t *testing.T, id string, issue int, by, text string) []string {
	t.Helper()
	verb, args, _ := strings.Cut(text, " ")
	n := hotfix.Notice{ID: "notice-" + id, Event: "issue_comment.created", Token: w.forge.Token(),
		Command: &hotfix.Command{ID: id, Verb: verb, Args: redact.Scrub(args), Repo: repo, Issue: issue, By: by, At: noon}}
	_, err := w.store.SaveNotice(context.Background(), n)
	require.NoError(t, err)
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	var said []string
	for _, c := range append(w.forge.Issues(repo), w.forge.Pulls(repo)...) {
		if c.Number == issue {
			for _, comment := range c.Comments {
				if strings.Contains(comment.Body, "daemon-hotfix:comment") {
					said = append(said, comment.Body)
				}
			}
		}
	}
	return said
}

func last(list []string) string { return list[len(list)-1] }

func people(w *world) {
	w.forge.AddUser("ada", "write")
	w.forge.AddUser("eve", "read")
	w.forge.AddUser("mal", "none")
}

// Whatever is asked leaves a line in the case, once for each comment. What changes nothing leaves the issue as it is, and
// cannot push out who changed what.
func TestEveryCommandLeavesALine(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	people(w)
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	issue := w.theCase(t, n).Issue
	w.say(t, issue, "ada", "stop")
	body := w.forge.Issues(repo)[0].Body
	for i, c := range []struct{ by, text, answer string }{
		{"eve", "status", "status"}, {"eve", "explain", "explain"}, {"eve", "help", "help"}, {"eve", "frobnicate", "help"},
		{"mal", "status", "forbidden"}, {"eve", "ignore it", "forbidden"}, {"ada", "snooze soon", "wrong"},
	} {
		id := fmt.Sprint(1000 + i)
		answers := len(w.hear(t, id, issue, c.by, c.text))
		require.Len(t, w.hear(t, id, issue, c.by, c.text), answers, "delivered twice")
		asked := w.theCase(t, n).Asked
		require.Len(t, asked, i+1, c.text)
		require.Equal(t, []string{id, c.by, c.answer, ""}, []string{asked[i].Comment, asked[i].Actor, asked[i].Answer, asked[i].Inverse})
	}
	require.NotEmpty(t, w.theCase(t, n).Asked[6].Wrong)
	for i := range 120 {
		w.hear(t, fmt.Sprint(2000+i), issue, "eve", "status")
	}
	require.NoError(t, w.daemon.Report(context.Background(), w.theCase(t, n).Fingerprint))
	require.Equal(t, body, w.forge.Issues(repo)[0].Body)
	require.Len(t, w.theCase(t, n).Asked, 30)
	require.Equal(t, "stop", w.theCase(t, n).Audit[0].Verb)
}

// Each verb asks for its own permission at the moment it is used, and the refusal names what is missing.
func TestEveryVerbAsksForItsPermission(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	people(w)
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	issue := w.theCase(t, n).Issue
	for _, verb := range []string{"fix", "retry", "stop", "ignore", "unignore", "snooze 7d", "dup #1", "undup"} {
		require.Contains(t, last(w.say(t, issue, "eve", verb)), "needs write permission in `acme/adder`, and `eve` has read", verb)
	}
	for _, verb := range []string{"explain", "status", "help", ""} {
		require.NotContains(t, last(w.say(t, issue, "eve", verb)), "permission in", verb)
		require.Contains(t, last(w.say(t, issue, "mal", verb)), "needs read permission in `acme/adder`, and `mal` has none", verb)
	}
	require.Empty(t, w.theCase(t, n).Audit, "nothing was done")
	w.forge.AddUser("eve", "write") // promoted since
	require.Contains(t, last(w.say(t, issue, "eve", "ignore")), "Ignored")
}

func TestAnswersHaveTheSDKsForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	people(w)
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	for _, verb := range []string{"status", "explain", "help", "frobnicate --> x", "snooze soon", "ignore -- > <!-- @ada"} {
		got := last(w.say(t, 1, "ada", verb))
		require.True(t, strings.HasPrefix(got, "> [!"), got)
		require.Contains(t, got, `"commentKind": "command-response"`, "the kernel dispatches it to nobody")
		require.Regexp(t, `(?m)^<!-- UbiquityOS - hotfix - \S+ - @ada - http\S+/acme/adder/issues/1$`, got)
		require.Equal(t, strings.Count(got, "<!--"), strings.Count(got, "-->"), got)
		require.NotContains(t, strings.ReplaceAll(got, "- @ada -", ""), "@ada", "nobody is notified")
		for line := range strings.Lines(got) {
			require.False(t, strings.HasPrefix(line, "/"), "a person who quotes it would run it: %s", line)
		}
	}
	require.Contains(t, last(w.say(t, 1, "ada", "frobnicate")), "There is no command `frobnicate`")
}

func TestOneCommentIsCarriedOutOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	people(w)
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	w.hear(t, "77", 1, "ada", "ignore flaky server")
	w.hear(t, "78", 1, "ada", "unignore")
	require.Len(t, w.hear(t, "77", 1, "ada", "ignore flaky server"), 2, "delivered once more")
	c := w.theCase(t, n)
	require.Equal(t, hotfix.New, c.State, "what came after it still holds")
	require.Equal(t, "open", w.forge.Issues(repo)[0].State)
	require.Len(t, c.Audit, 2)
	require.Equal(t, hotfix.AuditLine{Comment: "77", Actor: "ada", Verb: "ignore", Args: redact.Scrub("flaky server"), At: noon,
		Inverse: "unignore", Answer: "ignore", Was: hotfix.New}, c.Audit[0])
	require.Contains(t, w.forge.Issues(repo)[0].Body, "| `/hotfix ignore flaky server` | `/hotfix unignore` |")
}

func TestAnAnswerThatWasLostIsMadeUpFor(t *testing.T) {
	t.Parallel()
	w := newWorld(t, nil)
	people(w)
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(context.Background(), n))
	cmd := hotfix.Notice{ID: "n", Event: "issue_comment.created", Token: w.forge.Token(),
		Command: &hotfix.Command{ID: "9", Verb: "ignore", Repo: repo, Issue: 1, By: "ada", At: noon}}
	_, err := w.store.SaveNotice(context.Background(), cmd)
	require.NoError(t, err)
	w.forge.FailNext(fault("PATCH", 500))
	require.Error(t, w.daemon.Handle(context.Background(), cmd), "the issue could not be closed")
	require.NoError(t, w.daemon.Handle(context.Background(), cmd), "and the queue tries again")
	require.Equal(t, "closed", w.forge.Issues(repo)[0].State)
	require.Len(t, w.forge.Issues(repo)[0].Comments, 1)
	require.Len(t, w.theCase(t, n).Audit, 1)
}

func TestIgnoreAndUnignore(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, nil), context.Background()
	people(w)
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(ctx, n))
	w.say(t, 1, "ada", "ignore it is a mock server")
	require.Equal(t, "closed", w.forge.Issues(repo)[0].State)
	require.Equal(t, "not_planned", w.forge.Issues(repo)[0].StateReason)
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "two")))
	require.Equal(t, "closed", w.forge.Issues(repo)[0].State)
	require.Equal(t, 2, w.theCase(t, n).Count)
	w.say(t, 1, "ada", "unignore")
	require.Equal(t, "open", w.forge.Issues(repo)[0].State)
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "three")))
	require.Contains(t, w.forge.Issues(repo)[0].Body, "3 times")
}

func TestSnooze(t *testing.T) {
	t.Parallel()
	now := noon
	w, ctx := newWorld(t, func(c *daemon.Config) { c.Now = func() time.Time { return now } }), context.Background()
	people(w)
	n := w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(ctx, n))
	fails := func(id, ref string) hotfix.Decision {
		f := w.notice(t, id)
		f.Failure.Plugin.Ref = ref
		require.NoError(t, w.daemon.Handle(ctx, f))
		return w.theCase(t, n).Decision
	}
	quiet := func(d hotfix.Decision) {
		t.Helper()
		require.Equal(t, hotfix.Ignore, d.Action)
		require.Equal(t, "snoozed", d.Reasons[0].Rule)
	}
	for _, wrong := range []string{"snooze", "snooze soon", "snooze 0d", "snooze 0", "snooze until", "snooze until v1 v2", "snooze -3"} {
		require.Contains(t, last(w.say(t, 1, "ada", wrong)), "Nothing was done", wrong)
	}

	require.Contains(t, last(w.say(t, 1, "ada", "snooze 7d")), "until 2026-05-11 12:00 UTC")
	quiet(fails("a", ""))
	now = now.Add(7*24*time.Hour + time.Second)
	require.Equal(t, hotfix.Report, fails("b", "").Action, "a week later")

	w.say(t, 1, "ada", "snooze 2")
	quiet(fails("c", ""))
	quiet(fails("d", ""))
	require.Equal(t, hotfix.Report, fails("e", "").Action, "after two more")

	w.say(t, 1, "ada", "snooze until v1.2.3")
	quiet(fails("f", "main"))
	quiet(fails("g", "v1.2.2"))
	require.Equal(t, hotfix.Report, fails("h", "v1.10.0").Action, "fixed there, it was said")

	w.say(t, 1, "ada", "snooze 4w")
	quiet(fails("i", ""))
	w.say(t, 1, "ada", "unignore")
	require.Equal(t, hotfix.Report, fails("j", "").Action)
	require.Equal(t, 11, w.theCase(t, n).Count, "all were counted")
}

func TestDupAndUndup(t *testing.T) {
	t.Parallel()
	w, ctx := newWorld(t, nil), context.Background()
	people(w)
	other := func(id string) hotfix.Notice {
		n := w.notice(t, id)
		n.Failure.Message = redact.Scrub("RangeError: Invalid array length")
		return n
	}
	n, m := w.notice(t, "one"), other("two")
	require.NoError(t, w.daemon.Handle(ctx, n))
	require.NoError(t, w.daemon.Handle(ctx, m))
	require.Len(t, w.forge.Issues(repo), 2)

	for _, wrong := range []string{"dup", "dup #2", "dup #99", "dup acme/app#1", "undup"} {
		require.Contains(t, last(w.say(t, 2, "ada", wrong)), "Nothing was done", wrong)
	}
	require.Contains(t, last(w.say(t, 2, "ada", "dup #1")), "count on #1")
	require.Equal(t, "closed", w.forge.Issues(repo)[1].State)
	require.Contains(t, last(w.say(t, 1, "ada", "dup #2")), "already counts on this one", "no circles")
	for range 2 { // the second time it is the same delivery
		require.NoError(t, w.daemon.Handle(ctx, other("three")))
	}
	require.Equal(t, 2, w.theCase(t, n).Count, "it counts on the other")
	require.Equal(t, "closed", w.forge.Issues(repo)[1].State)

	w.say(t, 2, "ada", "undup")
	require.Equal(t, "open", w.forge.Issues(repo)[1].State)
	require.NoError(t, w.daemon.Handle(ctx, other("four")))
	require.Equal(t, 2, w.theCase(t, n).Count)
	require.Contains(t, w.forge.Issues(repo)[1].Body, "3 times")
}

func TestStopEndsAnAttemptAndRetryBeginsAnother(t *testing.T) {
	t.Parallel()
	giveUp := agenttest.Call("give-up", map[string]any{"reason": "cause-unclear", "explanation": "Nothing to be seen."})
	w := newWorld(t, nil)
	var stopped bool
	change := fixing(t, agenttest.Play(agenttest.Call("list-files", map[string]any{"glob": "**"}), giveUp, giveUp))
	w = newWorld(t, func(c *daemon.Config) {
		change(c)
		c.Watch = func(e daemon.Event) {
			if e.Step != nil && !stopped { // a person writes while the agent works
				stopped = true
				w.say(t, 1, "ada", "stop")
			}
		}
	})
	people(w)
	ctx, n := context.Background(), w.notice(t, "one")
	require.NoError(t, w.daemon.Handle(ctx, n))
	c := w.theCase(t, n)
	require.Equal(t, hotfix.Halted, c.Attempts[0].Outcome.Ending)
	require.Contains(t, w.forge.Issues(repo)[0].Body, "stopped by a maintainer")
	require.NoError(t, w.daemon.Handle(ctx, w.notice(t, "two")))
	require.Len(t, w.theCase(t, n).Attempts, 1, "none unless asked")
	require.Contains(t, last(w.say(t, 1, "ada", "retry look at reduce")), "An attempt at a fix is on its way")
	c = w.theCase(t, n)
	require.Len(t, c.Attempts, 2)
	require.Equal(t, "look at reduce", c.Attempts[1].Hint)
	require.Equal(t, "ada", c.Attempts[1].By)
	require.Contains(t, last(w.say(t, 1, "eve", "status")), "Attempts at a fix: 2")
}
