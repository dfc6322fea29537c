package kerneltest

import (
	"regexp"
	"strings"
	"time"
	"unicode/utf16"
)

// The kinds of plugin.
const (
	HTTP     = "http"     // configured by URL
	Workflow = "workflow" // configured by repository
	Internal = "kernel"   // the kernel itself
)

// A Plugin is an entry of a configuration. Either URL or Owner and Repo name it; a repository key may also be served
// by a worker at URL.
type Plugin struct {
	URL                   string
	Owner, Repo, Ref      string // Ref is empty if the kernel could not resolve it
	Workflow              string // default "compute.yml"
	SourceRepo, SourceRef string // settings under `with` that the kernel reads
	Settings              any    // everything else under `with`; only the plugin gets it
}

// A Webhook is the event that a plugin was to react to.
type Webhook struct {
	Event        string // "issues.opened"
	Delivery     string // X-GitHub-Delivery; default: a new one
	Owner, Repo  string
	Issue        int // 0: none
	Actor        string
	Installation int64
	Payload      map[string]any // what else the plugin gets
}

// A Failure is what becomes of a dispatch that threw.
type Failure struct {
	Kind    string // default: from the plugin
	Plugin  Plugin
	Webhook Webhook
	StateID string // of the dispatch that failed; default: a new one
	Message string // in full; it is cut here
	Status  int    // of a GitHub error; 0 is sent as null
	Lines   []string
	Took    time.Duration
	At      time.Time
	Draft   *Draft // what drafts of the protocol add; nil is the real kernel's form
}

// A Draft is what drafts of the protocol say of a failure and the real kernel does not.
type Draft struct {
	Category        string // "dispatch", "http", "workflow", "timeout", "validation"
	Status          int
	Stack, Raw      string
	ShortName       string // of the plugin's manifest
	Inputs          any    // that the plugin got
	ResponseSnippet string
	Retries         int
}

// add writes what the draft says into a payload.
func (d *Draft) add(payload map[string]any) {
	fault, plugin, ctx := payload["error"].(map[string]any), payload["plugin"].(map[string]any), payload["context"].(map[string]any)
	fault["category"], fault["status"], fault["stack"], fault["raw"] = d.Category, d.Status, d.Stack, d.Raw
	plugin["manifest"] = map[string]any{"name": "A plugin", "short_name": d.ShortName}
	ctx["pluginInputs"], ctx["responseSnippet"], ctx["retryCount"] = d.Inputs, d.ResponseSnippet, d.Retries
}

// Cut lengths of the kernel, in UTF-16 code units.
const (
	messageCut = 280
	lineCut    = 240
	trailMax   = 40
)

var kernelRedacts = []struct {
	secret *regexp.Regexp
	mask   string
}{
	{regexp.MustCompile(`(?i)\bBearer\s+[A-Za-z0-9._~+/=-]+`), "Bearer [REDACTED]"},
	{regexp.MustCompile(`\b(?:gh[pousr]_|github_pat_)[A-Za-z0-9_]+`), "[REDACTED]"},
}

// cut shortens s as the kernel does, and only then redacts what the kernel knows.
func cut(s string, limit int) string {
	if units := utf16.Encode([]rune(s)); len(units) > limit {
		s = string(utf16.Decode(units[:limit])) + "..."
	}
	for _, r := range kernelRedacts {
		s = r.secret.ReplaceAllString(s, r.mask)
	}
	return s
}

// Payload is the event payload of a kernel.plugin_error.
func (f Failure) Payload() map[string]any {
	if f.At.IsZero() {
		f.At = time.Now()
	}
	if f.StateID == "" {
		f.StateID = NewID()
	}
	if f.Webhook.Delivery == "" {
		f.Webhook.Delivery = NewID()
	}
	hook, request, kind := f.Webhook, NewID(), f.kind()
	var status, issue any
	if f.Status != 0 {
		status = f.Status
	}
	if hook.Issue != 0 {
		issue = hook.Issue
	}
	const config = ".github/.ubiquity-os.config.yml"
	payload := map[string]any{
		"event": "kernel.plugin_error", "timestamp": stamp(f.At), "stateId": f.StateID, "environment": "production",
		"configPath": config, "config": map[string]any{"path": config, "sources": []any{}},
		"kernel":  map[string]any{"commit": "df8cdd5"},
		"source":  map[string]any{"kernelRepo": "ubiquity-os/ubiquity-os-kernel", "environment": "production"},
		"trigger": map[string]any{"githubEvent": hook.Event, "deliveryId": hook.Delivery, "repo": hook.Owner + "/" + hook.Repo, "issueOrPr": issue, "actor": hook.Actor},
		"plugin":  f.plugin(kind), "error": map[string]any{"message": cut(f.Message, messageCut), "status": status, "category": kind},
		"context":    map[string]any{"retryCount": 0, "requestId": request},
		"logTrail":   map[string]any{"requestId": request, "startedAt": stamp(f.At.Add(-f.Took)), "durationMs": f.Took.Milliseconds(), "lines": f.trail()},
		"repository": f.repository(), "installation": map[string]any{"id": hook.Installation},
	}
	if f.Draft != nil {
		f.Draft.add(payload)
	}
	return payload
}

func (f Failure) kind() string {
	switch {
	case f.Kind != "":
		return f.Kind
	case f.Plugin.Repo != "":
		return Workflow
	}
	return HTTP
}

func (f Failure) plugin(kind string) map[string]any {
	p := f.Plugin
	out := map[string]any{"type": kind}
	switch kind {
	case Internal: // owner and repo are the triggering repository's
		out["id"], out["owner"], out["repo"], out["ref"] = "ubiquity-os/ubiquity-os-kernel", f.Webhook.Owner, f.Webhook.Repo, "df8cdd5"
		return out
	case Workflow:
		workflow, ref := p.workflow(), p.Ref
		if p.URL != "" {
			ref = p.URL
		}
		out["id"] = p.Owner + "/" + p.Repo + ":" + workflow + "@" + ref
		out["owner"], out["repo"], out["workflowId"], out["ref"] = p.Owner, p.Repo, workflow, ref
	default:
		out["id"], out["ref"] = p.URL, p.URL
	}
	with := map[string]any{}
	if p.SourceRepo != "" {
		with["sourceRepo"] = p.SourceRepo
	}
	if p.SourceRef != "" {
		with["sourceRef"] = p.SourceRef
	}
	if len(with) > 0 {
		out["settings"] = map[string]any{"with": with}
	}
	return out
}

func (p Plugin) workflow() string {
	if p.Workflow == "" {
		return "compute.yml"
	}
	return p.Workflow
}

// trail is the log of the request: its first lines, so that on a busy request the error itself is lost.
func (f Failure) trail() []string {
	lines := f.Lines
	if lines == nil {
		lines = []string{"DEBUG Webhook received", "INFO Will call plugins for event | name=" + f.Webhook.Event,
			"ERROR Error processing plugin; skipping | name=" + f.Webhook.Event + ` err="` + f.Message + `"`}
	}
	lines = lines[:min(len(lines), trailMax)]
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = cut(l, lineCut)
	}
	return out
}

// repository is the one whose installation's token is sent: that of sourceRepo, or the triggering one.
func (f Failure) repository() map[string]any {
	owner, name := f.Webhook.Owner, f.Webhook.Repo
	if o, n, ok := strings.Cut(f.Plugin.SourceRepo, "/"); ok && f.kind() != Internal {
		owner, name = o, n
	}
	return map[string]any{"owner": map[string]any{"login": owner}, "name": name, "full_name": owner + "/" + name}
}

func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
