package evals

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge/forgetest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
)

// defaultStart is when a story begins whose first event does not say.
var defaultStart = time.Date(2026, 5, 4, 9, 0, 0, 0, time.UTC)

// A player acts a fixture's story out on a stage.
type player struct {
	f      *Fixture
	stage  *Stage
	fill   filler
	now    *clock
	watch  *watcher
	trap   *trap
	sent   []kerneltest.Fields
	heard  []heard  // what the prototype would have heard of
	said   []answer // what the daemon answered to the kernel
	expire string   // a credential that is no good
	mu     sync.Mutex
}

// heard is one failure as the kernel's payload names it.
type heard struct{ plugin, category, message string }

// answer is what the daemon said to one request.
type answer struct {
	status        int
	refused, rule string
}

// A clock stands still until somebody moves it.
type clock struct{ at atomic.Int64 }

func (c *clock) now() time.Time       { return time.Unix(0, c.at.Load()).UTC() }
func (c *clock) move(d time.Duration) { c.at.Add(int64(d)) }

// start is when the story begins: a minute after its first event happened.
func (f *Fixture) start() time.Time {
	for _, s := range f.Story {
		var event struct {
			Timestamp time.Time `json:"timestamp"`
		}
		if s.Verb == "send" && json.Unmarshal([]byte(f.Events[s.Args[0]]), &event) == nil && !event.Timestamp.IsZero() {
			return event.Timestamp.Add(time.Minute)
		}
	}
	return defaultStart.Add(time.Minute)
}

// setUp makes the repositories, people and runs of the fixture's world.
func (p *player) setUp(ctx context.Context) error {
	f, forge := p.f, p.stage.Forge
	files := map[string]string{}
	for name, text := range f.Files {
		filled, err := p.fill.fill(text)
		if err != nil {
			return err
		}
		files[name] = filled
	}
	if err := p.history(ctx, files); err != nil {
		return err
	}
	for _, name := range f.World.Repos {
		repo, err := hotfix.ParseRepo(name)
		if err != nil {
			return err
		}
		if err := forge.AddRepo(repo, map[string]string{"README.md": "# " + repo.Name + "\n"}); err != nil {
			return err
		}
	}
	for login, permission := range f.World.People {
		forge.AddUser(login, permission)
	}
	for _, r := range f.World.Runs {
		log, err := p.fill.fill(r.Log)
		if err != nil {
			return err
		}
		run := forgetest.Run{ID: r.ID, Name: r.Name, Branch: r.Branch, SHA: p.fill.commits["head"], NoLogs: r.Log == "",
			Jobs: []forgetest.Job{{Name: r.Job, Log: log, Steps: []forgetest.Step{{Name: r.Job, Conclusion: "failure"}}}}}
		if _, err := forge.AddRun(f.Repo, run); err != nil {
			return err
		}
	}
	return nil
}

// history makes the fixture's repository, with its earlier commits if it has some.
func (p *player) history(ctx context.Context, files map[string]string) error {
	f, forge := p.f, p.stage.Forge
	steps := slices.Sorted(maps.Keys(f.History))
	steps = slices.DeleteFunc(steps, func(n string) bool { _, err := strconv.Atoi(n); return err != nil })
	slices.SortFunc(steps, func(a, b string) int { x, _ := strconv.Atoi(a); y, _ := strconv.Atoi(b); return x - y })
	switch {
	case f.Bundle != "":
		if err := addBundle(ctx, forge, f.Repo, f.Bundle); err != nil {
			return err
		}
	case len(steps) == 0:
		if err := forge.AddRepo(f.Repo, files); err != nil {
			return err
		}
	default:
		if err := forge.AddRepo(f.Repo, f.History[steps[0]]); err != nil {
			return err
		}
		if err := p.remember(steps[0]); err != nil {
			return err
		}
		for _, n := range steps[1:] {
			if _, err := forge.Commit(f.Repo, "main", "Step "+n, f.History[n]); err != nil {
				return err
			}
			if err := p.remember(n); err != nil {
				return err
			}
		}
		if _, err := forge.Commit(f.Repo, "main", "Latest changes", files); err != nil {
			return err
		}
	}
	return p.remember("head")
}

// remember gives the tip of the default branch a name for {{commit "NAME"}}.
func (p *player) remember(name string) error {
	heads, err := p.stage.Forge.Branches(p.f.Repo)
	for branch, commit := range heads {
		if branch == "main" {
			p.fill.commits[name] = commit
		}
	}
	return err
}

// play acts every step of the story.
func (p *player) play(ctx context.Context) error {
	for _, s := range p.f.Story {
		if err := p.step(ctx, s); err != nil {
			return fmt.Errorf("%s %s: %w", s.Verb, strings.Join(s.Args, " "), err)
		}
		if err := p.stage.Settle(ctx); err != nil {
			return fmt.Errorf("after %s %s: %w", s.Verb, strings.Join(s.Args, " "), err)
		}
	}
	return nil
}

func (p *player) step(ctx context.Context, s Step) error {
	forge, repo := p.stage.Forge, p.f.Repo
	number := 0
	if len(s.Args) > 0 {
		number, _ = strconv.Atoi(s.Args[0]) // the parser has looked
	}
	switch s.Verb {
	case "send":
		return p.send(ctx, s)
	case "wait":
		d, err := time.ParseDuration(s.Args[0])
		p.now.move(d)
		return err
	case "close":
		return forge.SetState(repo, number, "closed", s.Args[1])
	case "reopen":
		return forge.SetState(repo, number, "open", "reopened")
	case "merge":
		return forge.Merge(repo, number)
	case "edit":
		return forge.EditBody(repo, number, func(body string) string { return body + "\n" + s.Text + "\n" })
	case "comment":
		return p.comment(ctx, number, s)
	case "fail":
		status, err := strconv.Atoi(s.Args[0])
		forge.FailNext(forgetest.Fault{On: s.Args[1] + " " + s.Args[2], Status: status})
		return err
	case "watch":
		return p.stage.Engine.Watch(ctx)
	case "restart":
		return p.stage.Restart(ctx)
	}
	_, err := forge.Commit(repo, "main", "Commit "+s.Args[0], p.f.History[s.Args[0]])
	return err
}

// send posts an event as often as the step says.
func (p *player) send(ctx context.Context, s Step) error {
	var wait sync.WaitGroup
	errs := make([]error, s.Times)
	for i := range s.Times {
		if i > 0 && !s.Once {
			p.now.move(time.Minute)
		}
		fields, err := p.request(s)
		if err != nil {
			return err
		}
		if !s.Once {
			if err := p.post(ctx, fields, s.How); err != nil {
				return err
			}
			if err := p.stage.Settle(ctx); err != nil {
				return err
			}
			continue
		}
		wait.Go(func() { errs[i] = p.post(ctx, fields, s.How) })
	}
	wait.Wait()
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}

// request makes the next occurrence of an event, or the latest one once more.
func (p *player) request(s Step) (kerneltest.Fields, error) {
	if s.How == "again" {
		if len(p.sent) == 0 {
			return kerneltest.Fields{}, fmt.Errorf("nothing was sent before")
		}
		return p.sent[len(p.sent)-1], nil
	}
	p.fill.n++
	p.fill.at = p.now.now().Add(-time.Minute)
	text, err := p.fill.fill(p.f.Events[s.Args[0]])
	if err != nil {
		return kerneltest.Fields{}, err
	}
	settings, err := p.fill.fill(p.f.Settings)
	if err != nil {
		return kerneltest.Fields{}, err
	}
	id := "eval-" + p.f.Name
	if p.fill.n > 1 {
		id += "-" + strconv.Itoa(p.fill.n)
	}
	fields := kerneltest.Fields{StateID: id, Event: p.hear(s.Args[0], text), Payload: json.RawMessage(text), Settings: json.RawMessage(settings)}
	if s.How == "expired" {
		fields.Token = p.expire
	}
	p.sent = append(p.sent, fields)
	return fields, nil
}

// orderly reports whether everything happens one after the other, so that the same text comes of it each time.
func (p *player) orderly() bool {
	return !slices.ContainsFunc(p.f.Story, func(s Step) bool { return s.Once })
}

// hear notes what the prototype would have gone by, and returns the name of the event.
func (p *player) hear(name, text string) string {
	var event struct {
		Plugin struct{ ID string }
		Error  struct{ Message, Category string }
		Repo   struct {
			Full string `json:"full_name"`
		} `json:"repository"`
	}
	_ = json.Unmarshal([]byte(text), &event) // an event of another shape says none of it
	kind := "kernel.plugin_error"
	for _, known := range []string{"workflow_run", "check_run", "check_suite"} {
		if strings.HasPrefix(name, known) {
			kind = known + ".completed"
			event.Plugin.ID, event.Error.Category, event.Error.Message = event.Repo.Full, known, "completed"
		}
	}
	p.heard = append(p.heard, heard{event.Plugin.ID, event.Error.Category, event.Error.Message})
	return kind
}

// post signs a request and sends it. What the daemon refuses is an answer, not an error.
func (p *player) post(ctx context.Context, fields kerneltest.Fields, how string) error {
	k := kerneltest.Kernel{Key: p.stage.Key, Daemon: p.stage.Address, Token: p.stage.Token(p.f.World.ReadOnly), Now: p.now.now}
	switch how {
	case "unsigned":
		k.Key = strangerKey()
	case "late":
		k.Now = func() time.Time { return p.now.now().Add(-3 * time.Hour) }
	}
	got, err := k.Send(ctx, fields)
	if err != nil && got.Status == 0 {
		return err
	}
	var body struct {
		Stage  string
		Output struct {
			Ignored *hotfix.Reason
		}
	}
	_ = json.Unmarshal(got.Body, &body) // what is not JSON says nothing
	a := answer{status: got.Status, refused: body.Stage}
	if body.Output.Ignored != nil {
		a.rule = body.Output.Ignored.Rule
	}
	p.mu.Lock()
	p.said = append(p.said, a)
	p.mu.Unlock()
	if got.Status >= http.StatusInternalServerError {
		return err
	}
	return nil
}

// comment writes as a person. What begins with a slash command is passed on, as the kernel does.
func (p *player) comment(ctx context.Context, number int, s Step) error {
	text, err := p.fill.fill(s.Text)
	if err != nil {
		return err
	}
	login := s.Args[1]
	id, err := p.stage.Forge.Comment(p.f.Repo, number, login, text)
	verb, isCommand := strings.CutPrefix(text, "/"+kernel.CommandName)
	if err != nil || !isCommand {
		return err
	}
	association := "NONE"
	if permission := p.f.World.People[login]; permission == "write" || permission == "maintain" || permission == "admin" {
		association = "MEMBER"
	}
	p.fill.n++
	user := map[string]any{"login": login, "type": "User"}
	payload := map[string]any{
		"action": "created", "issue": map[string]any{"number": number}, "sender": user,
		"comment":      map[string]any{"id": id, "body": text, "user": user, "author_association": association, "created_at": p.now.now().Format(time.RFC3339)},
		"repository":   map[string]any{"name": p.f.Repo.Name, "full_name": p.f.Repo.String(), "owner": map[string]any{"login": p.f.Repo.Owner}},
		"installation": map[string]any{"id": 11},
	}
	return p.post(ctx, kerneltest.Fields{StateID: fmt.Sprintf("eval-%s-%d", p.f.Name, p.fill.n), Event: "issue_comment.created", Payload: payload,
		Settings: json.RawMessage(p.f.Settings), Command: map[string]any{"name": kernel.CommandName, "parameters": map[string]any{"action": strings.TrimSpace(verb)}}}, "")
}
