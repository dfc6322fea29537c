package forge_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// A line's number counts the lines of its step's own log, marks of groups too; where the step's log begins must be certain.
func TestFailedAt(t *testing.T) {
	t.Parallel()
	secret := "ghs_" + strings.Repeat("a1B2", 9)
	const setUp = "2026-01-02T03:04:05.1Z Current runner version\n2026-01-02T03:04:06.2Z ##[group]Run actions/checkout@v4\n2026-01-02T03:04:06.3Z ##[endgroup]\n2026-01-02T03:04:06.4Z TypeError: boom\n"
	const test = "2026-01-02T03:04:08.1Z ##[group]Run npm test\n2026-01-02T03:04:08.1Z npm test\n2026-01-02T03:04:08.1Z ##[endgroup]\n2026-01-02T03:04:09.2Z two\nlines\n"
	const boom = "2026-01-02T03:04:09.5Z \x1b[31mTypeError: boom\x1b[0m\n2026-01-02T03:04:09.6Z ##[error]Process completed with exit code 1.\n"
	for _, tc := range []struct {
		name, log, line string
		began           int // second in which the failed step began
		before          int // and in which the one before ended
		want            int64
	}{
		{"a line of the step", setUp + test + boom, "TypeError: boom", 8, 7, 6},
		{"with a time of its own", setUp + test + strings.ReplaceAll(boom, "TypeError", "03:04:09 TypeError"), "TypeError: boom", 8, 7, 6},
		{"with a secret", setUp + test + "2026-01-02T03:04:09.5Z Error: " + secret + " refused\n", "Error: [REDACTED:github-token] refused", 8, 7, 6},
		{"steps in the step", setUp + strings.Replace(test, "npm test\n", "npm test\n2026-01-02T03:04:08.2Z ##[group]Run inner\n", 1) + boom, "TypeError: boom", 8, 7, 7},
		{"steps in the one before, told apart by name", setUp + "2026-01-02T03:04:08.0Z ##[group]Run inner\n" + test + boom, "TypeError: boom", 8, 8, 6},
		{"steps in the one before", setUp + "2026-01-02T03:04:08.0Z ##[group]Run inner\n" + strings.Replace(test, "Run npm test", "Run npm t", 1) + boom, "TypeError: boom", 8, 8, 0},
		{"debugging is on", setUp + "2026-01-02T03:04:08.0Z ##[debug]Evaluating condition\n" + test + boom, "TypeError: boom", 8, 7, 0},
		{"no beginning", setUp + boom, "TypeError: boom", 8, 7, 0},
		{"another step's line", setUp + test + boom, "Current runner version", 8, 7, 0},
		{"after the step", setUp + test + "2026-01-02T03:04:12.1Z TypeError: boom\n", "TypeError: boom", 8, 7, 0},
		{"nothing to look for", setUp + test + boom, "", 8, 7, 0},
	} {
		t.Run(tc.name, func(t *testing.T) {
			t.Parallel()
			gh := start(t)
			at := func(second int) time.Time { return time.Date(2026, 1, 2, 3, 4, second, 7, time.UTC) }
			run, err := gh.AddRun(greeter, forgetest.Run{Jobs: []forgetest.Job{{Name: "build", Log: tc.log, Steps: []forgetest.Step{
				{Name: "Run actions/checkout@v4", Conclusion: "success", Started: at(6), Completed: at(tc.before)}, {Name: "If", Conclusion: "skipped", Started: at(tc.before), Completed: at(tc.before)},
				{Name: "Run npm test", Conclusion: "failure", Started: at(tc.began), Completed: at(10)}}}}})
			require.NoError(t, err)
			spot, err := connect(t, gh).FailedAt(ctx, greeter, run.ID, tc.line)
			require.NoError(t, err)
			require.Equal(t, hotfix.Spot{Job: run.Jobs[0].ID, Step: 3, Line: tc.want}, spot)
		})
	}
}

// What is not there is not known, and no error: the issue links what is.
func TestFailedAtWithoutLogs(t *testing.T) {
	t.Parallel()
	gh := start(t)
	run, err := gh.AddRun(greeter, forgetest.Run{NoLogs: true, Jobs: []forgetest.Job{{Name: "build", Steps: []forgetest.Step{{Name: "x", Conclusion: "failure"}}}}})
	require.NoError(t, err)
	spot, err := connect(t, gh).FailedAt(ctx, greeter, run.ID, "boom")
	require.NoError(t, err)
	require.Equal(t, hotfix.Spot{Job: run.Jobs[0].ID, Step: 1}, spot)
	spot, err = connect(t, gh).FailedAt(ctx, greeter, 9999, "boom")
	require.NoError(t, err)
	require.Zero(t, spot)
}
