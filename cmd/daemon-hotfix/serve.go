package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"runtime/debug"
	"time"

	"github.com/alecthomas/kong"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/agent"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/engine"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/metrics"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/triage"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A serveCmd runs the daemon behind an HTTP address.
type serveCmd struct {
	Config       kong.ConfigFlag `help:"YAML file with any of these flags, written without dashes in front." placeholder:"FILE"`
	Listen       string          `help:"Address to listen on." default:"127.0.0.1:8787" env:"HOTFIX_LISTEN"`
	Data         string          `help:"Directory for the store and the key that signs our markers. Keep it." env:"HOTFIX_DATA" placeholder:"DIR"`
	Store        string          `help:"Where cases are kept: sqlite:PATH (default: in the data directory) or postgres://..." env:"HOTFIX_STORE" placeholder:"DSN"`
	PublicKey    string          `help:"PEM file with the kernel's public key. Default: KERNEL_PUBLIC_KEY, else the production kernel's." placeholder:"FILE"`
	Allow        []string        `help:"Repositories to write to: owner/name, or owner/* for all of an owner's. Nothing else is touched." env:"HOTFIX_ALLOW" placeholder:"REPO"`
	Fix          bool            `help:"Attempt fixes where the risk is low. Needs a model and a sandbox." default:"true" negatable:"" env:"HOTFIX_FIX"`
	Commands     bool            `help:"Let the model run shell commands of its own in the sandbox, on a copy of the repository." default:"true" negatable:"" env:"HOTFIX_COMMANDS"`
	AutoMerge    bool            `help:"Let installations ask for fixes of low risk to be merged by GitHub once its required checks have passed." env:"HOTFIX_AUTO_MERGE"`
	OpinionModel string          `help:"A second model, named as HOTFIX_MODEL is, that reads each proven patch. It can raise the risk and never lower it; if it cannot be asked, the patch is held back." env:"HOTFIX_OPINION_MODEL" placeholder:"MODEL"`
	Shadow       bool            `help:"Decide everything and write nothing to GitHub. The shadow command and a weekly line in the log say what would have been done." env:"HOTFIX_SHADOW"`
	ShortName    string          `help:"owner/repo@ref that this daemon runs as. Default: the release or commit it was built from." env:"HOTFIX_SHORT_NAME" placeholder:"REPO@REF"`
	Homepage     string          `help:"Public address of this daemon, for the manifest." env:"HOTFIX_HOMEPAGE" placeholder:"URL"`

	Grace time.Duration `help:"How long what is under way may go on when the daemon is told to stop; the rest is handed back." default:"20s" env:"HOTFIX_GRACE"`

	Github githubFlags `embed:""`
	Source sourceFlags `embed:"" prefix:"source-"`
	Budget budgetFlags `embed:"" prefix:"budget-"`
	Break  breakFlags  `embed:"" prefix:"breaker-"`
	Limit  limitFlags  `embed:"" prefix:"limit-"`
	Keep   keepFlags   `embed:"" prefix:"keep-"`
	Log    logFlags    `embed:"" prefix:"log-"`
	Box    boxFlags    `embed:"" prefix:"sandbox-"`

	Pages dashboardFlags `embed:""`
	Admin adminFlags     `embed:""`
	Tell  notifyFlags    `embed:""`

	watcher *watcher
}

// budgetFlags bound one attempt at a fix.
type budgetFlags struct {
	Steps  int           `help:"Most questions to the model in one attempt." default:"40"`
	Tokens int           `help:"Most tokens in one attempt." default:"400000"`
	Wall   time.Duration `help:"Longest time of one attempt." default:"15m"`
	Money  float64       `help:"Most dollars in one attempt, where the model's price is known." default:"2"`
	PerDay int           `help:"Most attempts in one repository in 24 hours." default:"3"`
}

// breakFlags bound how many new issues are opened; 0 is no bound.
type breakFlags struct {
	PerHour int      `help:"Most new issues in one repository in an hour." default:"3"`
	PerDay  int      `help:"Most new issues in one repository in 24 hours." default:"10"`
	Overall int      `help:"Most new issues over all in 10 minutes; then one issue says so and there is silence for an hour." default:"5"`
	Notify  []string `help:"GitHub logins that issue mentions." placeholder:"LOGIN"`
}

// logFlags say how to log.
type logFlags struct {
	Format string     `help:"text or json." enum:"text,json" default:"text" env:"HOTFIX_LOG_FORMAT"`
	Level  slog.Level `help:"debug, info, warn or error." default:"info" env:"HOTFIX_LOG_LEVEL"`
}

func (f logFlags) logger(std streams) *slog.Logger {
	opts := &slog.HandlerOptions{Level: f.Level, ReplaceAttr: scrubAttr}
	if f.Format == "json" {
		return slog.New(metrics.Correlated(slog.NewJSONHandler(std.Err, opts)))
	}
	return slog.New(metrics.Correlated(slog.NewTextHandler(std.Err, opts)))
}

// scrubAttr keeps secrets out of the log, whoever wrote the line.
func scrubAttr(_ []string, a slog.Attr) slog.Attr {
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(redact.Scrub(a.Value.String()).String())
	case slog.KindAny:
		if err, ok := a.Value.Any().(error); ok {
			a.Value = slog.StringValue(redact.Scrub(err.Error()).String())
		}
	}
	return a
}

// Help is the long text of `serve --help`.
func (*serveCmd) Help() string {
	return `Examples:
  daemon-hotfix serve --allow "acme/*"                       issues only: no model is configured
  OPENAI_API_KEY=... daemon-hotfix serve --allow "acme/*"    issues and draft pull requests

Credentials come from the environment and are never flags. For GitHub, tried in this order: HOTFIX_APP_ID with
HOTFIX_APP_PRIVATE_KEY (or HOTFIX_APP_PRIVATE_KEY_FILE), GITHUB_TOKEN, and the kernel's own token, which arrives
with each delivery. HOTFIX_WEBHOOK_SECRET opens POST /github for GitHub's own webhooks, without a kernel. For the
model: OPENAI_API_KEY, OPENAI_BASE_URL, ANTHROPIC_API_KEY or OLLAMA_HOST, with HOTFIX_MODEL naming the model.`
}

// gcPercent is how much may be thrown away before it is collected, in percent of what is in use, which is little: with Go's
// own 100 a tenth of the time of a burst goes into it.
const gcPercent = 400

// Run serves until the context ends.
func (c *serveCmd) Run(ctx context.Context, std streams) error {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	log := c.Log.logger(std)
	var err error
	if c.watcher, err = watch(ctx); err != nil {
		return err
	}
	c.Github.watch = c.watcher.metrics.Transport
	cfg, err := c.engine(log)
	if err == nil {
		err = c.Tell.into(&cfg.Daemon, os.Getenv)
	}
	if err != nil {
		return err
	}
	e, err := engine.Open(ctx, cfg)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", c.Listen)
	if err != nil {
		return errors.Join(fmt.Errorf("--listen: %w", err), e.Stop(ctx))
	}
	if err := e.Start(ctx); err != nil {
		return errors.Join(err, listener.Close(), e.Stop(ctx))
	}
	server := &http.Server{Handler: e.Handler(), ReadHeaderTimeout: 10 * time.Second, ReadTimeout: time.Minute}
	failed := make(chan error, 3)
	pages, err := c.Pages.start(e, cfg, c.Github, failed)
	if err == nil {
		err = c.watcher.serve(c.Admin, e, cfg, log, failed)
	}
	if err != nil {
		return errors.Join(err, listener.Close(), e.Stop(ctx))
	}
	go func() { failed <- server.Serve(listener) }()
	log.Info("listening", "address", "http://"+listener.Addr().String(), "repositories", c.Allow, "fixes", cfg.Daemon.NoFix == "")
	debug.FreeOSMemory() // what starting took is given back
	select {
	case err = <-failed:
	case <-ctx.Done():
		log.Info("stopping: finishing or handing back what is under way")
	}
	grace, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.Grace+stopMargin)
	defer cancel()
	return errors.Join(err, server.Shutdown(grace), pages.stop(grace), e.Stop(grace), c.watcher.stop(grace))
}

// engine turns flags and environment into a configuration, or says in one sentence which of them is wrong.
func (c *serveCmd) engine(log *slog.Logger) (engine.Config, error) {
	var cfg engine.Config
	data, err := c.dataDir()
	if err != nil {
		return cfg, err
	}
	key, err := secretKey(filepath.Join(data, "key"))
	if err != nil {
		return cfg, err
	}
	public, err := kernelKey(c.PublicKey)
	if err != nil {
		return cfg, err
	}
	jobs, err := c.queue()
	if err != nil {
		return cfg, err
	}
	work, github, err := c.daemon(key, data, log)
	if err != nil {
		return cfg, err
	}
	webhook, err := hook()
	if err != nil {
		return cfg, err
	}
	var own []string
	if c.Homepage != "" {
		own = []string{c.Homepage}
	}
	dsn := c.Store
	if dsn == "" {
		dsn = "sqlite:" + filepath.Join(data, "hotfix.db")
	}
	cfg = engine.Config{
		Store:    store.Config{DSN: dsn, Key: key},
		Kernel:   kernel.Options{Key: public, Self: kernel.Self{URLs: own}},
		GitHub:   webhook,
		Verified: github.hears,
		Manifest: daemon.NewManifest(shortName(c.ShortName, os.Getenv), c.Homepage),
		Daemon:   work,
		Queue:    jobs,
	}
	return cfg, nil
}

// daemon is what every way in shares: whom it may write to, with which credentials and within which bounds.
func (c *serveCmd) daemon(key []byte, data string, log *slog.Logger) (cfg daemon.Config, github *hub, err error) {
	allow, err := repos(c.Allow)
	if err != nil {
		return cfg, nil, err
	}
	if len(allow) == 0 {
		log.Warn("no repository is allowed: failures are counted and nothing is written; see --allow")
	}
	sources, err := c.Source.sources()
	if err != nil {
		return cfg, nil, err
	}
	c.Github.readOnly = c.Shadow
	if github, err = c.Github.connect(log, filepath.Join(data, "mirrors")); err != nil {
		return cfg, nil, err
	}
	connect := github.as
	if c.Shadow {
		connect = shadowed(connect)
	}
	cfg = daemon.Config{
		Policy:  triage.Policy{Allow: allow, MaxFixesPerDay: c.Budget.PerDay, MaxAttempts: 3, MaxFiles: 8, MaxLines: 300, AutoMerge: c.AutoMerge},
		Connect: connect, Shadow: c.Shadow, Sources: sources, Key: key, Server: c.Github.ServerURL, Log: log, Version: version(),
		Breaker: daemon.Breaker{PerHour: c.Break.PerHour, PerDay: c.Break.PerDay, Overall: c.Break.Overall, Notify: c.Break.Notify},
		Budget:  agent.Budget{Steps: c.Budget.Steps, Tokens: c.Budget.Tokens, Wall: c.Budget.Wall, Money: c.Budget.Money},
	}
	return cfg, github, c.fixing(&cfg, github, data, log)
}

// fixing sets what an attempt needs, or why there will be none.
func (c *serveCmd) fixing(cfg *daemon.Config, github *hub, data string, log *slog.Logger) error {
	if !c.Fix {
		cfg.NoFix = "the operator switched fixes off"
		return nil
	}
	models, err := model.Open(os.Getenv, log)
	if errors.Is(err, model.ErrNone) {
		cfg.NoFix = "no model is configured"
		log.Info("issues only", "because", err)
		return nil
	}
	if err != nil {
		return err
	}
	if models.Borrows() {
		cfg.ModelFor = func(n hotfix.Notice) (agent.Model, error) { return models.For(github.asker(n)) }
	} else if cfg.Model, err = models.Model(); err != nil {
		return err
	}
	if cfg.Opinion, err = c.opinion(github, log); err != nil {
		return err
	}
	cfg.Price, cfg.ModelName, cfg.NoCommands = models.Price(), models.Name(), !c.Commands
	cfg.Scratch = filepath.Join(data, "scratch")
	if err := os.MkdirAll(cfg.Scratch, 0o700); err != nil {
		return fmt.Errorf("--data: %w", err)
	}
	boxes, err := c.Box.config()
	if err != nil {
		return err
	}
	if cfg.Box, err = sandbox.Native(boxes); err != nil {
		cfg.Model, cfg.ModelFor, cfg.Box, cfg.NoFix = nil, nil, nil, fmt.Sprintf("this machine cannot run foreign code safely: %v", err)
		log.Warn("issues only", "because", cfg.NoFix)
	}
	c.watched(cfg)
	return nil
}

func (c *serveCmd) dataDir() (string, error) {
	dir := c.Data
	if dir == "" {
		home, err := os.UserHomeDir()
		if err != nil {
			return "", errors.New("--data: there is no home directory, so say where the store goes")
		}
		dir = filepath.Join(home, ".local", "state", "daemon-hotfix")
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("--data: %w", err)
	}
	return dir, nil
}

func repos(names []string) ([]hotfix.Repo, error) {
	var out []hotfix.Repo
	for _, n := range names {
		if n == "" {
			continue // a variable that is set to nothing
		}
		r, err := hotfix.ParseRepo(n)
		if err != nil {
			return nil, fmt.Errorf("--allow: %w", err)
		}
		out = append(out, r)
	}
	return out, nil
}
