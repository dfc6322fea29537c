package triage

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

var greet = hotfix.Repo{Owner: "acme", Name: "greet"}

// generous is a policy under which openCase is fixed.
func generous() Policy {
	return Policy{Allow: []hotfix.Repo{{Owner: "ACME", Name: "*"}}, MaxFixesPerDay: 3, MaxAttempts: 3, MaxFiles: 8, MaxLines: 300}
}

func openCase() hotfix.Case {
	at := time.Date(2026, 4, 22, 8, 0, 0, 0, time.UTC)
	return hotfix.Case{Fingerprint: "v1-0a", Repo: greet, State: hotfix.New, Count: 1, First: at, Last: at,
		Latest: hotfix.Failure{Plugin: hotfix.Plugin{ID: "acme/greet:compute.yml", Kind: "workflow", Repo: greet}, Category: "workflow",
			Status: 500, Message: redact.Scrub("TypeError: Cannot read properties of undefined (reading 'login')"), At: at}}
}

func attempt(ending hotfix.Ending, ended time.Time) hotfix.Attempt {
	return hotfix.Attempt{RunID: "r", Started: ended.Add(-time.Minute), Ended: ended, Outcome: hotfix.Outcome{Ending: ending}}
}

// Every signal fires once, alone, and takes the action it should; in the case beside it, it stays silent.
func TestSignals(t *testing.T) {
	t.Parallel()
	at := openCase().Last
	for _, c := range []struct {
		rule   string
		change hotfix.Change
		fires  func(*Policy, *hotfix.Case)
		action hotfix.Action
		silent func(*Policy, *hotfix.Case)
	}{
		{"duplicate", hotfix.Duplicate, nil, hotfix.Ignore, nil},
		{"switched-off", hotfix.Opened, func(p *Policy, _ *hotfix.Case) { p.Off = "the settings say so" }, hotfix.Ignore, nil},
		{"repository-not-allowed", hotfix.Opened, func(_ *Policy, c *hotfix.Case) { c.Repo.Owner = "other" }, hotfix.Ignore,
			func(p *Policy, c *hotfix.Case) {
				p.Allow, c.Repo = []hotfix.Repo{{Owner: "Other", Name: "x"}}, hotfix.Repo{Owner: "other", Name: "X"}
			}},
		{"repository-not-allowed", hotfix.Opened, func(_ *Policy, c *hotfix.Case) { c.Repo = hotfix.Repo{} }, hotfix.Ignore, nil},
		{"muted", hotfix.Opened, func(p *Policy, c *hotfix.Case) { p.Muted = []hotfix.Fingerprint{c.Fingerprint} }, hotfix.Ignore,
			func(p *Policy, _ *hotfix.Case) { p.Muted = []hotfix.Fingerprint{"v1-0b"} }},
		{"own-repository", hotfix.Opened, func(_ *Policy, c *hotfix.Case) { c.Repo.Name = "Daemon-Hotfix" }, hotfix.Report,
			func(p *Policy, c *hotfix.Case) { p.Own, c.Repo.Name = "medic", "daemon-hotfix" }},
		{"kernel", hotfix.Opened, func(_ *Policy, c *hotfix.Case) { c.Latest.Plugin.Kind = "kernel" }, hotfix.Report, nil},
		{"fixes-off", hotfix.Opened, func(p *Policy, _ *hotfix.Case) { p.NoFix = "no model is configured" }, hotfix.Report, nil},
		{"attempt-under-way", hotfix.Reopened, func(_ *Policy, c *hotfix.Case) { c.Attempts = []hotfix.Attempt{attempt("", at)} }, hotfix.Report,
			func(_ *Policy, c *hotfix.Case) { c.Attempts = []hotfix.Attempt{attempt(hotfix.NoFix, at)} }},
		{"proposal-open", hotfix.Reopened, func(_ *Policy, c *hotfix.Case) { c.State = hotfix.Fixing }, hotfix.Report, nil},
		{"daily-limit", hotfix.Opened, func(p *Policy, _ *hotfix.Case) { p.FixesToday = 3 }, hotfix.Report,
			func(p *Policy, _ *hotfix.Case) { p.FixesToday = 2 }},
		{"daily-limit", hotfix.Opened, func(p *Policy, _ *hotfix.Case) { p.MaxFixesPerDay = 0 }, hotfix.Report, nil},
		{"transient", hotfix.Opened, func(_ *Policy, c *hotfix.Case) { c.Latest.Status = 502 }, hotfix.Report,
			func(_ *Policy, c *hotfix.Case) { c.Latest.Status = 500 }},
		{"transient", hotfix.Opened, func(_ *Policy, c *hotfix.Case) { c.Latest.Status = 429 }, hotfix.Report, nil},
		{"pull-request", hotfix.Opened, func(_ *Policy, c *hotfix.Case) { c.Latest.Plugin.Kind, c.Latest.Trigger.Number = "ci", 4 }, hotfix.Report,
			func(_ *Policy, c *hotfix.Case) { c.Latest.Plugin.Kind, c.Latest.Trigger.Event = "ci", "push" }},
		{"pull-request", hotfix.Opened, func(_ *Policy, c *hotfix.Case) { c.Latest.Plugin.Kind, c.Latest.Trigger.Event = "ci", "pull_request" }, hotfix.Report,
			func(_ *Policy, c *hotfix.Case) { c.Latest.Trigger.Number = 4 }},
		{"too-soon", hotfix.Repeated, func(_ *Policy, c *hotfix.Case) {
			c.Attempts = []hotfix.Attempt{attempt(hotfix.NoFix, at.Add(-5*time.Hour))}
		}, hotfix.Report,
			func(_ *Policy, c *hotfix.Case) {
				c.Attempts = []hotfix.Attempt{attempt(hotfix.NoFix, at.Add(-7*time.Hour))}
			}},
		{"too-soon", hotfix.Repeated, func(_ *Policy, c *hotfix.Case) {
			c.Attempts = []hotfix.Attempt{attempt(hotfix.Broken, at.Add(-9*time.Hour)), attempt(hotfix.Refused, at.Add(-8*time.Hour))}
		}, hotfix.Report, func(_ *Policy, c *hotfix.Case) {
			c.Attempts = []hotfix.Attempt{attempt(hotfix.Broken, at.Add(-time.Hour))}
		}},
		{"too-many-attempts", hotfix.Reopened, func(p *Policy, c *hotfix.Case) {
			p.MaxAttempts, c.Attempts = 1, []hotfix.Attempt{attempt(hotfix.NoFix, at)}
		}, hotfix.Report, func(p *Policy, c *hotfix.Case) {
			p.MaxAttempts, c.Attempts = 2, []hotfix.Attempt{attempt(hotfix.NoFix, at)}
		}},
	} {
		t.Run(c.rule, func(t *testing.T) {
			t.Parallel()
			p, k := generous(), openCase()
			if c.fires != nil {
				c.fires(&p, &k)
			}
			d := p.Decide(k, c.change)
			require.Equal(t, c.action, d.Action, "%+v", d.Reasons)
			require.Len(t, d.Reasons, 1)
			require.Equal(t, c.rule, d.Reasons[0].Rule)
			requireSentence(t, d.Reasons[0])

			p, k = generous(), openCase()
			if c.silent != nil {
				c.silent(&p, &k)
			}
			change := c.change
			if change == hotfix.Duplicate {
				change = hotfix.Repeated
			}
			d = p.Decide(k, change)
			require.Equal(t, hotfix.Fix, d.Action, "%+v", d.Reasons)
			require.Equal(t, "no-objection", d.Reasons[0].Rule)
			require.Len(t, d.Reasons, 1)
		})
	}
}

func requireSentence(t *testing.T, r hotfix.Reason) {
	t.Helper()
	require.NotEmpty(t, r.Rule)
	require.Regexp(t, `^(?s)[A-Za-z].*\.$`, r.Because)
	require.NotContains(t, r.Because, "%!")
	require.NotContains(t, r.Because, "..")
}

// The signals that go by class: every class is one or the other.
func TestClassSignals(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		message string
		status  int
		rule    string
	}{
		{"fetch failed", 0, "transient"},
		{"connect ECONNREFUSED 10.0.0.1:443", 0, "transient"},
		{`Workflow "compute.yml" not found on default branch "main" for o/r; dispatch was not made`, 0, "not-code"},
		{"HTTP (target: https://w.example) 404: Not Found", 404, "not-code"},
		{"HTTP (target: https://w.example) 429: slow down", 429, "transient"},
		{"HTTP (target: https://w.example) 500: Unexpected error", 500, ""},
		{"TypeError: x is not a function", 0, ""},
	} {
		t.Run(c.message, func(t *testing.T) {
			t.Parallel()
			k := openCase()
			k.Latest.Message, k.Latest.Status = redact.Scrub(c.message), c.status
			d := generous().Decide(k, hotfix.Opened)
			if c.rule == "" {
				require.Equal(t, hotfix.Fix, d.Action, "%+v", d.Reasons)
				return
			}
			require.Equal(t, hotfix.Report, d.Action)
			require.Len(t, d.Reasons, 1)
			require.Equal(t, c.rule, d.Reasons[0].Rule, d.Reasons)
			require.True(t, d.Reasons[0].Soft)
			requireSentence(t, d.Reasons[0])
		})
	}
}

// A person waives soft signals and no other.
func TestAsked(t *testing.T) {
	t.Parallel()
	p, k := generous(), openCase()
	k.Ask = &hotfix.Ask{By: "carla"}
	k.Latest.Status = 503
	k.Attempts = make([]hotfix.Attempt, 5)
	for i := range k.Attempts {
		k.Attempts[i] = attempt(hotfix.NoFix, k.Last)
	}
	require.Equal(t, hotfix.Report, p.Decide(k, hotfix.Repeated).Action)
	d := p.Decide(k, hotfix.Asked)
	require.Equal(t, hotfix.Fix, d.Action)
	require.Equal(t, hotfix.HighRisk, d.Risk)
	require.Equal(t, hotfix.Reason{Rule: "asked", Because: "carla asked for an attempt."}, d.Reasons[0])
	require.Len(t, d.Reasons, 3)
	for _, r := range d.Reasons[1:] {
		require.True(t, r.Soft, r.Rule)
	}
	for name, change := range map[string]func(*Policy, *hotfix.Case){
		"off":      func(p *Policy, _ *hotfix.Case) { p.Off = "x" },
		"repo":     func(p *Policy, _ *hotfix.Case) { p.Allow = nil },
		"own":      func(p *Policy, _ *hotfix.Case) { p.Own = "greet" },
		"kernel":   func(_ *Policy, c *hotfix.Case) { c.Latest.Plugin.Kind = "kernel" },
		"nofix":    func(p *Policy, _ *hotfix.Case) { p.NoFix = "x" },
		"running":  func(_ *Policy, c *hotfix.Case) { c.Attempts = append(c.Attempts, attempt("", c.Last)) },
		"proposal": func(_ *Policy, c *hotfix.Case) { c.State = hotfix.Fixing },
		"limit":    func(p *Policy, _ *hotfix.Case) { p.FixesToday = 3 },
	} {
		p, k := p, k
		change(&p, &k)
		require.Less(t, p.Decide(k, hotfix.Asked).Action, hotfix.Fix, name)
	}
}

// A policy may take medium risks by itself; never high ones.
func TestMaxRisk(t *testing.T) {
	t.Parallel()
	p, k := generous(), openCase()
	k.Latest.Status = 502
	require.Equal(t, hotfix.Report, p.Decide(k, hotfix.Opened).Action)
	p.MaxRisk = hotfix.MediumRisk
	require.Equal(t, hotfix.Fix, p.Decide(k, hotfix.Opened).Action)
	p.MaxRisk = hotfix.HighRisk
	k.Attempts = []hotfix.Attempt{attempt(hotfix.NoFix, k.Last)}
	p.MaxAttempts = 1
	require.Equal(t, hotfix.Report, p.Decide(k, hotfix.Reopened).Action)
}

func TestTheZeroPolicyAllowsNothing(t *testing.T) {
	t.Parallel()
	for _, change := range []hotfix.Change{hotfix.Opened, hotfix.Repeated, hotfix.Reopened, hotfix.Asked, hotfix.Duplicate} {
		require.Equal(t, hotfix.Ignore, Policy{}.Decide(openCase(), change).Action)
	}
	p := Policy{Allow: []hotfix.Repo{greet}}
	require.Equal(t, hotfix.Report, p.Decide(openCase(), hotfix.Opened).Action)
	require.Equal(t, hotfix.Report, p.Decide(openCase(), hotfix.Asked).Action)
	require.NotEmpty(t, p.Vet(hotfix.Patch{}, hotfix.Evidence{}))
}
