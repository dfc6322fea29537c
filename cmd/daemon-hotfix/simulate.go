package main

import (
	"context"
	"crypto/rsa"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel/kerneltest"
)

// A simulateCmd tells a daemon of a failure that did not happen, signed with a key of our own.
type simulateCmd struct {
	Key       string `help:"PEM file with the private key to sign with. One that does not exist is made, with FILE.pub beside it for the daemon's --public-key." required:"" placeholder:"FILE"`
	To        string `help:"Where the daemon listens." default:"http://127.0.0.1:8787" placeholder:"URL"`
	Plugin    string `help:"Repository of the plugin that fails." default:"acme/command-greet" placeholder:"OWNER/REPO"`
	Kind      string `help:"http: a plugin known by its URL. workflow: one known by its repository. kernel: the kernel itself." enum:"workflow,http,kernel" default:"workflow"`
	URL       string `help:"Where the plugin is served." placeholder:"URL" name:"url"`
	Ref       string `help:"Branch of the plugin." default:"main"`
	Message   string `help:"What went wrong." default:"Cannot read properties of undefined (reading 'login')"`
	Status    int    `help:"HTTP status of the failure; 0 for none."`
	Trigger   string `help:"Repository whose event the plugin was to handle." default:"acme/storefront" placeholder:"OWNER/REPO"`
	Event     string `help:"That event." default:"issues.opened"`
	Issue     int    `help:"Number of the issue it was about." default:"42"`
	Transport string `help:"http, or workflow, which prints the event file of a workflow_dispatch run." enum:"http,workflow" default:"http"`
	DryRun    bool   `help:"Print the signed request instead of sending it."`
}

// Help is the long text of `simulate --help`.
func (*simulateCmd) Help() string {
	return `Signs a failure as the kernel would and posts it. Only a daemon that was given the public half of the key takes
it; the production kernel's key is not among those that can be used here.

Examples:
  daemon-hotfix simulate --key test.pem --plugin acme/greet --message "boom"
  daemon-hotfix simulate --key test.pem --kind http --status 502 --message "upstream connect error"
  daemon-hotfix simulate --key test.pem --dry-run | daemon-hotfix inspect --public-key test.pem.pub`
}

// Run signs the failure and sends or prints it.
func (c *simulateCmd) Run(ctx context.Context, std streams) error {
	failure, err := c.failure()
	if err != nil {
		return err
	}
	key, err := c.signer(std)
	if err != nil {
		return err
	}
	fields := kerneltest.Fields{Payload: failure.Payload(), Ref: c.To}
	switch {
	case c.Transport == "workflow":
		_, err = std.Out.Write(append(kerneltest.SignWorkflow(key, fields), '\n'))
		return err
	case c.DryRun:
		_, err = std.Out.Write(append(kerneltest.Sign(key, fields), '\n'))
		return err
	}
	k := kerneltest.Kernel{Key: key, Daemon: c.To}
	answer, err := k.Send(ctx, fields)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(std.Out, "%s\n", strings.TrimSpace(string(answer.Body)))
	return err
}

func (c *simulateCmd) failure() (kerneltest.Failure, error) {
	plugin, err := hotfix.ParseRepo(c.Plugin)
	if err != nil {
		return kerneltest.Failure{}, fmt.Errorf("--plugin: %w", err)
	}
	trigger, err := hotfix.ParseRepo(c.Trigger)
	if err != nil {
		return kerneltest.Failure{}, fmt.Errorf("--trigger: %w", err)
	}
	if c.Status != 0 && (c.Status < 100 || c.Status > 599) {
		return kerneltest.Failure{}, fmt.Errorf("--status: %d is not an HTTP status; want 100 to 599, or 0", c.Status)
	}
	f := kerneltest.Failure{Kind: c.Kind, Message: c.Message, Status: c.Status,
		Plugin:  kerneltest.Plugin{URL: c.URL, Owner: plugin.Owner, Repo: plugin.Name, Ref: c.Ref},
		Webhook: kerneltest.Webhook{Event: c.Event, Owner: trigger.Owner, Repo: trigger.Name, Issue: c.Issue, Actor: "mona", Installation: 11}}
	if c.Kind == kerneltest.HTTP {
		f.Plugin = kerneltest.Plugin{URL: c.URL, SourceRepo: plugin.String(), SourceRef: c.Ref}
		if c.URL == "" {
			f.Plugin.URL = "https://" + strings.ToLower(plugin.Name) + ".example"
		}
	}
	// The kernel words a worker's answer so, and sends no status.
	if f.Plugin.URL != "" && c.Status != 0 && c.Kind != kerneltest.Internal {
		f.Message, f.Status = fmt.Sprintf("HTTP (target: %s) %d: %s", f.Plugin.URL, c.Status, c.Message), 0
	}
	return f, nil
}

// signer reads the key, or makes a pair.
func (c *simulateCmd) signer(std streams) (*rsa.PrivateKey, error) {
	text, err := os.ReadFile(c.Key)
	if err == nil {
		key, err := kerneltest.ParsePrivateKey(text)
		if err != nil {
			return nil, fmt.Errorf("--key %s: %w", c.Key, err)
		}
		return key, nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("--key: %w", err)
	}
	key := kerneltest.NewKey()
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		return nil, fmt.Errorf("encode the new key: %w", err)
	}
	if err := os.WriteFile(c.Key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), 0o600); err != nil {
		return nil, fmt.Errorf("--key: %w", err)
	}
	if err := os.WriteFile(c.Key+".pub", kerneltest.PublicPEM(key), 0o644); err != nil {
		return nil, fmt.Errorf("--key: %w", err)
	}
	_, err = fmt.Fprintf(std.Err, "daemon-hotfix: made %s and %s.pub\n", c.Key, c.Key)
	return key, err
}
