// Command demo shows the whole story on one machine: a plugin with a real bug fails, the kernel posts the signed
// failure, and the daemon keeps one issue and proposes a proven fix. GitHub is a stand-in on a loopback address;
// the plugin, its tests, the sandbox, git and every HTTP call are real.
package main

import (
	"bytes"
	"context"
	"embed"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/evals"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/dashboard"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

//go:embed all:plugin
var pluginFiles embed.FS

//go:embed transcript.jsonl
var transcript []byte

var repo = hotfix.Repo{Owner: "acme", Name: "task-estimator"}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	var o options
	flag.BoolVar(&o.keep, "keep", false, "leave everything running at the end and print the addresses")
	flag.BoolVar(&o.verbose, "v", false, "print the daemon's own log as well")
	flag.StringVar(&o.record, "record", "", "write the transcript of a live model to this `file`")
	flag.Parse()
	if err := demo(ctx, o); err != nil {
		fmt.Fprintf(os.Stderr, "demo: %v\n", err)
		os.Exit(1)
	}
}

type options struct {
	keep, verbose bool
	record        string
}

func demo(ctx context.Context, o options) error {
	dir, err := os.MkdirTemp("", "hotfix-demo-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	p := &printer{out: os.Stdout}
	m, err := p.model(o)
	if err != nil {
		return err
	}
	box, err := sandbox.Native(sandbox.Config{})
	if err != nil {
		return fmt.Errorf("this machine cannot run foreign code safely, so there will be no fix: %w", err)
	}
	log := slog.New(slog.DiscardHandler)
	if o.verbose {
		log = slog.New(slog.NewTextHandler(os.Stderr, nil))
	}
	stage, err := evals.NewStage(ctx, evals.StageConfig{Dir: dir, Allow: []hotfix.Repo{repo}, Model: m, Box: box,
		Watch: p.event, Log: log, MaxSteps: 40})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, stage.Close()) }()
	files, err := plugin()
	if err != nil {
		return err
	}
	if err := stage.Forge.AddRepo(repo, files); err != nil {
		return err
	}
	pages := ""
	if o.keep {
		stage.Forge.AddUser("mona", "write", repo)
		if pages, err = stage.ServePages(dashboard.Config{Login: "mona", Version: "demo"}); err != nil {
			return err
		}
		p.line("The dashboard, where it can be watched: %s", pages)
	}
	if err := p.fail(ctx, stage, files, filepath.Join(dir, "plugin")); err != nil {
		return err
	}
	wait, cancel := context.WithTimeout(ctx, 60*time.Minute) // a person may be answering for the model
	defer cancel()
	if err := stage.Settle(wait); err != nil {
		return err
	}
	if err := p.result(stage); err != nil {
		return err
	}
	if o.keep {
		p.section("Everything is left running; press Ctrl-C to stop")
		p.line("the repository's issues and pull requests: %s/%s/issues", stage.Forge.URL(), repo)
		p.line("the dashboard, with this problem on it: %s", pages)
		p.line("the daemon: %s (manifest at /manifest.json)", stage.Address)
		<-ctx.Done()
	}
	return nil
}

// model is the configured model, or the recorded transcript, and says which.
func (p *printer) model(o options) (agent.Model, error) {
	cfg, err := model.FromEnv(os.Getenv)
	p.section("The daemon hears of a failure")
	if errors.Is(err, model.ErrNone) {
		p.line("No model is configured, so the model's answers are replayed from a recording.")
		p.line("Everything else happens for real: every tool, test run, commit and API call.")
		return evals.Replay(transcript)
	}
	if err != nil {
		return nil, err
	}
	m, err := model.New(cfg)
	if err != nil {
		return nil, err
	}
	p.line("Live model: %s %s", cfg.Provider, cfg.Name)
	if o.record == "" {
		return m, nil
	}
	file, err := os.Create(o.record)
	if err != nil {
		return nil, err
	}
	return evals.Record(m, cfg.Provider, "the demo", file)
}

// plugin reads the files of the plugin that fails.
func plugin() (map[string]string, error) {
	files := map[string]string{}
	err := fs.WalkDir(pluginFiles, "plugin", func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := pluginFiles.ReadFile(path)
		files[strings.TrimPrefix(path, "plugin/")] = string(data)
		return err
	})
	return files, err
}

// fail starts the plugin, lets the kernel hand it an event that it cannot cope with, and lets the kernel report that.
func (p *printer) fail(ctx context.Context, stage *evals.Stage, files map[string]string, dir string) error {
	served, err := startPlugin(ctx, files, dir)
	if err != nil {
		return err
	}
	defer served.stop()
	k := kerneltest.Kernel{Key: stage.Key, Daemon: stage.Address, Token: stage.Forge.Token().Reveal()}
	hook := kerneltest.Webhook{Event: "issues.opened", Owner: "acme", Repo: "app", Issue: 42, Actor: "mona", Installation: 11,
		Payload: map[string]any{"issue": map[string]any{"number": 42, "title": "Nightly export", "body": nil, "labels": []any{}}}}
	p.line("%s is served at %s. The kernel hands it issues.opened of acme/app#42, an issue without a description,", repo, served.address)
	p.line("which the plugin cannot cope with: it answers 500.")
	told, answer, err := k.Dispatch(ctx, hook, kerneltest.Plugin{Owner: repo.Owner, Repo: repo.Name, Ref: "main", URL: served.address})
	if err != nil {
		return err
	}
	if !told {
		return errors.New("the plugin was expected to fail and did not")
	}
	p.line("The kernel posts the signed kernel.plugin_error to %s, which answers %d %s", stage.Address, answer.Status, answer.Body)
	return nil
}

// shown is a body without our own HTML comments, which nobody sees on GitHub.
func shown(body string) string {
	var b strings.Builder
	for l := range strings.Lines(body) {
		if !strings.HasPrefix(l, "<!-- daemon-hotfix") {
			b.WriteString(l)
		}
	}
	return b.String()
}

// result prints what a maintainer of the plugin now finds in the repository.
func (p *printer) result(stage *evals.Stage) error {
	issues, pulls := stage.Forge.Issues(repo), stage.Forge.Pulls(repo)
	for _, i := range issues {
		p.section(fmt.Sprintf("Issue #%d, %s: %s", i.Number, i.State, i.Title))
		p.block(shown(i.Body))
	}
	for _, pr := range pulls {
		p.section(fmt.Sprintf("Draft pull request #%d: %s", pr.Number, pr.Title))
		p.block(pr.Body)
		diff, err := stage.Forge.Diff(repo, pr.Pull.Head)
		if err != nil {
			return err
		}
		p.section("Diff")
		p.block(diff)
		log, err := stage.Forge.Log(repo, pr.Pull.Head)
		if err != nil {
			return err
		}
		p.section("git log of " + pr.Pull.Head)
		p.block(log)
	}
	calls := stage.Forge.Writes()
	p.section("What was written on GitHub")
	var b bytes.Buffer
	for _, c := range calls {
		fmt.Fprintf(&b, "%s %s\n", c.Method, c.Path)
	}
	p.block(b.String())
	if len(issues) != 1 || len(pulls) != 1 {
		return fmt.Errorf("the demo should end with one issue and one draft pull request, not %d and %d", len(issues), len(pulls))
	}
	return nil
}
