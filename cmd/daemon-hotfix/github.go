package main

import (
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/daemon"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/forge"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// githubFlags say where GitHub is and who we are there. Secrets are never flags: they come from the environment.
type githubFlags struct {
	APIURL    string `help:"GitHub's API." default:"https://api.github.com" env:"GITHUB_API_URL" name:"api-url"`
	ServerURL string `help:"GitHub's pages and git remotes." default:"https://github.com" env:"GITHUB_SERVER_URL" name:"server-url"`
	AppID     int64  `help:"Id of our own GitHub App. Its private key is in HOTFIX_APP_PRIVATE_KEY, or in the file that HOTFIX_APP_PRIVATE_KEY_FILE names." env:"HOTFIX_APP_ID" placeholder:"ID"`
	readOnly  bool
	Kernel    string `help:"Address of the kernel, to renew its tokens when work takes longer than the hour they live." env:"HOTFIX_KERNEL_URL" placeholder:"URL" name:"kernel-url"`
	Writes    int    `help:"Most writes in a minute with one credential; 0 is no bound. GitHub allows about 80." name:"limit-writes" default:"60"`

	watch func(http.RoundTripper) http.RoundTripper // sees each request; may be nil
}

// sourceFlags say where the source of plugins lives when a failure does not.
type sourceFlags struct {
	Map      map[string]string `help:"Repository of a plugin by its URL or id: https://greet.example=acme/greet. Several are separated by ;" name:"map" placeholder:"PLUGIN=REPO"`
	Private  bool              `help:"Let manifests of plugins be fetched from addresses that are not public." name:"private" env:"HOTFIX_SOURCE_PRIVATE"`
	Fallback string            `help:"Repository for problems whose own is unknown or out of reach. Default: they are only counted." name:"fallback" env:"HOTFIX_SOURCE_FALLBACK" placeholder:"REPO"`
}

func (f sourceFlags) sources() (daemon.Sources, error) {
	out := daemon.Sources{Private: f.Private, Map: map[string]hotfix.Repo{}}
	for plugin, name := range f.Map {
		repo, err := hotfix.ParseRepo(name)
		if err != nil {
			return out, fmt.Errorf("--source-map: %w", err)
		}
		out.Map[strings.TrimRight(strings.ToLower(plugin), "/")] = repo
	}
	if f.Fallback != "" {
		repo, err := hotfix.ParseRepo(f.Fallback)
		if err != nil {
			return out, fmt.Errorf("--source-fallback: %w", err)
		}
		out.Fallback = repo
	}
	return out, nil
}

// A hub is the connection to GitHub with all credentials there are.
type hub struct {
	client *forge.Client
	renew  *kernel.Renewer // nil if the kernel's address is not known
}

// config is how to reach GitHub: as our own app where it is installed, else with GITHUB_TOKEN, else with what a
// delivery brings.
func (f githubFlags) config(log *slog.Logger) (forge.Config, error) {
	cfg := forge.Config{API: f.APIURL, Server: f.ServerURL, Token: redact.NewSecret(os.Getenv("GITHUB_TOKEN")), WritesPerMinute: f.Writes, Log: log}
	if f.watch != nil {
		cfg.HTTP = &http.Client{Timeout: time.Minute, Transport: f.watch(http.DefaultTransport)}
	}
	key, err := secretEnv("HOTFIX_APP_PRIVATE_KEY")
	switch {
	case err != nil:
		return cfg, err
	case f.AppID != 0 && key.Empty():
		return cfg, errors.New("--app-id: the app's private key is missing; put it into HOTFIX_APP_PRIVATE_KEY or name its file in HOTFIX_APP_PRIVATE_KEY_FILE")
	case f.AppID == 0 && !key.Empty():
		return cfg, errors.New("HOTFIX_APP_PRIVATE_KEY: the app's id is missing; put it into HOTFIX_APP_ID")
	case f.AppID != 0:
		cfg.App = &forge.App{ID: f.AppID, Key: key}
	}
	return cfg, nil
}

// client connects to GitHub with the credentials of the environment.
func (f githubFlags) client(log *slog.Logger) (*forge.Client, error) {
	cfg, err := f.config(log)
	if err != nil {
		return nil, err
	}
	return forge.New(cfg)
}

// connect is client, with copies of repositories kept in mirrors, and deliveries' tokens renewed where the kernel's
// address is known.
func (f githubFlags) connect(log *slog.Logger, mirrors string) (*hub, error) {
	cfg, err := f.config(log)
	if err != nil {
		return nil, err
	}
	cfg.Mirrors, cfg.ReadOnly = mirrors, f.readOnly
	h := &hub{}
	if f.Kernel != "" {
		if h.renew, err = kernel.NewRenewer(f.Kernel, nil, nil); err != nil {
			return nil, fmt.Errorf("--kernel-url: %w", err)
		}
		cfg.Renew = h.renew.Token
	}
	h.client, err = forge.New(cfg)
	return h, err
}

// as is GitHub with a delivery's token behind our own credentials.
func (h *hub) as(token redact.Secret) daemon.Forge { return h.client.With(token) }

// hears takes note of what a delivery says about credentials.
func (h *hub) hears(d *kernel.Delivery) {
	if h.renew != nil {
		h.renew.Learn(d)
	}
	if strings.HasPrefix(d.Event, "installation") {
		h.client.Forget()
	}
}

// secretEnv reads a secret from the environment variable name, or from the file that name_FILE names. A private key
// may have its line breaks written as \n.
func secretEnv(name string) (redact.Secret, error) {
	text := os.Getenv(name)
	if file := os.Getenv(name + "_FILE"); file != "" && text == "" {
		raw, err := os.ReadFile(file) //nolint:gosec // the operator says where the secret is
		if err != nil {
			return redact.Secret{}, fmt.Errorf("%s_FILE: %w", name, err)
		}
		text = string(raw)
	}
	text = strings.TrimSpace(text)
	if strings.HasPrefix(text, "-----BEGIN") {
		text = strings.TrimSpace(strings.ReplaceAll(text, `\n`, "\n")) + "\n"
	}
	return redact.NewSecret(text), nil
}

// hook is how GitHub's own webhooks are taken in: with a secret, and with failed runs counting, since whoever sets
// a webhook up chooses its events.
func hook() (kernel.Hook, error) {
	secret, err := secretEnv("HOTFIX_WEBHOOK_SECRET")
	if err != nil || secret.Empty() {
		return kernel.Hook{}, err
	}
	if n := len(secret.Reveal()); n < 16 {
		return kernel.Hook{}, errors.New("HOTFIX_WEBHOOK_SECRET has " + strconv.Itoa(n) + " characters; use 16 or more, such as the output of: openssl rand -hex 32")
	}
	return kernel.Hook{Secret: secret, Settings: []byte(`{"allowWorkflowEvents":true}`)}, nil
}
