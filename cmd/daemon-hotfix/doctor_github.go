package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// What the GitHub App needs. `init` writes it into the App's manifest, `doctor` compares it with what there is.
var (
	appPermissions = map[string]string{"actions": "read", "checks": "read", "contents": "write", "issues": "write", "metadata": "read", "pull_requests": "write"}
	appEvents      = []string{"check_run", "check_suite", "issue_comment", "workflow_run"}
)

// clockMost is how far clocks may differ: the kernel's own verifier allows a minute.
const clockMost = time.Minute

// github asks GitHub who we are, what we may and what time it is, and looks at each repository by name.
func (d *doctor) github(ctx context.Context) {
	client, err := d.Github.client(quiet)
	if err != nil {
		d.found("github", err, "Check --api-url and the credential in the environment.", "")
		return
	}
	a, err := client.Access(ctx)
	switch {
	case err != nil:
		d.found("github", err, "Check --api-url, the network, and the credential in the environment.", "")
	case a.Credential == "":
		d.add("github", warning, "Without a credential of its own the daemon can write only where the kernel's token may. Set up a GitHub App (`daemon-hotfix init` writes its manifest) or GITHUB_TOKEN.",
			"%s answers; no credential is configured", d.Github.APIURL)
	default:
		d.add("github", fine, "", "%s answers; the %s acts as %s", d.Github.APIURL, a.Credential, a.Login)
	}
	if err != nil {
		return
	}
	d.clock(a.Ahead)
	if a.Credential == "app" {
		d.app(a)
	}
	d.repositories(ctx, client, a.Credential != "")
}

func (d *doctor) clock(ahead time.Duration) {
	if ahead.Abs() > clockMost {
		d.add("clock", problem, "Switch time synchronisation on: deliveries are signed with their time and would be refused.", "this machine is %s away from GitHub's time", ahead.Abs())
		return
	}
	d.add("clock", fine, "", "within %s of GitHub's", max(ahead.Abs(), time.Second))
}

// app compares the App's permissions and events with what is needed.
func (d *doctor) app(a forge.Access) {
	var missing, deaf []string
	for name, level := range appPermissions {
		if has := a.Permissions[name]; has != level && has != "write" {
			missing = append(missing, fmt.Sprintf("%s: %s", name, level))
		}
	}
	for _, e := range appEvents {
		if !slices.Contains(a.Events, e) {
			deaf = append(deaf, e)
		}
	}
	slices.Sort(missing)
	if len(missing) > 0 {
		d.add("app permissions", problem, "Grant them in the App's settings; each installation has to accept them.", "missing: %s", strings.Join(missing, ", "))
	} else {
		d.add("app permissions", fine, "", "all that is needed")
	}
	if len(deaf) > 0 {
		d.add("app events", warning, "Subscribe to them in the App's settings, if failures shall come from GitHub itself and not only from the kernel.", "not subscribed to: %s", strings.Join(deaf, ", "))
	} else {
		d.add("app events", fine, "", "all that is needed")
	}
}

// repositories looks at each allowed repository that is named; an owner's star is taken as it is.
func (d *doctor) repositories(ctx context.Context, client *forge.Client, credential bool) {
	allow, err := repos(d.Allow)
	if err != nil || len(allow) == 0 {
		if err == nil {
			err = errors.New("no repository is allowed, so nothing is ever written")
		}
		d.found("allow list", err, "Name repositories with --allow owner/name, or --allow owner/*.", "")
		return
	}
	d.add("allow list", fine, "", "%s", strings.Join(d.Allow, ", "))
	for _, r := range allow {
		if r.Name == "*" || !credential {
			continue
		}
		err := client.Writable(ctx, r)
		if err != nil {
			err = fmt.Errorf("%s: %w", r, err)
		}
		d.found("repository", err, "Install the App there, or give the token write access to it.", "%s can be written to", r)
	}
}

// kernelFiles are where the kernel reads its configuration, for the environments production and development.
var kernelFiles = []string{".github/.ubiquity-os.config.yml", ".github/.ubiquity-os.config.dev.yml"}

// kernel reads the kernel's configuration, from files or from the repository in which each owner keeps it.
func (d *doctor) kernel(ctx context.Context) {
	for _, file := range d.KernelConfig {
		d.kernelFile(file)
	}
	if len(d.KernelConfig) > 0 || d.Offline {
		return
	}
	client, err := d.Github.client(quiet)
	if err != nil {
		return // said before
	}
	allow, _ := repos(d.Allow) // said before
	var seen []string
	for _, r := range allow {
		if slices.Contains(seen, r.Owner) {
			continue
		}
		seen = append(seen, r.Owner)
		d.kernelOf(ctx, client, r.Owner)
	}
}

func (d *doctor) kernelOf(ctx context.Context, client *forge.Client, owner string) {
	found := false
	for _, path := range kernelFiles {
		text, err := client.ReadFile(ctx, hotfix.Repo{Owner: owner, Name: ".ubiquity-os"}, path)
		if err != nil {
			continue // most owners have one of the two, or none that we may see
		}
		found = true
		d.kernelText(owner+"/.ubiquity-os "+path, text)
		for _, r := range ownRepos(text) {
			d.manifest(ctx, client, r)
		}
	}
	if !found {
		d.add("kernel config", warning, "Name the file with --kernel-config, if the kernel shall report failures to this daemon.", "no configuration of the kernel can be read in %s/.ubiquity-os", owner)
	}
}

// kernelText adds what is wrong with one configuration file.
func (d *doctor) kernelText(name, text string) {
	list := kernelFindings(text, d.Homepage)
	for _, f := range list {
		d.add("kernel config", f.Status, f.Do, "%s: %s", name, redact.Scrub(f.Says))
	}
	if len(list) == 0 {
		d.add("kernel config", fine, "", "%s installs the daemon as it should be", name)
	}
}

// manifest reads the manifest that the kernel finds in our own repository.
func (d *doctor) manifest(ctx context.Context, client *forge.Client, r hotfix.Repo) {
	const do = "Put the output of `daemon-hotfix manifest` there; with --homepage, if it is served and not run as a workflow."
	text, err := client.ReadFile(ctx, r, "manifest.json")
	if err == nil {
		err = checkManifest(text, d.Homepage)
	}
	if err != nil {
		err = fmt.Errorf("manifest.json of %s: %w", r, err)
	}
	d.found("manifest", err, do, "%s has one that the kernel can use", r)
}

// checkManifest says why the kernel cannot use a manifest of ours. homepage is our own address, "" if it is not known.
func checkManifest(text, homepage string) error {
	var m daemon.Manifest
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return err
	}
	if !slices.Contains(m.Listeners, "kernel.plugin_error") {
		return errors.New("it does not list kernel.plugin_error, so the kernel reports no failure")
	}
	if homepage != "" && strings.TrimRight(m.HomepageURL, "/") != strings.TrimRight(homepage, "/") {
		return fmt.Errorf("it has the homepage_url %q, and the daemon is at %s", m.HomepageURL, homepage)
	}
	return nil
}
