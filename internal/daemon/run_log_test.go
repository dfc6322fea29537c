package daemon_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// An event of a failed run says only that it failed. What its log says names the problem, so that two bugs of one workflow
// have two issues, and the issue shows where to look.
func TestAFailedRunIsKnownByItsLog(t *testing.T) {
	t.Parallel()
	w := newWorld(t, func(c *daemon.Config) { c.Server = "https://github.example" })
	began := time.Date(2026, 5, 4, 12, 0, 0, 0, time.UTC)
	for i, says := range []string{"TypeError: total is not a function", "SyntaxError: Unexpected token '}'", "TypeError: total is not a function"} {
		run, err := w.forge.AddRun(repo, forgetest.Run{Name: "ci", Branch: "main", Jobs: []forgetest.Job{{Name: "build",
			Steps: []forgetest.Step{{Name: "Set up", Conclusion: "success"}, {Name: "Test", Conclusion: "failure", Started: began, Completed: began.Add(time.Second)}},
			Log:   "2026-05-04T12:00:00Z ##[group]Run npm test\n2026-05-04T12:00:00Z ##[endgroup]\n2026-05-04T12:00:01Z " + says + "\n2026-05-04T12:00:01Z     at main (file:///app/src/add.js:2:3)\n"}}})
		require.NoError(t, err)
		n := w.notice(t, fmt.Sprint("run-", i))
		n.Settings = []byte(`{"allowWorkflowEvents":true}`)
		n.Also = append(n.Also, fmt.Sprintf("run:%d:acme/adder", run.ID))
		n.Failure.Plugin.Kind, n.Failure.Trigger = "ci", hotfix.Trigger{Event: "push"}
		n.Failure.Run = &hotfix.WorkflowRun{ID: run.ID, Name: "ci", Conclusion: "failure", SHA: run.SHA, Branch: "main",
			URL: fmt.Sprintf("https://github.example/acme/adder/actions/runs/%d", run.ID)}
		n.Failure.Message = redact.Scrub(n.Failure.Run.Message(hotfix.RunOfWorkflow, ""))
		require.NoError(t, w.daemon.Handle(t.Context(), n))
		issue := w.forge.Issues(repo)[i%2]
		_, problem, _ := strings.Cut(says, ": ")
		require.Contains(t, issue.Title, "ci: "+problem)
		require.Contains(t, issue.Body, "<details open><summary>Log excerpt", "the message says nothing")
		require.Contains(t, issue.Body, says+"\n")
		if i < 2 { // a figure alone waits before it is written
			require.Contains(t, issue.Body, fmt.Sprintf("[the step that failed](%s/job/%d#step:2:3)", n.Failure.Run.URL, run.Jobs[0].ID))
			require.Contains(t, issue.Body, fmt.Sprintf("shows it first [in this line](%s/job/%d#step:2:3).", n.Failure.Run.URL, run.Jobs[0].ID))
		}
	}
	issues := w.forge.Issues(repo)
	require.Len(t, issues, 2)
	w.watch(t, time.Hour)
	require.Contains(t, w.forge.Issues(repo)[0].Body, "2 times")
}
