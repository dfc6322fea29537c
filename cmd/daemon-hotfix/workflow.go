package main

import (
	"context"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/store"
)

// A workflowCmd is one run of GitHub Actions that the kernel dispatched.
type workflowCmd struct {
	Event     string        `help:"Event file of the run, with the kernel's inputs." env:"GITHUB_EVENT_PATH" placeholder:"FILE"`
	Summary   string        `help:"File that the run's summary is added to." env:"GITHUB_STEP_SUMMARY" placeholder:"FILE"`
	PublicKey string        `help:"PEM file with the kernel's public key. Default: KERNEL_PUBLIC_KEY, else the production kernel's." placeholder:"FILE"`
	TrustBot  string        `help:"Account of the kernel's app, such as ubiquity-os[bot]. The key that comes with a run is used only if this account dispatched it." env:"HOTFIX_TRUST_BOT" placeholder:"LOGIN"`
	MaxAge    time.Duration `help:"How old the kernel's attestation may be. Runs may wait in a queue for longer than the hour it lives." default:"6h" env:"HOTFIX_MAX_AGE"`
	Allow     []string      `help:"Repositories to write to: owner/name, or owner/* for all of an owner's. Nothing else is touched." env:"HOTFIX_ALLOW" placeholder:"REPO"`
	Fix       bool          `help:"Attempt fixes where the risk is low. Needs a model and a sandbox." default:"true" negatable:"" env:"HOTFIX_FIX"`

	Settle time.Duration `help:"How long after an issue was written it is looked at again, since runs may overlap. 0 never looks." default:"5s"`

	Commands bool `help:"Let the model run shell commands of its own in the sandbox, on a copy of the repository." default:"true" negatable:"" env:"HOTFIX_COMMANDS"`

	Github githubFlags `embed:""`
	Source sourceFlags `embed:"" prefix:"source-"`
	Budget budgetFlags `embed:"" prefix:"budget-"`
	Break  breakFlags  `embed:"" prefix:"breaker-"`
	Log    logFlags    `embed:"" prefix:"log-"`
}

// Help is the long text of `workflow --help`.
func (*workflowCmd) Help() string {
	return `Runs the whole story for one delivery in this process: .github/workflows/compute.yml does this. The inputs are read
from the event file and never pass through a shell. There is no store: each case is kept in its issue, in a line that
is signed with HOTFIX_KEY (32 characters or more; by default a key made of HOTFIX_APP_PRIVATE_KEY). With another key
the daemon does not recognise its own issues.

Of the three events by which GitHub tells of one failed run, only the one that says most is heard here, since runs
cannot tell each other that they have counted it.

Credentials come from the environment as for serve. The exit status is 0 when everything was done or there was
nothing to do, and 1 when the request was refused or the work failed; run it again then.

Examples:
  daemon-hotfix workflow --allow "acme/*"
  daemon-hotfix workflow --allow "acme/*" --event delivery.json --no-fix    on a machine of your own`
}

// Run handles the delivery of this run.
func (c *workflowCmd) Run(ctx context.Context, std streams) error {
	log := c.Log.logger(std)
	scratch, err := os.MkdirTemp("", "daemon-hotfix-")
	if err != nil {
		return fmt.Errorf("make a place for checkouts: %w", err)
	}
	defer os.RemoveAll(scratch)
	notice, d, err := c.open(scratch, log)
	if err == nil {
		err = d.Handle(ctx, notice)
	}
	if d == nil {
		return errors.Join(err, c.summarise("### daemon-hotfix\n\n**The request was not taken in:** "+redact.Scrub(fmt.Sprint(err)).String()+"\n"))
	}
	text, sumErr := d.Summary(ctx, notice, err)
	if sumErr == nil {
		_, sumErr = io.WriteString(std.Out, text)
	}
	return errors.Join(err, sumErr, c.summarise(text))
}

// open verifies the delivery and makes the daemon that will handle it. Without a daemon there is an error.
func (c *workflowCmd) open(scratch string, log *slog.Logger) (notice hotfix.Notice, d *daemon.Daemon, err error) {
	if c.Event == "" {
		return notice, nil, errors.New("--event: this is no run of GitHub Actions; name the event file of one")
	}
	event, err := os.ReadFile(c.Event)
	if err != nil {
		return notice, nil, fmt.Errorf("--event: %w", err)
	}
	public, err := c.key(event, log)
	if err != nil {
		return notice, nil, err
	}
	self := kernel.Self{}
	if _, name, ok := strings.Cut(os.Getenv("GITHUB_REPOSITORY"), "/"); ok {
		self.Name = name
	}
	dl, err := kernel.OpenWorkflow(event, kernel.Options{Key: public, MaxAge: c.MaxAge, Self: self, Once: true})
	if err != nil {
		return notice, nil, err
	}
	if notice, err = dl.Notice(); err != nil {
		return notice, nil, err
	}
	key, err := markerKey()
	if err != nil {
		return notice, nil, err
	}
	serve := serveCmd{Allow: c.Allow, Fix: c.Fix, Commands: c.Commands, Github: c.Github, Source: c.Source, Budget: c.Budget, Break: c.Break}
	cfg, github, err := serve.daemon(key, scratch, log)
	if err != nil {
		return notice, nil, err
	}
	github.hears(dl)
	memory := store.Memory()
	if _, err := memory.SaveNotice(context.Background(), notice); err != nil {
		return notice, nil, err
	}
	cfg.Store, cfg.Recall, cfg.Settle, cfg.Policy.Own = memory, true, c.Settle, self.Name
	d, err = daemon.New(cfg)
	return notice, d, err
}

// key is the kernel's public key: the one that is configured, or the one that came with the run if the kernel's own
// account dispatched it. Anybody else who may dispatch the workflow would choose a key to go with a forged request.
func (c *workflowCmd) key(event []byte, log *slog.Logger) (*rsa.PublicKey, error) {
	configured, err := kernelKey(c.PublicKey)
	if err != nil {
		return nil, err
	}
	given, err := kernel.WorkflowKey(event)
	if err != nil {
		return configured, nil //nolint:nilerr // none came, or none that can be used
	}
	if !c.trusted(event) {
		log.Debug("the key that came with the run is not used", "actor", os.Getenv("GITHUB_ACTOR"))
		return configured, nil
	}
	return given, nil
}

// trusted reports whether the kernel's own account dispatched this run: by what GitHub says in the environment and in
// the event file, neither of which is an input.
func (c *workflowCmd) trusted(event []byte) bool {
	var file struct {
		Sender struct{ Login, Type string }
	}
	bot := strings.HasSuffix(c.TrustBot, "[bot]") && json.Unmarshal(event, &file) == nil
	return bot && os.Getenv("GITHUB_ACTOR") == c.TrustBot && file.Sender.Login == c.TrustBot && file.Sender.Type == "Bot"
}

// markerKey signs what the daemon writes into issues. It must be the same in every run.
func markerKey() ([]byte, error) {
	secret, err := secretEnv("HOTFIX_KEY")
	if err != nil {
		return nil, err
	}
	from := "HOTFIX_KEY"
	if secret.Empty() {
		from = "HOTFIX_APP_PRIVATE_KEY"
		if secret, err = secretEnv(from); err != nil {
			return nil, err
		}
	}
	if n := len(secret.Reveal()); n < 32 {
		return nil, fmt.Errorf("HOTFIX_KEY has %d characters; make a secret of it with 32 or more, such as the output of: openssl rand -hex 32", n)
	}
	mac := hmac.New(sha256.New, []byte(secret.Reveal()))
	_, _ = io.WriteString(mac, "daemon-hotfix markers\x00"+from) // a hash takes everything
	return mac.Sum(nil), nil
}

// summarise adds text to the run's summary.
func (c *workflowCmd) summarise(text string) error {
	if c.Summary == "" {
		return nil
	}
	f, err := os.OpenFile(c.Summary, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return fmt.Errorf("--summary: %w", err)
	}
	_, err = f.WriteString(text)
	return errors.Join(err, f.Close())
}
