package main

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/hotfix"
	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/kernel"
)

// An inspectCmd says what the daemon would make of one request, without doing anything.
type inspectCmd struct {
	Transport   string        `help:"http: standard input is a request body, or a whole request that begins with POST. workflow: the event file of a workflow_dispatch run." enum:"http,workflow" default:"http"`
	PublicKey   string        `help:"PEM file with the kernel's public key. Default: KERNEL_PUBLIC_KEY, else the production kernel's." placeholder:"FILE"`
	At          time.Time     `help:"When the request arrived, for one that is no longer fresh. Default: now." placeholder:"RFC3339"`
	ContentType string        `help:"The request's content type, if standard input is only its body." default:"application/json"`
	MaxAge      time.Duration `help:"How old a request may be." default:"1h"`
}

// Help is the long text of `inspect --help`.
func (*inspectCmd) Help() string {
	return `Prints one line of JSON: verdict (accept or reject), stage (where it was refused, or ok), reason, event, and
then: triage (a failure), command, or ignore. The rest is what was read, without secrets. Nothing is stored or sent.
The exit status is 0 whatever the verdict; it is 1 when no verdict could be reached.

Examples:
  daemon-hotfix inspect --public-key kernel.pem < body.json
  daemon-hotfix inspect --transport workflow --at 2026-04-22T08:00:00Z < "$GITHUB_EVENT_PATH"`
}

// A finding is what inspect prints.
type finding struct {
	Verdict string         `json:"verdict"`
	Stage   string         `json:"stage"`
	Reason  string         `json:"reason,omitempty"`
	ID      string         `json:"id,omitempty"`
	Event   string         `json:"event,omitempty"`
	Then    string         `json:"then,omitempty"`
	Notice  *hotfix.Notice `json:"notice,omitempty"`
}

// maxInspect bounds standard input in bytes, well above what the daemon takes.
const maxInspect = 128 << 20

// Run reads a request from standard input and prints the finding.
func (c *inspectCmd) Run(_ context.Context, std streams) error {
	input, err := io.ReadAll(io.LimitReader(std.In, maxInspect)) // before the key, which simulate may be making
	if err != nil {
		return fmt.Errorf("read standard input: %w", err)
	}
	key, err := kernelKey(c.PublicKey)
	if err != nil {
		return err
	}
	d, err := c.open(input, kernel.Options{Key: key, Now: c.At, MaxAge: c.MaxAge})
	var found finding
	var refusal *kernel.Refusal
	switch {
	case errors.As(err, &refusal):
		found = finding{Verdict: "reject", Stage: refusal.Stage, Reason: refusal.Reason}
	case err != nil:
		return err
	default:
		n, err := d.Notice()
		if err != nil {
			return err
		}
		found = finding{Verdict: "accept", Stage: "ok", ID: n.ID, Event: n.Event, Then: kernel.Then(n), Notice: &n}
		if n.Ignored != nil {
			found.Reason = n.Ignored.Because
		}
	}
	enc := json.NewEncoder(std.Out)
	enc.SetEscapeHTML(false)
	return enc.Encode(found)
}

func (c *inspectCmd) open(input []byte, opts kernel.Options) (*kernel.Delivery, error) {
	if c.Transport == "workflow" {
		return kernel.OpenWorkflow(input, opts)
	}
	contentType := c.ContentType
	if bytes.HasPrefix(input, []byte("POST ")) {
		header, body, err := splitRequest(input)
		if err != nil {
			return nil, err
		}
		contentType, input = header.Get("Content-Type"), body
	}
	if err := kernel.CheckContentType(contentType); err != nil {
		return nil, err
	}
	return kernel.Open(input, opts)
}

// splitRequest reads a whole request. One without a length goes to the end of the input.
func splitRequest(input []byte) (http.Header, []byte, error) {
	r := bufio.NewReader(bytes.NewReader(input))
	req, err := http.ReadRequest(r)
	if err != nil {
		return nil, nil, fmt.Errorf("read the request on standard input: %w", err)
	}
	from := io.Reader(r)
	if req.ContentLength > 0 || len(req.TransferEncoding) > 0 {
		from = req.Body
	}
	body, err := io.ReadAll(from)
	if err != nil {
		return nil, nil, fmt.Errorf("read the request on standard input: %w", err)
	}
	return req.Header, body, nil
}
