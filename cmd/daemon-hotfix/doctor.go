package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"
	"time"

	"github.com/tmc/langchaingo/llms"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/model"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/sandbox"
)

// A doctorCmd looks at an installation and says what is wrong with it and what to do. It takes serve's flags, so that it
// looks at what serve would use.
type doctorCmd struct {
	serveCmd `embed:""`

	KernelConfig []string `help:"Configuration file of the kernel to read. Default: the one in OWNER/.ubiquity-os of each allowed owner." placeholder:"FILE" type:"existingfile"`
	Offline      bool     `help:"Look at this machine only: ask neither GitHub nor the model."`
	JSON         bool     `help:"Print the findings as JSON."`
}

// Help is the long text of `doctor --help`.
func (*doctorCmd) Help() string {
	return `Give it the flags and the environment that serve has. It writes nothing on GitHub and asks the model one short question.
The exit status is 1 if there is a problem; warnings do not count.

Examples:
  daemon-hotfix doctor --config /etc/daemon-hotfix.yaml
  daemon-hotfix doctor --allow "acme/*" --json
  daemon-hotfix doctor --offline`
}

// How a check went.
const (
	fine    = "ok"
	warning = "warning"
	problem = "problem"
)

// A diagnosis is what one check found, and what to do if that is not fine.
type diagnosis struct {
	Check  string `json:"check"`
	Status string `json:"status"`
	Says   string `json:"says"`
	Do     string `json:"do,omitempty"`
}

// A doctor collects findings.
type doctor struct {
	*doctorCmd
	findings []diagnosis
}

func (d *doctor) add(check, status, do, says string, args ...any) {
	if status == fine {
		do = ""
	}
	d.findings = append(d.findings, diagnosis{check, status, redact.Scrub(fmt.Sprintf(says, args...)).String(), do})
}

// found adds err as a problem, or says as fine.
func (d *doctor) found(check string, err error, do, says string, args ...any) {
	if err != nil {
		d.add(check, problem, do, "%v", err)
		return
	}
	d.add(check, fine, "", says, args...)
}

// Run makes every check and prints what was found.
func (c *doctorCmd) Run(ctx context.Context, std streams) error {
	d := &doctor{doctorCmd: c}
	d.kernelKey()
	d.data(ctx)
	d.sandbox()
	if !c.Offline {
		d.github(ctx)
		d.model(ctx)
	}
	d.kernel(ctx)
	if c.JSON {
		enc := json.NewEncoder(std.Out)
		enc.SetIndent("", "  ")
		if err := enc.Encode(map[string]any{"healthy": d.healthy(), "findings": d.findings}); err != nil {
			return fmt.Errorf("print findings: %w", err)
		}
	} else if err := d.print(std.Out); err != nil {
		return fmt.Errorf("print findings: %w", err)
	}
	if !d.healthy() {
		return exit(1)
	}
	return nil
}

func (d *doctor) count(status string) (n int) {
	for _, f := range d.findings {
		if f.Status == status {
			n++
		}
	}
	return n
}

func (d *doctor) healthy() bool { return d.count(problem) == 0 }

func (d *doctor) print(w io.Writer) error {
	var b strings.Builder
	for _, f := range d.findings {
		fmt.Fprintf(&b, "%-8s %-18s %s\n", f.Status, f.Check, f.Says)
		if f.Do != "" {
			fmt.Fprintf(&b, "%-27s → %s\n", "", f.Do)
		}
	}
	fmt.Fprintf(&b, "\n%d fine, %d warnings, %d problems\n", d.count(fine), d.count(warning), d.count(problem))
	_, err := io.WriteString(w, b.String())
	return err
}

func (d *doctor) kernelKey() {
	_, err := kernelKey(d.PublicKey)
	whose := "the production kernel's"
	switch {
	case d.PublicKey != "":
		whose = "read from " + d.PublicKey
	case os.Getenv("KERNEL_PUBLIC_KEY") != "":
		whose = "taken from KERNEL_PUBLIC_KEY"
	}
	d.found("kernel key", err, "Give the kernel's public key as a PEM file that begins with BEGIN PUBLIC KEY.", "%s", whose)
}

func (d *doctor) sandbox() {
	found, err := sandbox.Check(sandbox.Config{})
	d.found("sandbox", err, "Fixes stay off until it holds; `daemon-hotfix sandbox check` shows every layer. On a container host, allow user namespaces.",
		"code of plugins can run here without harm (%d checks)", len(found))
	for _, f := range found {
		if f.Name != "toolchains" {
			continue
		}
		status := fine
		if !f.Held {
			status = warning
		}
		d.add("toolchains", status, "Install the toolchains of your plugins, such as Node or Go: without them their tests cannot run, and nothing can be proven.", "%s", f.Says)
	}
}

// model asks the configured model one short question.
func (d *doctor) model(ctx context.Context) {
	const do = "Set the key in the environment, and HOTFIX_MODEL to a model that it may ask."
	models, err := model.Open(os.Getenv, nil)
	if errors.Is(err, model.ErrNone) {
		d.add("model", warning, "Without one the daemon keeps issues only. "+do, "none is configured")
		return
	}
	if err != nil {
		d.found("model", err, do, "")
		return
	}
	m, err := models.Model()
	if err != nil && models.Borrows() {
		d.add("model", fine, "", "%s is asked with the tokens of a delivery, and there is none here to ask with", models.Provider())
		return
	}
	if err == nil {
		ctx, cancel := context.WithTimeout(ctx, time.Minute)
		defer cancel()
		_, err = m.GenerateContent(ctx, []llms.MessageContent{llms.TextParts(llms.ChatMessageTypeHuman, "Answer with the word ok.")}, llms.WithMaxTokens(200))
	}
	d.found("model", err, do, "%s answers", strings.TrimSpace(models.Provider()+" "+models.Name()))
	if err == nil && models.Price() == nil {
		d.add("model price", warning, "The budget in dollars does not bind; the one in tokens does. Choose --budget-tokens accordingly.", "the price of %s is not known", models.Name())
	}
}

// quiet is the logger of checks: what matters is in the findings.
var quiet = slog.New(slog.DiscardHandler)
