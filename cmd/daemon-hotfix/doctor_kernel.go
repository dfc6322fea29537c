package main

import (
	"encoding/json"
	"fmt"
	"os"
	"regexp"
	"slices"
	"strings"

	"gopkg.in/yaml.v3"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
)

// repoKey is a repository key of the kernel's configuration: owner/repo[:workflow][@ref].
var repoKey = regexp.MustCompile(`^[0-9A-Za-z._-]+/([0-9A-Za-z._-]+)(:[0-9A-Za-z._-]+)?(@\S+)?$`)

// ownName is the only repository name to which the kernel passes workflow and check events (see docs/kernel.md).
const ownName = "daemon-hotfix"

// An entry is what the kernel's configuration says of one plugin.
type entry struct {
	With          map[string]any `yaml:"with"`
	RunsOn        []string       `yaml:"runsOn"`
	SkipBotEvents *bool          `yaml:"skipBotEvents"`
}

// kernelFile reads one configuration file of this machine.
func (d *doctor) kernelFile(name string) {
	text, err := os.ReadFile(name)
	if err != nil {
		d.found("kernel config", err, "Check --kernel-config.", "")
		return
	}
	d.kernelText(name, string(text))
}

// kernelFindings says what is wrong with the kernel's configuration as far as it is about us. homepage is our own
// address, "" if it is not known. Each rule is one that the kernel really has.
func kernelFindings(text, homepage string) (out []diagnosis) {
	say := func(status, do, says string, args ...any) {
		out = append(out, diagnosis{Status: status, Says: fmt.Sprintf(says, args...), Do: do})
	}
	var file struct {
		Plugins map[string]*entry `yaml:"plugins"`
	}
	if err := yaml.Unmarshal([]byte(text), &file); err != nil {
		say(problem, "Mend the file: the kernel loads no plugin from it.", "it cannot be read: %v", err)
		return out
	}
	var ours []string
	for key, e := range file.Plugins {
		if m := repoKey.FindStringSubmatch(key); m != nil && m[1] == ownName {
			ours = append(ours, key)
		} else if ourURL(key, homepage) {
			ours = append(ours, key)
			say(problem, "Install it by repository key, OWNER/daemon-hotfix, and let the manifest's homepage_url say where it is served.",
				"%q is an address: with such a key the kernel drops kernel.plugin_error and never passes workflow events on", key)
		} else if m != nil && strings.EqualFold(m[1], ownName) {
			say(problem, "Rename the repository to daemon-hotfix.", "%q: the kernel passes workflow events only to a repository called exactly daemon-hotfix", key)
		}
		for _, event := range runsOn(e) {
			if strings.HasPrefix(event, "kernel.") {
				say(problem, "Take it out of runsOn: the manifest already lists it.", "%q has runsOn: %s, which is no event of GitHub, and one such name switches off every plugin of the file", key, event)
			}
		}
	}
	slices.Sort(ours)
	switch {
	case len(ours) == 0:
		say(warning, "`daemon-hotfix init` prints the block to add.", "no plugin in it is daemon-hotfix")
	case len(ours) > 1:
		say(warning, "Keep one of them.", "%s are two subscriptions, so every failure arrives twice", strings.Join(ours, " and "))
	}
	for _, key := range ours {
		ourEntry(key, file.Plugins[key], say)
	}
	slices.SortFunc(out, func(a, b diagnosis) int { return strings.Compare(a.Says, b.Says) })
	return out
}

// ownRepos are the repositories that a configuration names as daemon-hotfix, at their default branch: what is there at
// another ref is not looked at.
func ownRepos(text string) (out []hotfix.Repo) {
	var file struct {
		Plugins map[string]any `yaml:"plugins"`
	}
	if yaml.Unmarshal([]byte(text), &file) != nil {
		return nil // said before
	}
	for key := range file.Plugins {
		if m := repoKey.FindStringSubmatch(key); m != nil && m[1] == ownName && m[3] == "" {
			owner, _, _ := strings.Cut(key, "/")
			out = append(out, hotfix.Repo{Owner: owner, Name: ownName})
		}
	}
	return out
}

func runsOn(e *entry) []string {
	if e == nil {
		return nil
	}
	return e.RunsOn
}

// ourURL reports whether a key is an address that we are served at.
func ourURL(key, homepage string) bool {
	if !strings.HasPrefix(key, "http://") && !strings.HasPrefix(key, "https://") {
		return false
	}
	return homepage != "" && strings.TrimRight(key, "/") == strings.TrimRight(homepage, "/") || strings.Contains(key, ownName)
}

// ourEntry looks at the settings of our own entry.
func ourEntry(key string, e *entry, say func(status, do, says string, args ...any)) {
	if e == nil {
		return
	}
	if e.SkipBotEvents != nil && *e.SkipBotEvents {
		say(problem, "Take it out, or set it to false.", "%q has skipBotEvents: true, so failures that a bot triggered never arrive", key)
	}
	raw, err := json.Marshal(e.With)
	if err != nil {
		say(problem, "Write settings that JSON can hold.", "%q: its settings cannot be sent: %v", key, err)
		return
	}
	_, warnings := daemon.ParseSettings(raw)
	for _, w := range warnings {
		say(warning, "Compare with the README's table of settings.", "%q: %s", key, w)
	}
	if _, list := e.With["allowlistRepos"]; list && e.With["allowWorkflowEvents"] != true {
		say(warning, "Add allowWorkflowEvents: true if failed workflow runs shall arrive.", "%q has allowlistRepos without allowWorkflowEvents: true, so no workflow events arrive", key)
	}
}
