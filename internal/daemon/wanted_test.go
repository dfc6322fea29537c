package daemon_test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent/agenttest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// A listener hears the moment at which the model is first asked.
type listener struct {
	*agenttest.Script
	first func()
}

func (l *listener) GenerateContent(ctx context.Context, history []llms.MessageContent, options ...llms.CallOption) (*llms.ContentResponse, error) {
	if l.first != nil {
		l.first()
		l.first = nil
	}
	return l.Script.GenerateContent(ctx, history, options...)
}

// The event's own lines are the first forty, which say nothing; the log of the run says what failed. It is read before
// anything is concluded, and where it is gone there is an issue and no attempt, until a person wants one.
func TestTrap12TheLogIsReadBeforeAnyConclusion(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name   string
		noLogs bool
	}{{"there", false}, {"expired", true}} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ctx := context.Background()
			var read []string // of the log, when the model was first asked
			var w *world
			model := &listener{Script: agenttest.Play(
				agenttest.Call("give-up", map[string]any{"reason": "cause-unclear", "explanation": "Nothing to be seen."}),
				agenttest.Call("give-up", map[string]any{"reason": "cause-unclear", "explanation": "Nothing to be seen."}))}
			change := fixing(t, model)
			w = newWorld(t, func(c *daemon.Config) { change(c); c.Policy.MaxFixesPerDay = 9 })
			model.first = func() {
				for _, call := range w.forge.Calls() {
					if strings.HasSuffix(call.Path, "/logs") {
						read = append(read, call.Path)
					}
				}
			}
			people(w)
			run, err := w.forge.AddRun(repo, forgetest.Run{Name: "ci", Branch: "main", NoLogs: c.noLogs,
				Jobs: []forgetest.Job{{Name: "build", Log: "2026-05-04T12:00:00Z Error: Cannot find module './sum.js'\n"}}})
			require.NoError(t, err)
			n := w.notice(t, "one")
			n.Settings = []byte(`{"allowWorkflowEvents":true}`)
			n.Also = append(n.Also, fmt.Sprintf("run:%d:acme/adder", run.ID))
			n.Failure.Plugin.Kind, n.Failure.Run = "ci", &hotfix.WorkflowRun{ID: run.ID, Name: "ci", Conclusion: "failure", SHA: run.SHA, Branch: "main"}
			n.Failure.Message, n.Failure.Trigger = redact.Scrub(`Workflow "ci" ended with "failure": TypeError: x is not a function`), hotfix.Trigger{Event: "push"}
			for i := range 40 {
				n.Failure.Logs = append(n.Failure.Logs, redact.Scrub(fmt.Sprintf("DEBUG still busy with request %d", i)))
			}
			_, err = w.store.SaveNotice(ctx, n)
			require.NoError(t, err)
			require.NoError(t, w.daemon.Handle(ctx, n))

			got, err := w.store.Case(ctx, triage.Fingerprint(*n.Failure))
			require.NoError(t, err)
			if !c.noLogs {
				require.NotEmpty(t, read)
				require.Len(t, got.Attempts, 1)
				return
			}
			require.Empty(t, model.Asked(), "a guess costs more than no fix")
			require.Empty(t, got.Attempts)
			require.Equal(t, hotfix.Report, got.Decision.Action)
			require.Equal(t, "no-logs", got.Decision.Reasons[0].Rule)
			require.Contains(t, w.forge.Issues(repo)[0].Body, "(`no-logs`)")
			require.NoError(t, w.daemon.Report(ctx, got.Fingerprint))
			w.say(t, got.Issue, "ada", "retry")
			require.Len(t, model.Asked(), 1, "a person knows more")
			require.Empty(t, w.forge.Pulls(repo))
		})
	}
}
