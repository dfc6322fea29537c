package engine_test

import (
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/engine"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

func TestTrap08LabelsArePreferences(t *testing.T) {
	t.Parallel()
	const create = "POST /repos/acme/greet/issues"
	for _, c := range []struct {
		name, says string
		faults     []forgetest.Fault
	}{
		{"there is no such label", "Validation Failed: label", []forgetest.Fault{{On: create, Status: 422, Message: "Validation Failed: label"}}},
		{"it may not be set", "Resource not accessible", []forgetest.Fault{{On: create, Status: 403, Message: "Resource not accessible by integration"}}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			var log syncBuffer
			p := newPlace(t, func(c *engine.Config) { c.Daemon.Log = slog.New(slog.NewTextHandler(&log, nil)) })
			p.forge.AddUser("ada", "write")
			p.kernel.Settings = map[string]any{"issueLabels": []string{"no such label"}}
			p.forge.FailNext(c.faults...)
			p.fails(t, "boom")
			p.settle(t)
			i := p.one(t)
			require.Empty(t, i.Labels)
			require.Regexp(t, "It lacks labels of the settings: no such label: .*"+c.says, i.Body, "a person who reads the issue sees why")
			p.hook(t, "issue_comment", "d-1", comment(i.Number, "ada", "/hotfix explain"))
			p.settle(t)
			require.Regexp(t, "The issue lacks labels of the settings: no such label: .*"+c.says, p.one(t).Comments[0].Body)
		})
	}
}

func TestTrap09WhatPeopleDidIsHeeded(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name  string
		do    func(*place, int) error
		after func(*testing.T, *place)
	}{
		{"closed as not planned", func(p *place, n int) error { return p.forge.SetState(repo, n, "closed", "not_planned") }, func(t *testing.T, p *place) {
			require.Equal(t, "closed", p.forge.Issues(repo)[0].State)
		}},
		{"locked", func(p *place, n int) error { return p.forge.Lock(repo, n) }, func(t *testing.T, p *place) {
			require.Equal(t, "open", p.forge.Issues(repo)[0].State)
		}},
		{"deleted", func(p *place, n int) error { return p.forge.Delete(repo, n) }, func(t *testing.T, p *place) {
			require.Empty(t, p.forge.Issues(repo), "whoever removed it did not want it")
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			at := time.Now()
			var mu sync.Mutex
			p := newPlace(t, func(c *engine.Config) {
				c.Daemon.Now = func() time.Time { mu.Lock(); defer mu.Unlock(); return at }
			})
			p.fails(t, "boom")
			n := p.one(t).Number
			require.NoError(t, c.do(p, n))
			mu.Lock()
			at = at.Add(20 * time.Minute) // figures are told again
			mu.Unlock()
			p.fails(t, "boom")
			p.settle(t)
			require.LessOrEqual(t, len(p.forge.Issues(repo)), 1)
			c.after(t, p)
		})
	}
}

func TestTrap10TheDaemonNeverReactsToItself(t *testing.T) {
	t.Parallel()
	var connect func(redact.Secret) daemon.Forge
	p := newPlace(t, func(c *engine.Config) {
		connect = c.Daemon.Connect
		c.Daemon.Policy.Allow = append(c.Daemon.Policy.Allow, hotfix.Repo{Owner: "acme", Name: "*"})
	})
	p.fails(t, "boom", func(f *kerneltest.Failure) { f.Plugin.Repo = "daemon-hotfix" })
	p.fails(t, "boom", func(f *kerneltest.Failure) { f.Plugin = kerneltest.Plugin{URL: p.server.URL} })
	p.fails(t, "boom", func(f *kerneltest.Failure) {
		f.Plugin = kerneltest.Plugin{URL: "https://w.example", SourceRepo: "fork/Daemon-Hotfix"}
	})
	ours := incident(500, "abc")["workflow_run"]
	ours["workflow_run"].(map[string]any)["head_branch"] = "hotfix/v1-" + strings.Repeat("0a", 16)
	p.hook(t, "workflow_run", "d-1", ours)
	p.settle(t)
	require.Empty(t, p.forge.Calls())
	dropped, err := p.engine.Store().Drops(t.Context())
	require.NoError(t, err)
	counts := map[string]int{}
	for _, d := range dropped {
		counts[d.Rule] += d.N
	}
	require.Equal(t, map[string]int{"own-failure": 3, "own-branch": 1}, counts, "none is silent")

	p.fails(t, "boom")
	n := p.one(t).Number
	p.fails(t, "gamma is undefined", func(f *kerneltest.Failure) { f.Webhook.Repo, f.Webhook.Issue = "greet", n }) // reacting to our issue
	require.Equal(t, n, p.one(t).Number)

	twin := newPlace(t, func(c *engine.Config) { c.Daemon.Connect = connect }) // another daemon with the same key
	twin.fails(t, "delta is null")
	p.fails(t, "delta is null")
	twin.settle(t)
	p.settle(t)
	open := 0
	for _, i := range p.forge.Issues(repo) {
		if i.State == "open" && strings.Contains(i.Title, "delta") {
			open++
		}
	}
	require.Equal(t, 1, open)
}

func TestTrap11NoAccessNamesWhatIsMissing(t *testing.T) {
	t.Parallel()
	fallback := hotfix.Repo{Owner: "acme", Name: ".ubiquity-os"}
	var p *place
	p = newPlace(t, func(c *engine.Config) {
		c.Daemon.Sources.Fallback = fallback
		c.Daemon.Connect = func(redact.Secret) daemon.Forge {
			token := p.forge.AddToken(forgetest.Access{Login: "hotfix[bot]", Repos: []hotfix.Repo{fallback}})
			github, err := forge.New(forge.Config{API: p.forge.API(), Server: p.forge.URL(), Token: token})
			if err != nil {
				panic(err)
			}
			return github
		}
	})
	require.NoError(t, p.forge.AddRepo(fallback, map[string]string{"README.md": "x\n"}))
	p.fails(t, "boom")
	p.settle(t)
	require.Empty(t, p.forge.Issues(repo))
	require.Len(t, p.forge.Issues(fallback), 1)
	require.Contains(t, p.forge.Issues(fallback)[0].Body, "may not write to acme/greet")
}

func TestTrap12LostLogsAreNoReasonToGuess(t *testing.T) {
	t.Parallel()
	p := newPlace(t, nil)
	_, err := p.forge.AddRun(repo, forgetest.Run{ID: 500, Name: "ci", SHA: "abc", Branch: "main", NoLogs: true})
	require.NoError(t, err)
	p.hook(t, "workflow_run", "d-1", incident(500, "abc")["workflow_run"])
	early := make([]string, 40)
	for i := range early {
		early[i] = fmt.Sprintf("DEBUG still busy with request %d", i)
	}
	p.fails(t, "boom", func(f *kerneltest.Failure) { f.Lines = early })
	p.settle(t)
	require.Len(t, p.forge.Issues(repo), 2)
	require.Empty(t, p.forge.Pulls(repo))
}
