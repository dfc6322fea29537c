// Package kernel speaks the UbiquityOS kernel's protocol: it verifies a request, decodes it and redacts what it says.
// Raw text from outside does not leave this package.
package kernel

import (
	"crypto/rsa"
	"encoding/json"
	"fmt"
	"slices"
	"time"

	"github.com/ubiquity-os-marketplace/daemon-hotfix/internal/redact"
)

// The stages of a refusal, in the order in which requests are checked.
const (
	StageHTTP        = "http"        // content type
	StageJSON        = "json"        // the body is not JSON
	StageSchema      = "schema"      // a field is missing or has the wrong type
	StageSignature   = "signature"   // the kernel did not sign this
	StageDecode      = "decode"      // base64, brotli or inner JSON
	StageLimit       = "limit"       // too large
	StageAttestation = "attestation" // stale, or made for another request
)

// A Refusal is why a request was not accepted. Reason never quotes the request.
type Refusal struct {
	Stage  string
	Reason string
}

func (r *Refusal) Error() string { return fmt.Sprintf("request refused (%s): %s", r.Stage, r.Reason) }

func refuse(stage, format string, args ...any) error {
	return &Refusal{Stage: stage, Reason: fmt.Sprintf(format, args...)}
}

// Options say what to accept. Zero values are the defaults.
type Options struct {
	Key        *rsa.PublicKey // default: that of DefaultKey
	Now        time.Time      // default: time.Now()
	Leeway     time.Duration  // clock skew allowed for attestations; default one minute
	MaxAge     time.Duration  // age allowed for attestations; default one hour. More than that accepts expired ones, for runs that queue.
	MaxBytes   int64          // size of a body; default 8 MiB
	MaxInflate int64          // size of an inflated payload; default 32 MiB
	Self       Self           // who we are
	// Once hears, of the three events that tell of one failed run, only the one that says most: for a caller that
	// cannot remember the others.
	Once bool
}

// hour is the longest life the kernel gives an attestation.
const hour = time.Hour

func (o Options) withDefaults() Options {
	if o.Key == nil {
		o.Key = productionKey()
	}
	if o.Now.IsZero() {
		o.Now = time.Now()
	}
	if o.Leeway <= 0 {
		o.Leeway = time.Minute
	}
	if o.MaxAge <= 0 {
		o.MaxAge = hour
	}
	if o.MaxBytes <= 0 {
		o.MaxBytes = 8 << 20
	}
	if o.MaxInflate <= 0 {
		o.MaxInflate = 32 << 20
	}
	return o
}

// A Delivery is a request that the kernel or GitHub signed. Open, OpenWorkflow and OpenGitHub are its only constructors.
type Delivery struct {
	StateID     string
	Event       string          // "kernel.plugin_error", "issue_comment.created", ...
	Settings    json.RawMessage // a JSON object, as the installation wrote it: not redacted
	Token       redact.Secret   // the installation's GitHub token
	Attestation redact.Secret   // the kernel's token for renewing Token; empty from older kernels
	Ref         string          // where the kernel sent it: our URL, or a git ref

	payload object
	command *command
	opts    Options
	body    string // digest of a webhook of GitHub's own
}

// Open verifies and decodes the body of an HTTP request. Its error is a *Refusal.
func Open(body []byte, opts Options) (*Delivery, error) {
	opts = opts.withDefaults()
	if err := sized(body, opts); err != nil {
		return nil, err
	}
	fields, err := parseObject(body)
	if err != nil {
		return nil, err
	}
	return open(fields, opts)
}

// OpenWorkflow verifies and decodes the event file of a workflow_dispatch run. Its error is a *Refusal.
//
// The input kernelPublicKey is not read: whoever may dispatch the workflow chooses it. See WorkflowKey.
func OpenWorkflow(eventFile []byte, opts Options) (*Delivery, error) {
	opts = opts.withDefaults()
	if err := sized(eventFile, opts); err != nil {
		return nil, err
	}
	event, err := parseObject(eventFile)
	if err != nil {
		return nil, err
	}
	raw := event.get("inputs")
	if raw == nil {
		return nil, refuse(StageSchema, "the event has no inputs; is this the event file of a workflow_dispatch run?")
	}
	inputs, err := parseObject(raw)
	if err != nil {
		return nil, err
	}
	// GitHub may fill an input that was not sent with an empty string. The kernel never sends an empty one.
	if string(inputs.get(optionalField)) == `""` {
		inputs = slices.DeleteFunc(inputs, func(m member) bool { return string(m.name) == optionalField })
	}
	d, err := open(inputs, opts)
	if err == nil {
		d.Attestation.Reveal() // it is known at once: the event file lies on the disk of whatever else runs here
	}
	return d, err
}

// WorkflowKey is the input kernelPublicKey of a workflow_dispatch run. It proves nothing by itself: it may be used only
// if the caller knows that the kernel's own account dispatched the run.
func WorkflowKey(eventFile []byte) (*rsa.PublicKey, error) {
	event, err := parseObject(eventFile)
	if err != nil {
		return nil, err
	}
	given := event.object("inputs").str("kernelPublicKey")
	if given == "" {
		return nil, refuse(StageSchema, "the event has no input kernelPublicKey")
	}
	return ParseKey([]byte(given))
}

func sized(body []byte, opts Options) error {
	if int64(len(body)) > opts.MaxBytes {
		return refuse(StageLimit, "the request has %d bytes, more than %d", len(body), opts.MaxBytes)
	}
	return nil
}

// open does what both transports share. Nothing is decoded before the signature is verified.
func open(fields object, opts Options) (*Delivery, error) {
	e, err := readEnvelope(fields)
	if err != nil {
		return nil, err
	}
	if err := e.verify(opts.Key); err != nil {
		return nil, err
	}
	// A plugin may have said the token, which serves for an hour. The attestation was made for this request, after all that
	// it tells of, so nothing can hold it until it is revealed.
	d := &Delivery{StateID: e.text("stateId"), Event: e.text("eventName"), Ref: e.text("ref"), opts: opts,
		Token: redact.NewSecret(e.text("authToken")), Attestation: redact.StoredSecret(e.text("ubiquityKernelToken"))}
	if d.payload, err = inflate(e.text("eventPayload"), opts.MaxInflate); err != nil {
		return nil, err
	}
	if d.Settings, err = decodeSettings(e.text("settings")); err != nil {
		return nil, err
	}
	if d.command, err = decodeCommand(e.text("command")); err != nil {
		return nil, err
	}
	if e.has("ubiquityKernelToken") {
		if err := d.attest(e.text("ubiquityKernelToken"), e.text("authToken")); err != nil {
			return nil, err
		}
	}
	return d, nil
}
