package kerneltest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"
)

// Guards are what the draft of the protocol wants of the kernel and the real one lacks.
type Guards struct {
	PerRepo int           // plugin errors told about one repository within Within; 0 is no limit
	Within  time.Duration // default one hour
	NoSelf  bool          // failures of daemon-hotfix itself are told to nobody

	mu sync.Mutex
	at map[string][]time.Time // what was told, by plugin
}

// ownName is the one repository name that may get workflow and check events.
const ownName = "daemon-hotfix"

// holds reports whether the guards keep f from being told.
func (k *Kernel) holds(f Failure) bool {
	g := k.Guards
	if g == nil {
		return false
	}
	if g.NoSelf && (strings.EqualFold(f.Plugin.Repo, ownName) || f.Plugin.URL == k.Daemon) {
		return true
	}
	if g.PerRepo <= 0 {
		return false
	}
	within := g.Within
	if within <= 0 {
		within = time.Hour
	}
	of, now := strings.ToLower(f.Plugin.Owner+"/"+f.Plugin.Repo+" "+f.Plugin.URL), k.now()
	g.mu.Lock()
	defer g.mu.Unlock()
	recent := slices.DeleteFunc(g.at[of], func(at time.Time) bool { return now.Sub(at) >= within })
	if len(recent) >= g.PerRepo {
		return true
	}
	if g.at == nil {
		g.at = map[string][]time.Time{}
	}
	g.at[of] = append(recent, now)
	return false
}

// Event passes one of GitHub's own events on to the daemon if the real kernel would, and reports whether it did.
// Events of workflows and checks go only to a plugin configured by a repository called daemon-hotfix, whose settings
// allow them and, if they list repositories, name this one.
func (k *Kernel) Event(ctx context.Context, event string, payload map[string]any) (passed bool, answer Answer, err error) {
	if !k.passes(event, payload) {
		return false, Answer{}, nil
	}
	answer, err = k.Send(ctx, Fields{Event: event, Payload: payload})
	return err == nil, answer, err
}

func (k *Kernel) passes(event string, payload map[string]any) bool {
	if k.Listeners != nil && !slices.Contains(k.Listeners, event) || event == "deployment_status.created" {
		return false
	}
	guarded := false
	for _, prefix := range []string{"workflow_", "check_", "deployment"} {
		guarded = guarded || strings.HasPrefix(event, prefix)
	}
	if !guarded {
		return true
	}
	var with struct {
		Allow *bool    `json:"allowWorkflowEvents"`
		Repos []string `json:"allowlistRepos"`
	}
	if json.Unmarshal(encode(k.Settings), &with) != nil || with.Allow == nil || !*with.Allow {
		return false
	}
	_, name, _ := strings.Cut(k.PluginKey, "/")
	name, _, _ = strings.Cut(name, "@")
	name, _, _ = strings.Cut(name, ":")
	if name != ownName {
		return false
	}
	repository, _ := payload["repository"].(map[string]any)
	full, _ := repository["full_name"].(string)
	return len(with.Repos) == 0 || slices.ContainsFunc(with.Repos, func(r string) bool { return strings.EqualFold(r, full) })
}

// callWorkflow dispatches a plugin's workflow at GitHub. It returns nil if GitHub took it.
func (k *Kernel) callWorkflow(ctx context.Context, f *Failure, fields Fields) *Failure {
	p := f.Plugin
	fields.Ref, fields.Now = p.Ref, k.now()
	if fields.Token == "" {
		fields.Token = k.Token
	}
	inputs := map[string]string{}
	for _, pair := range signed(k.Key, fields.withDefaults()) {
		inputs[pair.name] = pair.value
	}
	address := fmt.Sprintf("%s/repos/%s/%s/actions/workflows/%s/dispatches", k.GitHub, p.Owner, p.Repo, p.workflow())
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, address, bytes.NewReader(encode(map[string]any{"ref": p.Ref, "inputs": inputs})))
	if err != nil {
		f.Message = "fetch failed"
		return f
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("Authorization", "Bearer "+k.Token)
	res, err := k.client().Do(req)
	if err != nil {
		f.Message = "fetch failed"
		return f
	}
	defer res.Body.Close()
	if res.StatusCode/100 == 2 {
		return nil
	}
	var said struct {
		Message string `json:"message"`
		Docs    string `json:"documentation_url"`
	}
	body, _ := io.ReadAll(io.LimitReader(res.Body, 64<<10)) // what came will do
	_ = json.Unmarshal(body, &said)
	f.Message, f.Status = said.Message, res.StatusCode
	if said.Docs != "" {
		f.Message += " - " + said.Docs
	}
	return f
}
