package kerneltest

import (
	"bytes"
	"context"
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"
)

// A Kernel is a small faithful kernel: it calls plugins and tells the daemon when one of them fails.
type Kernel struct {
	Key      *rsa.PrivateKey
	Daemon   string       // where daemon-hotfix listens
	Settings any          // of daemon-hotfix
	Token    string       // installation token that plugins and the daemon get
	Client   *http.Client // default: http.DefaultClient
	Now      func() time.Time

	GitHub    string   // where the workflows of plugins are dispatched
	PluginKey string   // of daemon-hotfix in the configuration, such as "acme/daemon-hotfix@main"
	Listeners []string // of its manifest; nil is all
	Guards    *Guards  // nil: none, as the real kernel
}

// An Answer is what a plugin or the daemon said.
type Answer struct {
	StateID string // of the dispatch
	Status  int
	Body    []byte
}

// Dispatch sends a webhook's event to a plugin. When that fails, it reports the failure to the daemon; told says
// whether the daemon heard of it. The error is the failure of our own report.
func (k *Kernel) Dispatch(ctx context.Context, hook Webhook, p Plugin) (told bool, answer Answer, err error) {
	start := k.now()
	f := k.call(ctx, hook, p)
	if f == nil || ctx.Err() != nil {
		return false, Answer{}, ctx.Err()
	}
	f.Took, f.At = k.now().Sub(start), k.now()
	if k.holds(*f) {
		return false, Answer{}, nil
	}
	answer, err = k.tell(ctx, *f)
	return err == nil, answer, err
}

// call returns nil if the plugin did its part.
func (k *Kernel) call(ctx context.Context, hook Webhook, p Plugin) *Failure {
	payload := map[string]any{}
	for name, v := range hook.Payload {
		payload[name] = v
	}
	_, action, _ := strings.Cut(hook.Event, ".")
	for name, v := range map[string]any{"action": action, "installation": map[string]any{"id": hook.Installation},
		"sender":     map[string]any{"login": hook.Actor, "type": "User"},
		"repository": map[string]any{"name": hook.Repo, "full_name": hook.Owner + "/" + hook.Repo, "owner": map[string]any{"login": hook.Owner}}} {
		if _, given := payload[name]; !given {
			payload[name] = v
		}
	}
	if _, given := payload["issue"]; !given && hook.Issue != 0 {
		payload["issue"] = map[string]any{"number": hook.Issue}
	}
	f := &Failure{Plugin: p, Webhook: hook, StateID: NewID()}
	fields := Fields{StateID: f.StateID, Event: hook.Event, Payload: payload, Settings: p.Settings}
	if p.URL == "" {
		return k.callWorkflow(ctx, f, fields)
	}
	answer, err := k.post(ctx, p.URL, fields)
	switch {
	case err != nil:
		f.Message = "fetch failed"
	case answer.Status < 200 || answer.Status > 299:
		f.Message = fmt.Sprintf("HTTP (target: %s) %d: %s", p.URL, answer.Status, answer.Body)
	case !json.Valid(answer.Body):
		f.Message = parseError(answer.Body)
	default:
		return nil
	}
	return f
}

// Report sends the daemon a kernel.plugin_error about f, unless the guards hold it back; the answer is empty then.
func (k *Kernel) Report(ctx context.Context, f Failure) (Answer, error) {
	if k.holds(f) {
		return Answer{}, nil
	}
	return k.tell(ctx, f)
}

func (k *Kernel) tell(ctx context.Context, f Failure) (Answer, error) {
	if f.At.IsZero() {
		f.At = k.now()
	}
	return k.Send(ctx, Fields{Payload: f.Payload()})
}

// Send posts any signed request to the daemon. The error says that it did not arrive, or was not taken.
func (k *Kernel) Send(ctx context.Context, f Fields) (Answer, error) {
	if f.Settings == nil {
		f.Settings = k.Settings
	}
	answer, err := k.post(ctx, k.Daemon, f)
	if err != nil {
		return answer, fmt.Errorf("post to %s: %w", k.Daemon, err)
	}
	if answer.Status < 200 || answer.Status > 299 || !json.Valid(answer.Body) {
		return answer, fmt.Errorf("post to %s: status %d: %.300s", k.Daemon, answer.Status, answer.Body)
	}
	return answer, nil
}

// post signs f for url and sends it with the kernel's headers.
func (k *Kernel) post(ctx context.Context, url string, f Fields) (Answer, error) {
	f.Ref, f.Now = url, k.now()
	if f.Token == "" {
		f.Token = k.Token
	}
	f = f.withDefaults()
	pairs := signed(k.Key, f)
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(object(pairs)))
	if err != nil {
		return Answer{}, err
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("X-Hub-Signature-256", "sha256="+pairs[len(pairs)-1].value)
	req.Header.Set("User-Agent", "Deno/2.9.6")
	res, err := k.client().Do(req)
	if err != nil {
		return Answer{StateID: f.StateID}, err
	}
	defer res.Body.Close()
	body, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	return Answer{StateID: f.StateID, Status: res.StatusCode, Body: body}, err
}

func (k *Kernel) client() *http.Client {
	if k.Client == nil {
		return http.DefaultClient
	}
	return k.Client
}

func (k *Kernel) now() time.Time {
	if k.Now == nil {
		return time.Now()
	}
	return k.Now()
}

// parseError words an answer that is not JSON as JSON.parse does.
func parseError(body []byte) string {
	text := strings.TrimSpace(string(body))
	if text == "" {
		return "Unexpected end of JSON input"
	}
	first, shown := []rune(text)[0], text
	if runes := []rune(text); len(runes) > 10 {
		shown = string(runes[:10])
		return fmt.Sprintf("Unexpected token '%c', \"%s\"... is not valid JSON", first, shown)
	}
	return fmt.Sprintf("Unexpected token '%c', \"%s\" is not valid JSON", first, shown)
}

// PluginError returns the signed body that reports f, for whoever posts it another way.
func PluginError(key *rsa.PrivateKey, f Failure, fields Fields) []byte {
	fields.Event, fields.Payload = "kernel.plugin_error", f.Payload()
	return Sign(key, fields)
}
