package daemon

import (
	"context"
	"fmt"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
)

// Sources say where the source of a plugin lives when a failure does not.
type Sources struct {
	Map      map[string]hotfix.Repo // by the plugin's URL or id
	Private  bool                   // manifests may be fetched from addresses that are not public
	Fallback hotfix.Repo            // where problems go whose repository is unknown or out of reach; zero: nowhere
}

// Rules of failures that are not counted at all.
const (
	ruleWorkflowEvents = "workflow-events-off"
	ruleOwnFailure     = "own-failure"
)

// locate says whose bug a failure is. The repository is, in this order, what the kernel was told (sourceRepo, or
// the plugin's own), what the plugin's manifest says of itself, what the operator's map says. It may stay unknown.
// Whether it may be written to is the policy's question, whoever named it.
func (d *Daemon) locate(ctx context.Context, f hotfix.Failure, s Settings) (hotfix.Failure, *hotfix.Reason) {
	if f.Plugin.Kind == "ci" && !s.AllowWorkflowEvents {
		return f, &hotfix.Reason{Rule: ruleWorkflowEvents, Because: "Failed runs and checks count only where the settings say allowWorkflowEvents: true."}
	}
	if f.Plugin.Repo.IsZero() && f.Plugin.URL != "" {
		named, err := d.manifests.shortName(ctx, f.Plugin.URL)
		if err != nil {
			d.cfg.Log.InfoContext(ctx, "manifest not read", "plugin", f.Plugin.ID, "err", err)
		}
		repo, ref, _ := strings.Cut(named, "@")
		if r, err := hotfix.ParseRepo(repo); err == nil {
			f.Plugin.Repo = r
			if f.Plugin.Ref == "" {
				f.Plugin.Ref = ref
			}
		}
	}
	for _, name := range []string{f.Plugin.URL, f.Plugin.ID} {
		if r, ok := d.cfg.Sources.Map[strings.TrimRight(strings.ToLower(name), "/")]; ok && f.Plugin.Repo.IsZero() {
			f.Plugin.Repo = r
		}
	}
	own := d.cfg.Policy.Own
	if own == "" {
		own = "daemon-hotfix"
	}
	if strings.EqualFold(f.Plugin.Repo.Name, own) {
		return f, &hotfix.Reason{Rule: ruleOwnFailure, Because: "The plugin that failed is daemon-hotfix itself."}
	}
	return f, nil
}

// place is the case of a failure that was not seen before.
func (d *Daemon) place(fp hotfix.Fingerprint, f hotfix.Failure) hotfix.Case {
	c := hotfix.Case{Fingerprint: fp, Repo: f.Plugin.Repo}
	if c.Repo.IsZero() && !d.cfg.Sources.Fallback.IsZero() {
		c.Repo, c.Denied = d.cfg.Sources.Fallback, "It is not known which repository this plugin comes from, so the issue is here. The operator can map its address to one."
	}
	return c
}

// within adds what the operator's own settings allow to the policy for c.
func (d *Daemon) within(p triage.Policy, c *hotfix.Case) triage.Policy {
	if c.Denied == "" {
		return p
	}
	p.Allow = append(p.Allow[:len(p.Allow):len(p.Allow)], d.cfg.Sources.Fallback)
	if p.NoFix == "" {
		p.NoFix = "the plugin's repository cannot be written to"
	}
	return p
}

// denied moves a case whose repository may not be written to into the fallback repository, if there is one. The
// sentence names what is missing.
func (d *Daemon) denied(c *hotfix.Case, err error) bool {
	to := d.cfg.Sources.Fallback
	if to.IsZero() || c.Issue != 0 || c.Denied != "" || c.Repo.Is(to) || !forbidden(err) {
		return false
	}
	c.Denied = fmt.Sprintf("The issue is here because the daemon may not write to %s: %s.", c.Repo, innermost(err))
	c.Repo = to
	return true
}
