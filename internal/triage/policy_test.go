package triage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

func TestQuietHours(t *testing.T) {
	t.Parallel()
	at := func(clock string) time.Time {
		v, err := time.Parse("15:04", clock)
		require.NoError(t, err)
		return v
	}
	for _, tt := range []struct {
		hours, clock string
		want         bool
	}{
		{"22:00-06:30", "23:00", true}, {"22:00-06:30", "06:29", true}, {"22:00-06:30", "06:30", false}, {"22:00-06:30", "12:00", false},
		{"12:00-13:00", "12:30", true}, {"12:00-13:00", "13:00", false}, {"09:00-09:00", "09:00", false},
	} {
		q, err := ParseQuiet(tt.hours)
		require.NoError(t, err)
		require.Equal(t, tt.want, q.Holds(at(tt.clock)), "%s at %s", tt.hours, tt.clock)
	}
	for _, bad := range []string{"", "22-6", "22:00", "25:00-06:00", "22:00-06:00 Nowhere/Else"} {
		_, err := ParseQuiet(bad)
		require.Error(t, err, bad)
	}
}

func TestBoundsOfTheInstallation(t *testing.T) {
	t.Parallel()
	quiet, err := ParseQuiet("00:00-23:59")
	require.NoError(t, err)
	for _, tt := range []struct {
		rule   string
		change func(*Policy)
		asked  hotfix.Action // what is done when a person asks
	}{
		{"too-many-open", func(p *Policy) { p.Open = 2 }, hotfix.Report},
		{"quiet-hours", func(p *Policy) { p.Quiet, p.At = quiet, time.Unix(0, 0) }, hotfix.Fix},
		{"spread", func(p *Policy) { p.Together = 5 }, hotfix.Fix},
	} {
		p := generous()
		require.Equal(t, hotfix.Fix, p.Decide(openCase(), hotfix.Opened).Action)
		tt.change(&p)
		d := p.Decide(openCase(), hotfix.Opened)
		require.Equal(t, hotfix.Report, d.Action, tt.rule)
		require.Equal(t, tt.rule, d.Reasons[0].Rule)
		require.Equal(t, tt.asked, p.Decide(openCase(), hotfix.Asked).Action, tt.rule)
	}
}

func TestProtectedPaths(t *testing.T) {
	t.Parallel()
	for pattern, refused := range map[string]bool{"src/": true, "src/ratio.ts": true, "*.ts": true, "lib/": false, "*.go": false, "[": true} {
		p := generous()
		p.Protected = []string{pattern}
		require.Equal(t, refused, len(p.Vet(patchOf(fix, newTest), proof())) > 0, pattern)
	}
}

func TestPublish(t *testing.T) {
	t.Parallel()
	for _, tt := range []struct {
		tier  hotfix.Risk
		merge bool
		want  Publication
	}{{hotfix.LowRisk, true, ReadyPull}, {hotfix.LowRisk, false, DraftPull}, {hotfix.MediumRisk, true, DraftPull}, {hotfix.HighRisk, true, IssueOnly}} {
		got, held := Policy{AutoMerge: tt.merge}.Publish(hotfix.Assessment{Tier: tt.tier, Wrong: 0.5})
		require.Equal(t, tt.want, got)
		require.Equal(t, tt.want == IssueOnly, len(held) > 0)
	}
	_, held := Policy{}.Publish(hotfix.Assessment{Tier: hotfix.HighRisk, Wrong: 0.97, Signals: []hotfix.RiskSignal{
		{Rule: "risk-rare", Level: hotfix.LowRisk, Because: "It was seen once."}, {Rule: "risk-thin-test", Level: hotfix.MediumRisk, Because: "The added test checks one thing."}}})
	require.Equal(t, []hotfix.Reason{{Rule: "risk-high", Because: "Too much speaks against this fix for it to be proposed. The added test checks one thing. What helps is a smaller change, " +
		"or tests of what else runs through the changed lines: nothing, one, several, and what was right before, each with its exact result."}}, held)
}

func TestAbstained(t *testing.T) {
	t.Parallel()
	c := openCase()
	c.Decision = hotfix.Decision{Action: hotfix.Report, Risk: hotfix.MediumRisk, Reasons: []hotfix.Reason{{Rule: "transient", Because: "It passes."}}}
	require.Equal(t, []Abstention{{"transient", "It passes.", "medium", "The same failure after its cause should have passed.", "/hotfix retry"}}, Abstained(c))
	c.Decision = hotfix.Decision{Action: hotfix.Fix}
	require.Empty(t, Abstained(c))
	at := attempt(hotfix.Refused, c.Last)
	at.Outcome.Refusals = []hotfix.Reason{{Rule: "risk-high", Because: "So it is."}}
	at.Outcome.Risk = &hotfix.Assessment{Tier: hotfix.HighRisk, Wrong: 0.87}
	c.Attempts = []hotfix.Attempt{at}
	require.Equal(t, "high, wrong with 87%", Abstained(c)[0].Score)
	for _, ending := range []hotfix.Ending{hotfix.NoFix, hotfix.OverBudget, hotfix.Broken, hotfix.Halted} {
		c.Attempts = []hotfix.Attempt{attempt(ending, c.Last)}
		require.Len(t, Abstained(c), 1, ending)
		require.NotEmpty(t, Abstained(c)[0].Because, ending)
	}
	c.State = hotfix.Fixing
	require.Empty(t, Abstained(c), "there is a draft")
}
